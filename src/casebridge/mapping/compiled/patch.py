"""Putting single lines onto an original: the interpreter's own writer, on a copy of what these lines touch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from casebridge.core.case import PLURALS
from casebridge.mapping.compiled.runtime import Irregular
from casebridge.mapping.compiled.runtime_values import unlike
from casebridge.mapping.keyed import pair
from casebridge.mapping.likeness import all_withheld
from casebridge.mapping.model import Choose, Definition, Each, Group, Leaf, Line, value_places
from casebridge.mapping.paths import Path, Step
from casebridge.mapping.put_values import as_known, unknown
from casebridge.mapping.reading import Reader
from casebridge.mapping.translate import Links
from casebridge.mapping.walk import Scope, Trail, Where, blank, clone, holds_all
from casebridge.mapping.writing import Writer


class Patch(Writer):
    """The original with some lines put onto it; what no such line touches is the original's own."""

    def __init__(
        self, definition: Definition, links: Links, base: dict[str, Any], case: Any, complete: Iterable[str]
    ) -> None:  # fmt: skip
        self.definition, self.links = definition, links
        self.trail, self.reader = Trail(), Reader()
        self.origin = {}
        self.new, self.old = dict(base), Scope(base)
        self.parents = parents_of(definition)
        self.creating = self.erasing = False
        self.beside = definition.fields
        self.partial = frozenset(PLURALS) - frozenset(complete)
        self.writes = 0
        self.standing, self.read_only = [], []
        self.unknown = unknown(definition, case)
        known = as_known(definition, case, self.partial) if len(definition.case) > 1 else case
        self.case, self.copied = Scope(known), set[str]()

    def put(self, line: Line, touched: Iterable[str]) -> None:
        """Put one line; ``touched`` are the fields of the record it may change."""
        for key in touched:
            if key not in self.copied and key in self.new:
                self.new[key] = clone(self.new[key], self.origin)
            self.copied.add(key)
        self.line(line, self.case, self.new, self.old)

    def value(self, line: Leaf, touched: Iterable[str], ours: Any, theirs: Any) -> None:
        """Put one value, of which the slice and the original say different things."""
        if _replaces(line, ours, theirs):
            self.new = placed(self.new, line.other.steps, ours)
        else:
            self.put(line, touched)

    def items(self, plan: ListPlan, ours: Any, theirs: Any) -> None:
        """Put a list whose items are known by different keys; any other goes to the writer."""
        line, key = plan.line, plan.line.other.steps[0].key
        before: Any = self.new.get(key)
        paired = self._paired(plan, ours, theirs, before)
        if paired is None:
            self.put(line, (key,))
            return
        pairs, added, dropped = paired
        result = list(before)
        for i, j in pairs:
            if ours[i] != theirs[j] or unlike(ours[i], theirs[j]):
                result[j] = self._item(plan, ours[i], theirs[j], before[j], (key, j))
        made = [self._new_item(line, Scope(ours[i], (), self.case)) for i in added]
        kept = [item for j, item in enumerate(result) if j not in dropped and not blank(item)]
        kept += [item for item in made if not blank(item)]
        if kept:
            self.new[key] = kept
        else:
            self.put(line, (key,))

    def _paired(self, plan: ListPlan, ours: Any, theirs: Any, before: Any) -> Any:
        """Pairs, and what is new and what has gone, by keys that are all different; None where they are not."""
        if type(ours) is not list or type(theirs) is not list or type(before) is not list:
            return None
        if len(theirs) != len(before) or not ours:
            return None
        try:
            mine = {plan.key(item): i for i, item in enumerate(ours)}
            known = {plan.key(item): j for j, item in enumerate(theirs)}
        except Irregular:
            return None
        if len(mine) != len(ours) or len(known) != len(theirs):
            return None
        pairs = [(i, known[key]) for key, i in mine.items() if key in known]
        added = [i for key, i in mine.items() if key not in known and not all_withheld(ours[i])]
        dropped = [j for key, j in known.items() if key not in mine]
        if len(added) == len(dropped) == 1:
            i, j = added[0], dropped[0]
            if self._edited(plan, ours[i], theirs[j], before[j]):
                return [*pairs, (i, j)], [], set()
        return pairs, added, set(dropped)

    def _edited(self, plan: ListPlan, ours: Any, theirs: Any, before: Any) -> bool:
        """Is it one item of which a part of the key has changed? The common case is seen at once."""
        parts = list(zip(plan.key(ours), plan.key(theirs), strict=True))
        if sum(a != b for a, b in parts) != 1:
            return False
        flat = all(type(value) is str and value for item in (ours, theirs) for value in item.values())
        if flat and all(b is not None for a, b in parts if a != b):
            same = any(a == b and a is not None for a, b in parts)
            return same and sum(ours.get(name) != value for name, value in theirs.items()) <= 1
        place = Scope(before, (), self.old)
        return bool(pair(plan.line, [Scope(ours, (), self.case)], [theirs], [place], self.links, keep=False).pairs)

    def _item(self, plan: ListPlan, ours: Any, theirs: Any, before: Any, where: Where) -> Any:
        """One item of theirs with what ours says otherwise."""
        new, case, old = before, Scope(ours, (), self.case), Scope(before, where, self.old)
        self.beside = plan.line.fields
        for line, name in plan.lines:
            mine, there = (ours.get(name), theirs.get(name)) if name is not None else (None, True)
            if mine == there and not unlike(mine, there):
                continue
            if isinstance(line, Leaf) and len(line.case.steps) == 1 and _replaces(line, mine, there):
                new = placed(new, line.other.steps, mine)
                continue
            self.standing.append(new := clone(new))
            new = self.line(line, case, new, old)
            self.standing.pop()
        self.beside = self.definition.fields
        return new


@dataclass(frozen=True, slots=True)
class ListPlan:
    """A list whose items tell all by themselves: its line, the key of a case item, and the lines of an item in their
    order, each with the field of the item that says whether it has something to do (None: it always may).
    """

    line: Each
    key: Callable[[Any], Any]
    lines: tuple[tuple[Line, str | None], ...]


def _replaces(line: Leaf, ours: Any, theirs: Any) -> bool:
    """Does one text take the place of another, as it is?"""
    if type(ours) is not str or type(theirs) is not str or not ours or not theirs:
        return False
    return not (line.codes or line.convert or line.link or line.beside or line.also_read)


def placed(node: dict[str, Any], steps: tuple[Step, ...], value: Any) -> dict[str, Any]:
    """``node`` with another value at a place that stands there; only what is on the way is copied."""
    step, copied = steps[0], dict(node)
    child = node[step.key]
    if len(steps) == 1:
        copied[step.key] = value
    elif step.selector is None:
        copied[step.key] = placed(child, steps[1:], value)
    else:
        items = child if type(child) is list else [child]
        i = next(i for i, item in enumerate(items) if holds_all(step.selector, item))
        copied[step.key] = [*items[:i], placed(items[i], steps[1:], value), *items[i + 1 :]]
        if type(child) is not list:
            copied[step.key] = copied[step.key][0]
    return copied


def parents_of(definition: Definition) -> frozenset[str]:
    """The shared parents of a record that are not ours to write."""
    said = definition.shape.get("parents") or {}
    return frozenset(name for name, parent in said.items() if parent.get("owner") != "ours")


def places(line: Line) -> tuple[tuple[Step, ...], ...]:
    """Where on the other side a line may change something."""
    return tuple(dict.fromkeys(path.steps for path in _places(line) if path.steps and not path.up))


def touched_by(line: Line) -> tuple[str, ...]:
    """The fields of the record that a line may change."""
    return tuple(dict.fromkeys(steps[0].key for steps in places(line)))


def _places(line: Line) -> Iterator[Path]:
    if isinstance(line, Choose):
        for branch in line.branches:
            yield from (condition.path for condition in branch.other)
            for each in branch.fields:
                yield from _places(each)
    elif isinstance(line, Each | Group) and not line.other.steps:
        for each in line.fields:
            yield from _places(each)
    elif isinstance(line, Each | Group):
        yield line.other
    else:
        yield from value_places(line)
