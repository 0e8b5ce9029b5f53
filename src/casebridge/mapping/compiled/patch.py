"""Putting single lines onto an original: the interpreter's own writer, on a copy of what these lines touch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casebridge.core.case import PLURALS
from casebridge.mapping.model import Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Path
from casebridge.mapping.reading import Reader
from casebridge.mapping.translate import Links
from casebridge.mapping.walk import Scope, Trail, clone
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
        self.partial = frozenset(PLURALS) - frozenset(complete)
        self.writes = 0
        self.standing, self.read_only = [], []
        self.case, self.copied = Scope(case), set[str]()

    def put(self, line: Line, touched: Iterable[str]) -> None:
        """Put one line; ``touched`` are the fields of the record it may change."""
        for key in touched:
            if key not in self.copied and key in self.new:
                self.new[key] = clone(self.new[key], self.origin)
            self.copied.add(key)
        self.line(line, self.case, self.new, self.old)


def parents_of(definition: Definition) -> frozenset[str]:
    """The shared parents of a record that are not ours to write."""
    said = definition.shape.get("parents") or {}
    return frozenset(name for name, parent in said.items() if parent.get("owner") != "ours")


def touched_by(line: Line) -> tuple[str, ...]:
    """The fields of the record that a line may change."""
    return tuple(dict.fromkeys(path.steps[0].key for path in _places(line) if path.steps and not path.up))


def _places(line: Line) -> Iterator[Path]:
    if isinstance(line, Leaf):
        yield from (line.other, *line.also_read, *(condition.path for condition in line.beside))
    elif isinstance(line, Spread):
        for part in line.parts:
            yield from _places(part)
    elif isinstance(line, Flags):
        yield from (path for _, path in line.flags)
        if line.none:
            yield from _places(line.none)
    elif isinstance(line, Choose):
        for branch in line.branches:
            yield from (condition.path for condition in branch.other)
            for each in branch.fields:
                yield from _places(each)
    elif isinstance(line, Each | Group):
        if line.other.steps:
            yield line.other
        else:
            for each in line.fields:
                yield from _places(each)
