"""The values a line can take on either side: its code rows, what its converter reads, references, or plain values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from casebridge.core.errors import CaseBridgeError
from casebridge.core.values import MOMENT_PATTERN
from casebridge.mapping.generate import values
from casebridge.mapping.generate.claims import Claim, Steps
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.kinds import CaseKind, NativeKind
from casebridge.mapping.model import Leaf
from casebridge.mapping.translate import OwnIds, to_case, to_other
from casebridge.mapping.walk import blank, clone, is_absent

_FREE = 16  # plain values tried for a line
_OWN = OwnIds()
MOMENT = re.compile(MOMENT_PATTERN)
Readers = dict[Steps, list[Claim]]


@dataclass(frozen=True, slots=True)
class Pool:
    """Values for a place; with ``many`` a few of them make its list."""

    items: tuple[Any, ...]
    many: bool = False

    def draw(self, dice: Dice) -> Any:
        """One value, or a list of them."""
        if self.many:
            found = [dice.each(self.items) for _ in range(dice.few())]
            return found[:1] if any(is_absent(item) for item in found) else found
        found = dice.each(self.items)
        return clone(found) if isinstance(found, dict | list) else found


def readers(found: Iterable[Claim]) -> Readers:
    """The lines that read a place, by the place."""
    by_place: Readers = {}
    for claim in found:
        if "import" in claim.ways:
            for place in (*claim.other, *claim.also):
                by_place.setdefault(place, []).append(claim)
    return by_place


def other_pool(
    leaf: Leaf, native: NativeKind, case: CaseKind, also: tuple[Leaf, ...] = (), hint: str = ""
) -> Pool:  # fmt: skip
    """What a partner may write at a leaf's place. ``also`` are the leaves that read the same place, and must."""
    rng = Random(leaf.other.text)  # noqa: S311  the same values each time
    every = (leaf, *also)
    listed = (row.other for each in also if each.codes for row in each.codes.rows if row.way != "export")
    found = [native.spelled(value) for value in (*_theirs(leaf, native, case, rng, hint), *listed)]
    usable = [value for value in found if all(_works(to_case, each, value) for each in every)]
    many = native.many if native.many is not None else case.many and not native.element
    return Pool(distinct(usable), bool(many) and not _is_whole(leaf))


def case_pool(leaf: Leaf, native: NativeKind, case: CaseKind, hint: str = "") -> Pool:
    """What the case side may hold for a leaf, as far as the map can write it."""
    rng = Random(leaf.case.text)  # noqa: S311
    usable = [value for value in _ours(leaf, native, case, rng, hint) if _written(leaf, value)]
    return Pool(distinct(usable), case.many and not _is_whole(leaf))


def _is_whole(leaf: Leaf) -> bool:
    """Is a list one value to the line?"""
    return leaf.convert is not None and leaf.convert.whole


def _theirs(leaf: Leaf, native: NativeKind, case: CaseKind, rng: Random, hint: str) -> Iterator[Any]:
    if leaf.link:
        words = list(leaf.link.kinds) or [""]
        yield from (values.reference(rng, rng.choice(words)) for _ in range(_FREE))
        if leaf.link.kinds:
            yield "#contained-1"
        return
    if leaf.codes:
        yield from (row.other for row in leaf.codes.rows if row.way != "export")
        if leaf.codes.otherwise == "refuse":
            return
    if leaf.convert:
        yield from (theirs for theirs, _ in leaf.convert.samples)
        ours = ([case.item(rng)] if leaf.convert.whole else case.item(rng) for _ in range(_FREE))
        yield from _tried(leaf.convert.write, ours)
        return
    for _ in range(_FREE // 2 if leaf.codes else _FREE):
        yield _free(native, case, rng, hint)


def _free(native: NativeKind, case: CaseKind, rng: Random, hint: str) -> Any:
    if hint:
        return of_test(hint, case, rng)
    element = native.element
    if element is not None and (element.codes or element.type in ("boolean", "number", "group")):
        return native.item(rng)
    return case.item(rng)


def _ours(leaf: Leaf, native: NativeKind, case: CaseKind, rng: Random, hint: str) -> Iterator[Any]:
    if leaf.link:
        kinds = list(leaf.link.kinds.items()) or [("", leaf.link.kind)]
        for _ in range(_FREE):
            word, kind = rng.choice(kinds)
            yield {"kind": kind, "external_id": values.reference(rng, word)}
        return
    if leaf.codes:
        rows = [row.case for row in leaf.codes.rows if row.way != "import"]
        yield from ({"absent": c[7:]} if isinstance(c, str) and c.startswith("absent:") else c for c in rows)
    if leaf.convert:
        theirs = list(_theirs(leaf, native, case, rng, hint))
        yield from _tried(lambda value: to_case(leaf, value), theirs)
    elif not leaf.codes or leaf.codes.otherwise == "keep":
        for _ in range(_FREE // 2 if leaf.codes else _FREE):
            yield _free(native, case, rng, hint)


def _tried(turn: Callable[[Any], Any], given: Iterable[Any]) -> Iterator[Any]:
    """What ``turn`` makes of those values that it takes."""
    for value in given:
        try:
            found = turn(value)
        except (ValueError, TypeError, AttributeError, CaseBridgeError):
            continue
        if not blank(found):
            yield found


def _works(turn: Callable[[Leaf, Any], Any], leaf: Leaf, value: Any) -> bool:
    try:
        turn(leaf, value)
    except CaseBridgeError:
        return False
    return True


def _written(leaf: Leaf, value: Any) -> bool:
    try:
        return not blank(to_other(leaf, value, _OWN))
    except CaseBridgeError:
        return False


def of_test(test: str, kind: CaseKind | NativeKind, rng: Random) -> Any:
    """A boolean, or a date or moment as the place takes it."""
    if test == "boolean":
        return rng.random() < 0.5
    for _ in range(_FREE):
        found = kind.sample(rng)
        if isinstance(found, str) and MOMENT.fullmatch(found):
            return found
    return values.day(rng)


def distinct(found: Iterable[Any]) -> tuple[Any, ...]:
    """The values, each once and in order; true is not 1."""
    kept: dict[str, Any] = {}
    for value in found:
        if not blank(value):
            kept.setdefault(repr(value), value)
    return tuple(kept.values())
