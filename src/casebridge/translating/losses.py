"""What a map could not read of a record, or write of it: asked of the interpreter once for all records alike.

To say what was lost the interpreter runs a record a second time, and that takes longer than all the rest. But what it
says does not hang on the values themselves, only on how the map's tests and tables take them: two clients with other
names and the same answers lose the same. Records are alike when they have the same places filled, and the map tells no
value of the one from that of the other: each is the same constant of the map or none, has a row in the same tables,
is converted by the same converters, and stands in the same items of a list.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cached_property
from itertools import zip_longest
from typing import Any

from casebridge.adapter import Converter
from casebridge.core.errors import CaseBridgeError
from casebridge.mapping import Map
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.inspection.places import general
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.model import Definition, Each, Flags, Group, Leaf, Line, Link
from casebridge.mapping.parts import parts_of
from casebridge.mapping.paths import Condition, Path
from casebridge.mapping.reading import OFF, ON
from casebridge.mapping.tree import blank, is_absent, text_of
from casebridge.mapping.walk import holds

MOST = 20_000  # values, and kinds of records, remembered of one map
_MOMENT = Condition(Path(), "moment")
_NOTHING = object()


class Losses:
    """Of one map, in both directions. The answers are places without positions, one for each value lost."""

    def __init__(self, map_: Map) -> None:
        self._map = map_
        self._told: dict[bytes, tuple[str, ...]] = {}
        self._answers: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._reading, self._writing = _Sameness(map_.definition, "read"), _Sameness(map_.definition, "write")

    def not_read(self, data: Mapping[str, Any], found: Imported) -> tuple[str, ...]:
        """The values of a native record that no line reads."""
        return self._answer(("read", self._reading.of(data)), lambda: found.left_over)

    def no_room(self, slice_: Mapping[str, Any], found: Exported, links: tuple[str | None, ...]) -> tuple[str, ...]:
        """The values of a slice that no line writes; ``links``: how each reference asked for is called there, None for
        what is not known there."""
        back: Any = None
        if self._looks_back:
            try:
                back = self._map.read(found.data).slice
            except CaseBridgeError:
                return tuple(map(general, found.no_room))
            if back == slice_:
                return ()
        kinds = tuple(self._writing.kinds(name) for name in links)
        return self._answer(("write", kinds, self._writing.of(slice_, back)), lambda: found.no_room)

    @cached_property
    def _looks_back(self) -> bool:
        """Is there a line that does not write, whose place may hold the value all the same?"""
        return any(isinstance(one, Line) and "export" not in one.ways for one in parts_of(self._map.definition.fields))

    def _answer(self, key: tuple[Any, ...], ask: Callable[[], list[str]]) -> tuple[str, ...]:
        short = hashlib.blake2b(marshal.dumps(key, 2), digest_size=16).digest()  # a record's kind may be a long text
        told = self._told.get(short)
        if told is None:
            if len(self._told) >= MOST:
                self._told.clear()
            told = tuple(map(general, ask()))
            told = self._told[short] = self._answers.setdefault(told, told)
        return told


class _Sameness:
    """What a map tells of the values of a record: equal answers, equal treatment."""

    def __init__(self, definition: Definition, way: str) -> None:
        parts = list(parts_of((definition.match, definition.when, definition.fields, definition.ignore)))
        defaults = [constant for lines in definition.defaults.values() for _, constant in lines]
        self._constants = {*ON, *OFF, *map(text_of, defaults), *_constants(parts)}
        self._keys = set(_key_names(parts))
        self._separators = sorted({p.split for p in parts if isinstance(p, Group) and p.split})
        links = [p for p in parts if isinstance(p, Link)]
        self._constants |= {kind for link in links for kind in link.targets}
        self._links = [link for link in links if link.kinds]
        tables = {id(p): p for p in parts if isinstance(p, CodeTable)}.values()
        self._words = {text_of(word) for table in tables for row in table.rows for word in (row.case, row.other)}
        self._tables = [getattr(table, way) for table in tables]
        converters = {p.name: p for p in parts if isinstance(p, Converter)}.values()
        self._converters = [getattr(converter, way) for converter in converters]
        self._known: dict[str, int] = {}
        self._classes: dict[Hashable, int] = {}

    def of(self, node: Any, back: Any = _NOTHING) -> Hashable:
        """How the map takes a record; with ``back``, also which of its values that says again."""
        if type(node) is str:
            found = self._known.get(node)
            found = self._class(node) if found is None else found
            return found if back is _NOTHING else (found, node == back)
        if type(node) is dict:
            if "absent" in node and is_absent(node):
                return ("absent", node["absent"], back is not _NOTHING and node == back)
            if back is _NOTHING:
                return tuple([(key, self.of(child)) for key, child in node.items()])
            said: Mapping[str, Any] = back if isinstance(back, Mapping) else {}
            return tuple([(key, self.of(child, said.get(key))) for key, child in node.items()])
        if isinstance(node, list):
            again = [_NOTHING] * len(node) if back is _NOTHING else [*back] if isinstance(back, list) else []
            items = [self.of(item, other) for item, other in zip_longest(node, again[: len(node)])]
            return ("list", tuple(items), self._equal_keys(node) if len(node) > 1 else ())
        return (type(node).__name__, str(node), back is not _NOTHING and node == back)

    def _class(self, value: str) -> int:
        if len(self._known) >= MOST:
            self._known.clear()
        turns = self._tables + self._converters if value in self._words else self._converters
        turned = tuple(self._outcome(turn, value) for turn in turns)
        links = self.kinds(value)
        parts = tuple(value.count(separator) for separator in self._separators)
        found = (self._plain(value), value in self._words, turned, links, parts)
        self._known[value] = self._classes.setdefault(found, len(self._classes))
        return self._known[value]

    def kinds(self, name: str | None) -> tuple[str | None, ...] | None:
        """What each link of the map takes a name for."""
        return None if name is None else tuple(link.kind_of(name) for link in self._links)

    def _plain(self, value: Any) -> Hashable:
        """A constant of the map, or what kind of value it is."""
        if isinstance(value, str) and value in self._constants:
            return value
        if is_absent(value):
            return ("absent", value["absent"])
        return (type(value).__name__, blank(value), holds(_MOMENT, value))

    def _outcome(self, turn: Callable[[Any], Any], value: str) -> Hashable:
        try:
            return self._plain(turn(value))
        except (KeyError, ValueError):
            return "refused"

    def _equal_keys(self, items: list[Any]) -> Hashable:
        """Which items have the same in a place that a list's items are known by."""
        first: dict[Any, int] = {}
        return tuple(tuple(first.setdefault(leaf, number) for leaf in self._known_by(item, ()))
                     for number, item in enumerate(items))  # fmt: skip

    def _known_by(self, node: Any, where: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if isinstance(node, Mapping):
            for key, child in node.items():
                yield from self._known_by(child, (*where, key))
        elif not isinstance(node, list) and not self._keys.isdisjoint(where):
            yield where, str(node)


def _constants(parts: list[Any]) -> Iterator[str]:
    """Every word the map itself says."""
    for part in parts:
        if isinstance(part, Condition):
            yield from (*part.values, text_of(part.constant))
        elif isinstance(part, Flags):
            yield from (word for word, _ in part.flags)
        elif isinstance(part, Leaf):
            yield from map(text_of, part.if_missing.values())


def _key_names(parts: list[Any]) -> Iterator[str]:
    """The names on the way to what items of lists are known by."""
    paths = [p.path for p in parts if isinstance(p, Condition)]
    for each in (p for p in parts if isinstance(p, Each)):
        paths += [path for case, leaf in each.key for path in (case, leaf.other, *leaf.also_read)]
    for path in paths:
        yield from (step.key for step in path.steps)
