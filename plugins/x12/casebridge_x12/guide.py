"""The implementation guides as data: loops, their segments and elements (``data/*.csv``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby

from casebridge.core import facts

MANY = 1 << 30
ENROLLMENT, RESPONSE = "834_005010X220A1", "271_005010X279A1"
# Segments whose first element says which of several of the same name they are.
QUALIFIED = frozenset({"REF", "DTP", "NM1", "N1", "PER", "AMT", "QTY", "LS", "LE"})


@dataclass(frozen=True, slots=True)
class Element:
    """``index`` counts from 1; ``check`` and ``on_error`` are the columns that data/NOTICE.md explains."""

    index: int
    name: str
    required: bool
    codes: frozenset[str]
    check: str
    on_error: str
    components: tuple[Element, ...] = ()
    repeats: bool = False
    form: int = 0  # the element that holds the date format of a ``period``, 0 for the fixed D8
    used: bool = True  # the guide has a use for it


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """One use of a segment in a loop; ``codes`` are the values of element 01 that select it, empty for any."""

    tag: str
    name: str
    required: bool
    most: int
    on_error: str
    codes: frozenset[str]
    elements: tuple[Element, ...]
    checked: tuple[Element, ...]
    composites: tuple[Element, ...]
    phase: int  # how many loops the guide places before it in its own loop

    def takes(self, code: str) -> bool:
        """Whether a segment with this element 01 is meant."""
        return not self.codes or code in self.codes


@dataclass(slots=True)
class Loop:
    """A loop, opened by its first segment. ``order`` is its place among the loops of its parent.

    ``singles`` are the tags that stand at most once here and so are a dict in the native record, not a list.
    """

    id: str
    path: str
    name: str
    required: bool
    most: int
    on_error: str
    order: int = 0
    rules: dict[str, list[SegmentRule]] = field(default_factory=dict)
    loops: list[Loop] = field(default_factory=list)
    opened_by: dict[str, list[Loop]] = field(default_factory=dict)
    first: SegmentRule = field(init=False)
    singles: frozenset[str] = frozenset()
    required_rules: tuple[SegmentRule, ...] = ()
    required_loops: tuple[Loop, ...] = ()

    def index(self) -> None:
        """Fills what is derived from ``rules`` and ``loops``, once all loops have their rules."""
        self.first = next(iter(self.rules.values()))[0]
        self.singles = frozenset(tag for tag, rules in self.rules.items() if len(rules) == 1 and rules[0].most == 1)
        self.required_rules = tuple(rule for rules in self.rules.values() for rule in rules if rule.required)
        self.required_loops = tuple(loop for loop in self.loops if loop.required)


@cache
def guide(name: str = ENROLLMENT) -> dict[str, Loop]:
    """The outermost loops: ``HEADER`` (table 1) and ``2000`` (one member); in a 271 also ``2000A`` and ``2000B``."""
    rows = facts.rows("casebridge_x12", f"{name}.csv")
    loops: dict[str, Loop] = {}
    for row, elements in _definitions(rows):
        if row["segment"]:
            loop = loops[row["loop"]]
            loop.rules.setdefault(row["segment"], []).append(_rule(row, elements, len(loop.loops)))
        else:
            _add_loop(loops, row)
    for loop in loops.values():
        loop.index()
    for loop in loops.values():
        for child in loop.loops:
            loop.opened_by.setdefault(child.first.tag, []).append(child)
    return {path: loop for path, loop in loops.items() if "/" not in path}


def _definitions(rows: list[dict[str, str]]) -> Iterator[tuple[dict[str, str], list[dict[str, str]]]]:
    """Each loop or segment row with the element rows below it."""
    starts = 0

    def group(row: dict[str, str]) -> int:
        nonlocal starts
        starts += not row["element"]
        return starts

    for _, members in groupby(rows, key=group):
        first, *elements = members
        yield first, elements


def _add_loop(loops: dict[str, Loop], row: dict[str, str]) -> None:
    parent, _, name = row["loop"].rpartition("/")
    loop = Loop(name, row["loop"], row["name"], row["usage"] == "required", _most(row), row["on_error"])
    loops[row["loop"]] = loop
    if parent:
        loop.order = len(loops[parent].loops)
        loops[parent].loops.append(loop)


def _rule(row: dict[str, str], rows: list[dict[str, str]], phase: int) -> SegmentRule:
    elements = tuple(_elements(rows))
    codes = elements[0].codes if row["segment"] in QUALIFIED else frozenset()
    return SegmentRule(
        row["segment"], row["name"], row["usage"] == "required", _most(row), row["on_error"], codes, elements,
        tuple(e for e in elements if e.required or e.codes or e.check or e.components),
        tuple(e for e in elements if e.components or e.repeats), phase,
    )  # fmt: skip


def _elements(rows: list[dict[str, str]]) -> Iterator[Element]:
    for index, group in groupby(rows, key=lambda row: int(row["element"][:2])):
        parts = [_element(int(row["element"][-2:]), row) for row in group]
        if "-" not in (row := next(r for r in rows if int(r["element"][:2]) == index))["element"]:
            yield parts[0]
        else:
            yield Element(index, row["name"], False, frozenset(), "", "", tuple(parts), row["most"] not in ("", "1"),
                          used=any(part.used for part in parts))  # fmt: skip


def _element(index: int, row: dict[str, str]) -> Element:
    check = row["check"]
    return Element(
        index, row["name"], row["usage"] == "required", frozenset(row["codes"].split()), check, row["on_error"],
        form=int(check[-2:]) if check.startswith("period") else 0, used=row["usage"] != "unused",
        repeats="-" not in row["element"] and row["most"] not in ("", "1"),
    )  # fmt: skip


def _most(row: dict[str, str]) -> int:
    return MANY if row["most"] == "many" else int(row["most"] or 1)
