"""Every place a map speaks of, taken out of its groups, lists and branches: what stands where, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from casebridge.mapping.checking.places import At, Known, Spot, known, steps_of
from casebridge.mapping.model import BOTH, Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition, Path

Role = Literal["value", "flag", "part", "list", "group", "also", "beside"]


@dataclass(frozen=True, slots=True)
class Stand:
    """One place of a line on each side, as seen from the roots.

    ``ways`` are those in which it really goes, whatever the groups round it say. ``owner`` numbers the line as it is
    written (a flag and its ``none`` have one), ``branches`` are (choose, branch) pairs, ``round`` the lines round it.
    """

    line: Line
    owner: int
    role: Role
    case: Spot
    other: Spot
    ways: frozenset[str]
    case_if: tuple[Known, ...] = ()
    other_if: tuple[Known, ...] = ()
    when: tuple[Known, ...] = ()
    branches: tuple[tuple[int, int], ...] = ()
    round: tuple[Line, ...] = ()
    constant: Condition | None = None  # of a `with`
    word: str = ""  # of a flag
    many: bool = False  # of a spread: its case place is a list


@dataclass(frozen=True, slots=True)
class Fork:
    """A ``choose`` where it stands, with the lines beside it."""

    line: Choose
    case: Spot
    other: Spot
    ways: frozenset[str]
    beside: tuple[Line, ...]
    number: int

@dataclass(slots=True)
class Survey:
    """All places and forks of a map."""

    definition: Definition
    stands: list[Stand] = field(default_factory=list)
    forks: list[Fork] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Here:
    cases: tuple[Spot, ...] = ((),)
    others: tuple[Spot, ...] = ((),)
    ways: frozenset[str] = BOTH
    case_if: tuple[Known, ...] = ()
    other_if: tuple[Known, ...] = ()
    when: tuple[Known, ...] = ()
    branches: tuple[tuple[int, int], ...] = ()
    round: tuple[Line, ...] = ()
    beside: tuple[Line, ...] = ()

    @property
    def case(self) -> Spot:
        return self.cases[-1]

    @property
    def other(self) -> Spot:
        return self.others[-1]


def survey(definition: Definition) -> Survey:
    """Walk the whole map."""
    found = Survey(definition)
    ways = frozenset({definition.only}) if definition.only else BOTH
    held = tuple(known((), condition) for condition in definition.when)
    _Walker(found, _theirs(definition)).lines(definition.fields, _Here(ways=ways, case_if=held))
    return found


def _theirs(definition: Definition) -> frozenset[str]:
    """The parents that the partner alone writes."""
    parents = definition.shape.get("parents") or {}
    return frozenset(n for n, said in parents.items() if not isinstance(said, dict) or said.get("owner") != "ours")


class _Walker:
    def __init__(self, found: Survey, theirs: frozenset[str]) -> None:
        self.found, self.theirs, self.count = found, theirs, 0

    def lines(self, lines: Iterable[Line], here: _Here) -> None:
        lines = tuple(lines)
        for line in lines:
            self.count += 1
            self._line(line, replace(here, beside=lines), self.count)

    def _line(self, line: Line, here: _Here, number: int) -> None:
        when = tuple(known(here.case, c) for c in line.when)
        here = replace(
            here, ways=here.ways & line.ways, when=here.when + when, case_if=here.case_if + when,
        )  # fmt: skip
        if isinstance(line, Choose):
            self._choose(line, here, number)
        elif isinstance(line, Leaf):
            self._leaf(line, line, here, number)
        elif isinstance(line, Spread):
            for part in line.parts:
                self._leaf(replace(part, loss=part.loss or line.loss), line, here, number, many=True)
        elif isinstance(line, Flags):
            self._flags(line, here, number)
        elif isinstance(line, Each | Group):
            self._below(line, here, number)

    def _leaf(self, leaf: Leaf, line: Line, here: _Here, number: int, *, many: bool = False) -> None:
        other = _risen(here.others, leaf.other)
        ways = here.ways - {"export"} if leaf.other.up or _in(other, self.theirs) else here.ways
        case = _risen(here.cases, leaf.case)
        self._add(leaf, number, "value", case, other, ways, here, many=many)
        for path in leaf.also_read:
            self._add(leaf, number, "also", case, _risen(here.others, path), here.ways & {"import"}, here)
        for condition in leaf.beside:
            spot = _risen(here.others, condition.path)
            self._add(leaf, number, "beside", case, spot, ways & {"export"}, here, constant=condition)

    def _flags(self, line: Flags, here: _Here, number: int) -> None:
        case = _risen(here.cases, line.case)
        for word, path in line.flags:
            self._add(line, number, "flag", case, _risen(here.others, path), here.ways, here, word=word)
        if line.none:
            self._leaf(line.none, line, here, number)

    def _below(self, line: Each | Group, here: _Here, number: int) -> None:
        each = number if isinstance(line, Each) else 0
        case = _risen(here.cases, line.case, each)
        if each and not line.case.steps:
            case = (*case, At("", None, each))
        other = _risen(here.others, line.other, each)
        ways = here.ways - {"export"} if _in(other, self.theirs) else here.ways
        self._add(line, number, "list" if each else "group", case, other, ways, here)
        inner = replace(
            here, cases=(*here.cases, case), others=(*here.others, other), ways=ways, round=(*here.round, line)
        )
        if isinstance(line, Group) and line.split:
            for part in line.fields:
                self.count += 1
                self._add(part, self.count, "part", _risen(inner.cases, part.case),
                          (*other, At(part.other.text if isinstance(part, Leaf) else "")),
                          ways & part.ways, inner)  # fmt: skip
            return
        self.lines(line.fields, inner)

    def _choose(self, line: Choose, here: _Here, number: int) -> None:
        self.found.forks.append(Fork(line, here.case, here.other, here.ways, here.beside, number))
        for i, branch in enumerate(line.branches):
            inner = replace(
                here, case_if=here.case_if + tuple(known(here.case, c) for c in branch.case),
                other_if=here.other_if + tuple(known(here.other, c) for c in branch.other),
                branches=(*here.branches, (number, i)), round=(*here.round, line),
            )  # fmt: skip
            self.lines(branch.fields, inner)

    def _add(
        self, line: Line, owner: int, role: Role, case: Spot, other: Spot, ways: frozenset[str], here: _Here,
        *, constant: Condition | None = None, word: str = "", many: bool = False,
    ) -> None:  # fmt: skip
        self.found.stands.append(Stand(
            line, owner, role, case, other, ways, here.case_if, here.other_if, here.when, here.branches, here.round,
            constant, word, many,
        ))  # fmt: skip


def _in(spot: Spot, parents: frozenset[str]) -> bool:
    return bool(spot) and spot[0].key in parents


def _risen(scopes: tuple[Spot, ...], path: Path, each: int = 0) -> Spot:
    """A path's place from the root; ``^`` is a scope above."""
    at = max(len(scopes) - 1 - path.up, 0)
    return scopes[at] + steps_of(path, each)


def values(found: Survey) -> Iterator[Stand]:
    """The places that hold one value each, in the order written."""
    return (stand for stand in found.stands if stand.role in ("value", "flag", "part"))
