"""Absolute places on either side, and proofs that two of them can never be one.

A place is a row of steps from the root of the record. Two selectors are disjoint when some path has different
constants in them, or is present in one and absent in the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from casebridge.mapping.paths import Condition, Path, Step

Selector = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class At:
    """One step of a place. ``each`` is the number of the ``each`` line that covers the list, 0 for none."""

    key: str
    selector: Selector | None = None
    each: int = 0

    def __str__(self) -> str:
        if self.selector is None:
            return self.key
        return f"{self.key}({' & '.join(map(str, self.selector))})"


Spot = tuple[At, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A condition that holds at a place."""

    spot: Spot
    condition: Condition

    def __str__(self) -> str:
        if self.condition.test == "equal":
            return f"{spelled(self.spot)} = {'|'.join(self.condition.values)}"
        return f"{spelled(self.spot)} is {self.condition.test}"


def steps_of(path: Path, each: int = 0) -> Spot:
    """The steps of a path; the last one is covered by the ``each`` line with this number."""
    last = len(path.steps) - 1
    return tuple(At(s.key, s.selector, each if i == last else 0) for i, s in enumerate(path.steps))


def known(group: Spot, condition: Condition) -> Known:
    """``condition`` as it stands in ``group``."""
    return Known(group + steps_of(condition.path), condition)


def spelled(spot: Spot) -> str:
    """A place as a path."""
    return ".".join(str(at) for at in spot if at.key) or "."


def keys_of(spot: Spot) -> tuple[str, ...]:
    """The names of the fields on the way."""
    return tuple(at.key for at in spot if at.key)


def disjoint(a: Selector | None, b: Selector | None) -> bool:
    """Can no item meet both selectors?"""
    return any(excludes(x, y) for x in a or () for y in b or ())


def same(a: Selector | None, b: Selector | None) -> bool:
    """Do both selectors mean the same item, also when it has to be made?"""
    return a == b or (a is not None and b is not None and set(a) == set(b))


def excludes(a: Condition, b: Condition) -> bool:
    """Can the two conditions, on one node, never hold together?"""
    if a.path == b.path:
        return _contrary(a, b) or _contrary(b, a)
    return _void(a, b.path.steps, b.test) or _void(b, a.path.steps, a.test)


def contradict(a: Iterable[Known], b: Iterable[Known]) -> bool:
    """Does something in ``a`` speak against something in ``b``?"""
    others = list(b)
    return any(_against(x, y) for x in a for y in others)


def _against(a: Known, b: Known) -> bool:
    if a.spot == b.spot:
        return _contrary(a.condition, b.condition) or _contrary(b.condition, a.condition)
    return _empty_above(a, b) or _empty_above(b, a)


def _empty_above(a: Known, b: Known) -> bool:
    """``a`` says that nothing is there, ``b`` that something is below."""
    above = len(a.spot) < len(b.spot) and all(
        x.key == y.key and (x.selector is None or x.selector == y.selector)
        for x, y in zip(a.spot, b.spot, strict=False)
    )
    return above and a.condition.test == "absent" and b.condition.test != "absent"


def _contrary(a: Condition, b: Condition) -> bool:
    if a.test == "absent":
        return b.test != "absent"
    if a.test == "equal" and b.test == "equal":
        return not set(a.values) & set(b.values)
    if a.test == "boolean":
        return b.test == "moment" or (b.test == "equal" and not set(b.values) & {"true", "false"})
    return False


def _void(a: Condition, below: tuple[Step, ...], test: str) -> bool:
    """``a`` says that nothing is there, the other condition needs something at or below it."""
    if a.test != "absent" or test == "absent" or len(a.path.steps) > len(below):
        return False
    return all(
        x.key == y.key and (x.selector is None or x.selector == y.selector)
        for x, y in zip(a.path.steps, below, strict=False)
    )


def may_meet(a: Spot, b: Spot) -> bool:
    """Can one place be the other, or hold it?"""
    return all(x.key == y.key and not disjoint(x.selector, y.selector) for x, y in zip(a, b, strict=False))
