"""What a map says, as small frozen values. Case paths and outside paths are told apart by their names only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from casebridge.adapter import Converter
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.notation import Place
from casebridge.mapping.paths import Condition, Path

BOTH = frozenset({"import", "export"})


@dataclass(frozen=True, slots=True)
class Line:
    """What every line has: its case path, where it is written, when it counts, and why it may lose something."""

    case: Path
    place: Place
    ways: frozenset[str] = BOTH
    when: tuple[Condition, ...] = ()
    loss: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to another record: ``kinds`` by the word before the slash (``Patient/1``), or one for all."""

    kind: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)

    def kind_of(self, reference: str) -> str | None:
        """The kind of record a reference points to, or None when the line does not know."""
        return self.kind or self.kinds.get(reference.rpartition("/")[0].rpartition("/")[2])

    @property
    def targets(self) -> tuple[str, ...]:
        """The kinds of record it may point to."""
        return (self.kind,) if self.kind else tuple(dict.fromkeys(self.kinds.values()))


@dataclass(frozen=True, slots=True)
class Leaf(Line):
    """One value at one place. ``if_missing`` holds, per way, what stands for nothing."""

    other: Path = field(default_factory=Path)
    also_read: tuple[Path, ...] = ()
    codes: CodeTable | None = None
    convert: Converter | None = None
    link: Link | None = None
    beside: tuple[Condition, ...] = ()
    required: frozenset[str] = frozenset()
    if_missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spread(Line):
    """A list whose items, in order, have a place each (``at: [FirstName, MiddleName]``)."""

    parts: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class Group(Line):
    """Lines under one group on both sides; with ``split``, under the numbered parts of one text."""

    other: Path = field(default_factory=Path)
    fields: tuple[Line, ...] = ()
    split: str = ""


@dataclass(frozen=True, slots=True)
class Each(Line):
    """Items of a list on both sides, recognised by ``key`` (case paths inside the item, with the line of each)."""

    other: Path = field(default_factory=Path)
    fields: tuple[Line, ...] = ()
    key: tuple[tuple[Path, Leaf], ...] = ()


@dataclass(frozen=True, slots=True)
class Flags(Line):
    """A list of words, each a place that holds 1 or 0; ``none`` says why there are none."""

    flags: tuple[tuple[str, Path], ...] = ()
    none: Leaf | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch: what holds on each side, and its lines."""

    case: tuple[Condition, ...]
    other: tuple[Condition, ...]
    fields: tuple[Line, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Choose(Line):
    """The first branch that holds; the line's own word is only its title.

    ``settled`` are the outside paths that lines beside it write: there a branch's condition only chooses.
    """

    branches: tuple[Branch, ...] = ()
    settled: frozenset[Path] = frozenset()


def value_places(line: Line) -> Iterator[Path]:
    """The outside places of a line of values: all that it reads, writes and compares."""
    if isinstance(line, Leaf):
        yield from (line.other, *line.also_read, *(condition.path for condition in line.beside))
    elif isinstance(line, Spread):
        for part in line.parts:
            yield from value_places(part)
    elif isinstance(line, Flags):
        yield from (path for _, path in line.flags)
        yield from value_places(line.none) if line.none else ()


@dataclass(frozen=True, slots=True)
class Example:
    """A pair that must translate into each other; ``way`` is both, import or export."""

    about: str
    case: dict[str, Any]
    other: dict[str, Any]
    way: str
    place: Place


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole map as written, its overlays applied."""

    name: str
    version: str
    about: str
    case: tuple[str, ...]
    other: str
    rest: str
    match: tuple[Condition, ...]
    shape: Mapping[str, Any]
    fields: tuple[Line, ...]
    ignore: tuple[Path, ...]
    defaults: Mapping[str, tuple[tuple[Path, str | bool], ...]]
    complete: tuple[str, ...]
    examples: tuple[Example, ...]
    place: Place
    base: str = ""
    only: str = ""  # import or export, when the whole map goes one way
    when: tuple[Condition, ...] = ()  # what the case side must say for the map to write it; import writes it there
