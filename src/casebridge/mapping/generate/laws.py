"""The laws of a map that goes both ways, and what a map may break of them because it says so.

GetPut: what is read and put back changes nothing. PutGet: what is put is read again. Create: what is written on
nothing is read again. Declared are: what the export itself names as having no room, lines of one way, what a line or
its code table signs with ``loss``, and the constants that import adds.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Set
from typing import Any, Protocol

from casebridge.core.case import PLURALS
from casebridge.core.errors import CaseBridgeError
from casebridge.core.jsontext import dumps
from casebridge.mapping.generate.claims import Claim, claims, in_shared, root_length
from casebridge.mapping.generate.speaking import Speaking
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.likeness import frozen
from casebridge.mapping.maps import Map
from casebridge.mapping.model import BOTH, Choose, Definition, Each, Flags, Group, Leaf, Line
from casebridge.mapping.paths import Condition
from casebridge.mapping.room import ENVELOPE
from casebridge.mapping.translate import Links, OwnIds, to_case, to_other
from casebridge.mapping.walk import Where, apply_conditions, assign, blank, clone, is_absent, leaves, spelled, text_of

LINKS = OwnIds()
Constant = tuple[tuple[str, ...], str]
Values = Set[tuple[tuple[str, ...], Hashable]]


class Executor(Protocol):
    """What reads and writes records: a map, or one of its executors."""

    def read(self, data: Mapping[str, Any]) -> Imported:
        """Import one record."""

    def write(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any] | None = None) -> Exported:
        """Export one slice."""


class Laws:
    """The laws for one map. Each gives the differences that nothing declares, as sentences; none when it holds.

    ``executor`` reads and writes in the map's place; ``ask`` also asks the export what has no room, which takes longer.
    """

    def __init__(self, map_: Map, executor: Executor | None = None) -> None:
        self.map, definition = map_, map_.definition
        self.executor: Executor = executor or map_
        self.claims = claims(definition)
        self.speaking = Speaking(self.claims)
        self.root = root_length(definition)
        self.unordered = {_keys(claim.case) for claim in self.claims if isinstance(claim.line, Each | Flags)}
        self.fixed = {id(claim) for claim in self.claims if claim.ways != BOTH or in_shared(definition, claim)}
        self.shadowed = {id(claim) for claim in _shadowed(self.claims)}
        self.sending = {id(claim) for claim in self.claims if claim.ways == {"export"}} if self.shadowed else set()
        self.added = frozenset(self._added(definition))
        self.constants = frozenset(_constants(definition, self.claims))
        self.used: set[str] = set()

    def get_put(self, record: dict[str, Any], slice_: dict[str, Any], *, ask: bool = True) -> list[str]:
        """``slice_``, read from ``record``, is put back: every leaf, the order and the spelling stay."""
        written = self.executor.write(slice_, LINKS, record)
        said = [f"{path} has no room in its own record" for path in written.no_room] if ask else []
        return said + _same(record, written.data)

    def withheld(self, record: dict[str, Any], veiled: dict[str, Any]) -> list[str]:
        """What is withheld leaves the partner's own value as it is."""
        return _same(record, self.executor.write(veiled, LINKS, record).data)

    def put_get(self, record: dict[str, Any] | None, edited: dict[str, Any], *, ask: bool = True) -> list[str]:
        """``edited`` is put onto ``record`` (or nothing): it is read again, and ``no_room`` names what is not."""
        written = self.executor.write(edited, LINKS, record)
        if not self.map.matches(written.data):
            return ["what is written is no record of this map (`match`)"]
        if b'"withheld"' in dumps(written.data):
            return ["what is withheld was written"]
        found = self._spoken_of(edited, self.executor.read(written.data).slice)
        if not ask and self._shape(edited) == self._shape(found):
            return []
        return self.differences(edited, found, written.no_room)

    def differences(self, wanted: dict[str, Any], found: dict[str, Any], no_room: Iterable[str] = ()) -> list[str]:
        """What differs between two slices beyond what is declared."""
        no_room = list(no_room)
        if self._shape(wanted) == self._shape(found):
            return [f"{path} has room, but is said to have none" for path in no_room]
        lost = set(no_room)
        gone = {re.sub(r"\[\d+\]", "", path) for path in lost}
        sent = {frozen(_at(wanted, where)) for where in leaves(wanted) if self._ways(wanted, where, self.sending)}
        there = {(_names(where), frozen(_at(found, where))) for where in leaves(found)}
        mine = self._apart(self._declared(wanted, lost, there), gone, sent, wanted)
        theirs = self._apart(self._declared(found, set()), gone, sent, found)
        for slot in {path.partition("[")[0] for path in lost} & PLURALS.keys():
            for record in (*mine.get(slot, ()), *theirs.get(slot, ())):
                for name in ENVELOPE & record.keys():
                    del record[name]
        if self._shape(mine) == self._shape(theirs):
            return []
        return list(_told(self._flat(mine), self._flat(theirs)))

    def _spoken_of(self, wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        """Without what a slice of several slots leaves as it is: the slots it lacks, further records of open lists."""
        if len(self.map.case) == 1:
            return found
        kept: dict[str, Any] = {slot: part for slot, part in found.items() if slot in wanted}
        for slot in kept.keys() & PLURALS.keys() - set(wanted.get("complete", ())):
            mine = [self._shape(item, (slot,)) for item in wanted[slot]]
            same = [item for item in kept[slot] if self._shape(item, (slot,)) in mine]
            if len(same) == len(mine):
                kept[slot] = same
        return kept

    def _declared(self, slice_: dict[str, Any], lost: set[str], there: Values = frozenset()) -> dict[str, Any]:
        """The slice without what is declared lost; what is signed as its line's echo."""
        kept: dict[str, Any] = clone({slot: part for slot, part in slice_.items() if slot != "complete"})
        for where in list(leaves(kept)):
            again = (_names(where), frozen(_at(slice_, where))) in there
            if self._named(where, lost, again=again) or self._own(where, _at(kept, where)):
                _put(kept, where, None)
                continue
            spoken = self.speaking(where[self.root :], _at(slice_, where[: self.root]))
            for claim in spoken:
                if id(claim) in self.fixed:
                    self.used.add(f"one way: {claim.line.place.line}")
                    _put(kept, where, None)
                    break
                if claim.signed:
                    self.used.add(f"signed: {claim.line.place.line}")
                    _put(kept, where, _echo(claim, _at(kept, where)))
        return kept

    def _own(self, where: Where, value: Any) -> bool:
        """A constant of the map that stands in no list: import writes it whatever the partner says."""
        keys = tuple(part for part in where if isinstance(part, str))
        return len(keys) == len(where) - (self.root == 2) and (keys, text_of(value)) in self.constants

    def _named(self, where: Where, lost: set[str], *, again: bool) -> bool:
        """Is the place, or what it stands in, named as lost? The store's own fields may go with their record."""
        if not lost:
            return False
        if any(spelled(where[:i]) in lost for i in range(1, len(where) + 1)):
            return True
        record = where[: 2 if len(where) > 1 and isinstance(where[1], int) else 1]
        own = len(where) > len(record) and where[len(record)] in ENVELOPE
        return own and not again and any(path.startswith(f"{spelled(record)}.") for path in lost)

    def _apart(
        self, kept: dict[str, Any], gone: Set[str], sent: Set[Hashable], slice_: dict[str, Any]
    ) -> dict[str, Any]:  # fmt: skip
        """Without what export adds by itself, what stands for something named as lost, and what was ``sent`` one way.

        A constant says nothing where a value of that field is lost: the partner's record then reads as its default.
        """
        for where in list(leaves(kept)):
            names, value = _names(where), _at(kept, where)
            constant = isinstance(value, str | bool) and (names, text_of(value)) in self.constants
            if (
                (names, frozen(value)) in self.added
                or (constant and ".".join(names) in gone)
                or (frozen(value) in sent and self._ways(slice_, where, self.shadowed))
            ):
                _put(kept, where, None)
        return self._without_husks(kept, ())  # type: ignore[no-any-return]

    def _ways(self, slice_: dict[str, Any], where: Where, claims_: Set[int]) -> bool:
        """Does one of those claims speak of the place?"""
        if not claims_:
            return False
        spoken = self.speaking(where[self.root :], _at(slice_, where[: self.root]))
        return any(id(claim) in claims_ for claim in spoken)

    def _added(self, definition: Definition) -> Iterator[tuple[tuple[str, ...], Hashable]]:
        """What is read of the constants that export writes on every new record."""
        made: dict[str, Any] = {}
        apply_conditions(definition.match, made)
        for path, constant in definition.defaults.get("export", ()):
            assign(made, path, constant)
        try:
            found = self.map.read(made).slice
        except CaseBridgeError:
            return
        yield from ((_names(where), frozen(_at(found, where))) for where in leaves(found))

    def _without_husks(self, node: Any, keys: tuple[str, ...]) -> Any:
        """The node without blanks, and without groups that hold nothing but the map's own constants."""
        if isinstance(node, dict) and not is_absent(node):
            kept = {key: child for key, part in node.items()
                    if not blank(child := self._without_husks(part, (*keys, key)))}  # fmt: skip
            own = all(isinstance(child, str | bool) and ((*keys, key), text_of(child)) in self.constants
                      for key, child in kept.items())  # fmt: skip
            return {} if own and keys else kept
        if isinstance(node, list):
            return [kept for part in node if not blank(kept := self._without_husks(part, keys))]
        return node

    def _shape(self, node: Any, keys: tuple[str, ...] = ()) -> Hashable:
        """The slice for comparison: lists of records and of words in any order."""
        if isinstance(node, dict):
            return tuple(sorted(
                (key, self._shape(child, (*keys, key))) for key, child in node.items()
                if not blank(child) and (keys or key != "complete")
            ))  # fmt: skip
        if isinstance(node, list):
            items = [self._shape(child, keys) for child in node if not blank(child)]
            free = any(isinstance(child, dict) for child in node) or keys[min(self.root, 1) :] in self.unordered
            return ("[]", *(sorted(items, key=repr) if free else items))
        return (type(node) is bool, text_of(node))

    def _flat(self, node: Any, keys: tuple[str, ...] = ()) -> list[tuple[str, Hashable]]:
        """Leaves by place, items of lists by nothing but their content."""
        found = [(".".join(part for part in where if isinstance(part, str)), frozen(_at(node, where)))
                 for where in leaves(node)]  # fmt: skip
        return sorted(found, key=repr)


def _echo(claim: Claim, value: Any) -> Any:
    """What is read again of a value once written, for a line that may lose something; None when that is not known."""
    if not isinstance(claim.line, Leaf) or not (claim.line.codes or claim.line.convert) or claim.line.if_missing:
        return None
    try:
        wanted = to_other(claim.line, value, LINKS)
        return None if blank(wanted) else to_case(claim.line, wanted)
    except CaseBridgeError:
        return None


def _same(record: dict[str, Any], written: dict[str, Any]) -> list[str]:
    """The same leaf by leaf, in the same order and spelling."""
    if dumps(record) == dumps(written):
        return []
    before, after = _spelt(record), _spelt(written)
    changed = [f"{place} was {before[place]}, is {after.get(place)}" for place in before
               if before[place] != after.get(place)]  # fmt: skip
    return changed + [f"{place} is new" for place in after if place not in before] or ["the order has changed"]


def _spelt(record: dict[str, Any]) -> dict[str, str]:
    return {spelled(where): repr(_at(record, where)) for where in leaves(record)}


def _told(wanted: list[tuple[str, Hashable]], found: list[tuple[str, Hashable]]) -> Iterator[str]:
    left = list(found)
    for each in wanted:
        if each in left:
            left.remove(each)
        else:
            yield f"{each[0]} = {each[1]!r} is not read again"
    yield from (f"{place} = {value!r} is read, nobody wrote it" for place, value in left)
    if not left and sorted(wanted, key=repr) == sorted(found, key=repr):
        yield "values stand in other items, or in another order"


def _constants(definition: Definition, found: Iterable[Claim]) -> Iterator[Constant]:
    """The constants a map itself writes on the case side, each with its field names from the map's root."""
    slots = () if len(definition.case) > 1 else definition.case
    for claim in found:
        keys: tuple[str, ...] = slots
        for step in claim.case:
            keys = (*keys, step.key)
            yield from _of(step.selector or (), keys)
    yield from _of_branches(definition.fields, slots)
    yield from _of(definition.when, slots)
    for path, constant in definition.defaults.get("import", ()):
        yield (*slots, *_keys(path.steps)), text_of(constant)


def _of_branches(lines: Iterable[Line], keys: tuple[str, ...]) -> Iterator[Constant]:
    for line in lines:
        if isinstance(line, Choose):
            for branch in line.branches:
                yield from _of(branch.case, keys)
                yield from _of_branches(branch.fields, keys)
        elif isinstance(line, Each | Group):
            yield from _of_branches(line.fields, (*keys, *_keys(line.case.steps)))


def _of(conditions: Iterable[Condition], keys: tuple[str, ...]) -> Iterator[Constant]:
    for condition in conditions:
        for value in condition.values:
            yield (*keys, *_keys(condition.path.steps)), value


def _shadowed(found: Iterable[Claim]) -> Iterator[Claim]:
    """Lines that read a place which a line that only exports writes too."""
    written = {place for claim in found if claim.ways == {"export"} for place in claim.other}
    return (claim for claim in found if "import" in claim.ways and written.intersection(claim.other))


def _names(where: Where) -> tuple[str, ...]:
    return tuple(part for part in where if isinstance(part, str))


def _keys(steps: Iterable[Any]) -> tuple[str, ...]:
    return tuple(step.key for step in steps)


def _at(node: Any, where: Iterable[Any]) -> Any:
    for part in where:
        node = node[part]
    return node


def _put(node: Any, where: Where, value: Any) -> None:
    _at(node, where[:-1])[where[-1]] = value


__all__ = ["LINKS", "Laws"]
