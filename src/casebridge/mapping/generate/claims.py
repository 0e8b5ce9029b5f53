"""A map's lines with their whole paths on both sides, groups and branches opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.core.case import PLURALS
from casebridge.mapping.model import BOTH, Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Path, Step

Steps = tuple[Step, ...]
Branches = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A line with its whole case path and its whole paths on the other side.

    ``ways`` and ``signed`` (why something may be lost) hold what the lines round it say too. ``branches`` are the
    branches it stands in, by the line and the number of the branch.
    """

    line: Line
    case: Steps
    other: tuple[Steps, ...]
    ways: frozenset[str]
    signed: str = ""
    also: tuple[Steps, ...] = ()
    branches: Branches = ()

    def beside(self, other: Claim) -> bool:
        """Can both lines count in one record? Branches of one ``choose`` exclude each other."""
        mine, theirs = dict(self.branches), dict(other.branches)
        return all(mine[line] == theirs[line] for line in mine.keys() & theirs.keys())

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """The lines that translate single values here."""
        return leaves_of(self.line)


@dataclass(frozen=True, slots=True)
class _Round:
    """What is round a line: the case and outside scopes, the nearest first, and what they say."""

    case: tuple[Steps, ...] = ((),)
    other: tuple[Steps, ...] = ((),)
    ways: frozenset[str] = BOTH
    signed: str = ""
    branches: Branches = ()

    def inner(self, line: Line, case: Steps, other: Steps) -> _Round:
        ways, signed = self.ways & line.ways, line.loss or self.signed
        return _Round((case, *self.case), (other, *self.other), ways, signed, self.branches)


def claims(definition: Definition) -> tuple[Claim, ...]:
    """Every line of the map that holds a value or a list, groups and branches opened."""
    ways = frozenset({definition.only}) if definition.only else BOTH
    return tuple(_claims(definition.fields, _Round(ways=ways)))


def _claims(lines: Iterable[Line], around: _Round) -> Iterator[Claim]:
    for line in lines:
        if isinstance(line, Choose):
            for i, branch in enumerate(line.branches):
                ways, signed = around.ways & line.ways, line.loss or around.signed
                inside = (*around.branches, (id(line), i))
                yield from _claims(branch.fields, _Round(around.case, around.other, ways, signed, inside))
            continue
        yield _claim(line, around)
        if isinstance(line, Each | Group):
            here = _claim(line, around)
            yield from _claims(line.fields, around.inner(line, here.case, here.other[0]))


def _claim(line: Line, around: _Round) -> Claim:
    signed = line.loss or next((leaf.codes.loss for leaf in leaves_of(line) if leaf.codes), "") or around.signed
    also = [_whole(path, around.other) for leaf in leaves_of(line) for path in leaf.also_read]
    return Claim(
        line, _whole(line.case, around.case), tuple(_whole(path, around.other) for path in places_of(line)),
        around.ways & line.ways, signed, tuple(also), around.branches,
    )  # fmt: skip


def _whole(path: Path, scopes: tuple[Steps, ...]) -> Steps:
    return (*scopes[min(path.up, len(scopes) - 1)], *path.steps)


def leaves_of(line: Line) -> tuple[Leaf, ...]:
    """The leaves a line is made of: itself, its parts, or what says why there are no flags."""
    if isinstance(line, Leaf):
        return (line,)
    if isinstance(line, Spread):
        return line.parts
    return (line.none,) if isinstance(line, Flags) and line.none else ()


def places_of(line: Line) -> tuple[Path, ...]:
    """The outside paths a line writes."""
    if isinstance(line, Flags):
        return tuple(path for _, path in line.flags) + tuple(leaf.other for leaf in leaves_of(line))
    if isinstance(line, Leaf | Group | Each):
        return (line.other,)
    return tuple(leaf.other for leaf in leaves_of(line))


def shared_parents(definition: Definition) -> frozenset[str]:
    """The parents that their owner alone writes."""
    parents: Mapping[str, Any] = definition.shape.get("parents") or {}
    return frozenset(name for name, said in parents.items() if said.get("owner") != "ours")


def in_shared(definition: Definition, claim: Claim) -> bool:
    """Does the line speak of a shared parent?"""
    theirs = shared_parents(definition)
    return any(steps and steps[0].key in theirs for steps in claim.other)


def root_length(definition: Definition) -> int:
    """How much of a place in a slice comes before the map's case paths: ``needs[0]`` is 2."""
    if len(definition.case) > 1:
        return 0
    return 2 if definition.case[0] in PLURALS and not in_lists(definition) else 1


def in_lists(definition: Definition) -> bool:
    """Does the map write its one slot as a whole list?"""
    return any(not line.case.steps and isinstance(line, Each) for line in definition.fields)
