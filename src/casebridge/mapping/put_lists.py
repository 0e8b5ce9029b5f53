"""Export of lists: each item onto the item it is, the dropped taken away, the new at the end; the order stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from casebridge.mapping.keyed import Pairing, pair
from casebridge.mapping.model import Choose, Each, Group, Line
from casebridge.mapping.paths import Path, Step
from casebridge.mapping.put_values import ValueWriter
from casebridge.mapping.shared_lists import Sharers, elsewhere, sharers, standing
from casebridge.mapping.walk import (
    MISSING,
    WITHHELD,
    Scope,
    Where,
    blank,
    claim_conditions,
    described,
    doubtful,
    find,
    holds_all,
    is_absent,
    items_of,
    leaves,
    reach,
    remove,
)  # fmt: skip


class ListWriter(ValueWriter):
    """Writes ``each`` lines."""

    def each(self, line: Each, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write the items of a list."""
        listed = self._case_items(line, case)
        if listed is None:
            return new
        found = self.reader.items(line, Scope(new, old.where if old else ()))
        items = [item for item in found if not is_absent(item.node)]  # it may stand for what holds the list: it stays
        there = [self._in_the_original(line, item, old) for item in items]
        read = [self.reader.item(line, scope, ()) for scope in there]
        listed, unsure = self._without_shared(line, listed, case, old)
        pairing = pair(line, listed, read, there, self.links, unsure or self._keeps(line, case))
        return self._place(line, new, items, there, listed, pairing)

    def _in_the_original(self, line: Each, item: Scope, old: Scope | None) -> Scope:
        """The item as it was, and where it stood: a line before may have dropped others from the same list."""
        node = self.origin.get(id(item.node), (None, item.node))[1]
        stood = self._stood.get(id(node), item.where) if sometimes(line.fields) else item.where
        return Scope(node, stood, old)

    @cached_property
    def _stood(self) -> dict[int, Where]:
        """Where each group of the original stands there, by its id."""
        return dict(_groups(self.old.node, ())) if self.old else {}

    def _without_shared(
        self, line: Each, listed: list[Scope], case: Scope, old: Scope | None
    ) -> tuple[list[Scope], bool]:
        """Without what stands in their record already, in the place of a line that is only read; is that a guess?"""
        beside = self._sharers.get(id(line))
        if old is None or not beside:
            return listed, False
        found, unsure = standing(listed, elsewhere(line, beside, case, old))
        for item in found:
            self.trail.claimed |= {(*item.where, *leaf) for leaf in leaves(item.node)}
        standing_there = {id(item) for item in found}
        return [item for item in listed if id(item) not in standing_there], unsure

    @cached_property
    def _sharers(self) -> Sharers:
        return sharers(self.definition.fields)

    def _keeps(self, line: Each, case: Scope) -> bool:
        """A list of records the slice does not call complete: what it does not mention stays."""
        several = len(self.definition.case) > 1
        if line.case.steps:  # a field of a record may be called as a slot is: only in a slice of several it is one
            return several and case.parent is None and line.case.steps[0].key in self.partial
        return not several and len(case.where) == 1 and case.where[0] in self.partial

    def _case_items(self, line: Each, case: Scope) -> list[Scope] | None:
        """The case items the line covers, or None when they are withheld as a whole."""
        steps = (*line.case.steps[:-1], Step(line.case.steps[-1].key)) if line.case.steps else ()
        hit = find(case, Path(steps, line.case.up, line.case.text), self.trail)
        if hit and hit.value == WITHHELD:
            return None
        selector = (line.case.steps[-1].selector or ()) if line.case.steps else ()
        found: list[Scope] = []
        for item, where in items_of(hit.value, hit.where) if hit and not is_absent(hit.value) else ():
            if holds_all(selector, item) or doubtful(selector, item):
                claim_conditions(item, selector, where, self.trail)
                found.append(Scope(item, where, case))
        return found

    def _place(
        self, line: Each, new: Any, items: list[Scope], there: list[Scope], listed: list[Scope], pairing: Pairing
    ) -> Any:
        put = {
            _index(items[theirs]): self.inside(line.fields, listed[mine], items[theirs].node, there[theirs])
            for mine, theirs in pairing.pairs
        }
        gone = {_index(items[i]) for i in pairing.dropped} | {i for i, item in put.items() if blank(item)}
        sure = (listed[mine] for mine in pairing.added if self._surely(line, listed[mine]))
        added = [item for case in sure if not blank(item := self._new_item(line, case))]
        if put or gone or added:
            self._relist(line, new, put, gone, added)
        return new

    def _surely(self, line: Each, case: Scope) -> bool:
        """Does the item belong to this line whatever is withheld of it? Else another line may be the one meant."""
        return holds_all((line.case.steps[-1].selector or ()) if line.case.steps else (), case.node)

    def _relist(self, line: Each, new: Any, put: dict[int, Any], gone: set[int], added: list[Any]) -> None:
        key = line.other.steps[-1].key
        group = reach(new, line.other.steps[:-1], line.other)
        standing = group.get(key)
        whole = standing if isinstance(standing, list) else [] if blank(standing) else [standing]
        result = [put.get(i, item) for i, item in enumerate(whole) if i not in gone] + added
        self.writes += bool(gone)
        if not result:
            remove(new, Path((*line.other.steps[:-1], Step(key)), 0, line.other.text))
        elif isinstance(standing, list) or blank(standing) or len(result) != 1:
            group[key] = result
        else:
            group[key] = result[0]

    def _new_item(self, line: Each, case: Scope) -> Any:
        before = self.writes
        made = self.inside(line.fields, case, described(line.other.steps[-1].selector or ()), None)
        return made if self.writes > before else MISSING

    def inside(self, lines: Any, case: Scope, new: Any, old: Scope | None) -> Any:
        """Write ``lines`` onto the node of a group or item."""
        self.standing.append(new)
        try:
            return self.fields(lines, case, new, old)
        finally:
            self.standing.pop()


def sometimes(lines: Iterable[Line]) -> bool:
    """Has one of the lines, or one below them, a ``when``?"""
    return any(line.when or sometimes(_below(line)) for line in lines)


def _below(line: Line) -> Iterable[Line]:
    if isinstance(line, Choose):
        return [each for branch in line.branches for each in branch.fields]
    return line.fields if isinstance(line, Each | Group) else ()


def _groups(node: Any, where: Where) -> Iterator[tuple[int, Where]]:
    if isinstance(node, dict):
        yield id(node), where
        for key, child in node.items():
            yield from _groups(child, (*where, key))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from _groups(child, (*where, i))


def _index(item: Scope) -> int:
    """Where in its list an item stands; a single group is the only item."""
    last = item.where[-1] if item.where else 0
    return last if isinstance(last, int) else 0
