"""Which columns of a flat file a map's lines claim: read off the map and the format's schema, without any sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from casebridge.core.native import Element
from casebridge.mapping.maps import Map
from casebridge.mapping.model import Choose, Each, Group, Line, value_places
from casebridge.mapping.paths import Condition, Path


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one file, by what a map does with them."""

    file: str
    claimed: tuple[str, ...]
    ignored: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def share(self) -> float:
        """The claimed part of all columns, from 0 to 1."""
        return len(self.claimed) / (len(self.claimed) + len(self.ignored) + len(self.kept))


def columns(map_: Map, element: Element) -> Iterator[Columns]:
    """The root file's columns, then those of each file that ``shape`` joins as the map's own."""
    claimed = {path.steps for path in _all(map_)}
    ignored = {path.steps for path in map_.definition.ignore}
    names, passed = ({tuple(step.key for step in steps) for steps in some} for some in (claimed, ignored))
    children: Mapping[str, Mapping[str, str]] = map_.shape.get("children") or {}
    yield _sorted(map_.other.partition("/")[2], (), element, names, passed)
    for name, group in element.fields.items():
        if group.type == "group" and group.owner == "ours":
            yield _sorted(children.get(name, {}).get("type", name), (name,), group, names, passed)


def _sorted(
    file: str, above: tuple[str, ...], group: Element, claimed: set[tuple[str, ...]], ignored: set[tuple[str, ...]]
) -> Columns:
    found: dict[str, list[str]] = {"claimed": [], "ignored": [], "kept": []}
    for name, element in group.fields.items():
        if element.type != "group":
            place = (*above, name)
            part = "claimed" if place in claimed else "ignored" if place in ignored or above in ignored else "kept"
            found[part].append(name)
    return Columns(file, tuple(found["claimed"]), tuple(found["ignored"]), tuple(found["kept"]))


def _all(map_: Map) -> Iterator[Path]:
    """Every outside path that a line reads, writes or compares with a constant."""
    yield from (c.path for c in map_.definition.match)
    yield from _of_lines(map_.definition.fields, Path())


def _of_lines(lines: Iterable[Line], above: Path) -> Iterator[Path]:
    for line in lines:
        if isinstance(line, Choose):
            for branch in line.branches:
                yield from _conditions(branch.other, above)
                yield from _of_lines(branch.fields, above)
        elif isinstance(line, Group) and line.split:
            yield _below(above, line.other)
        elif isinstance(line, Group | Each):
            yield from _of_lines(line.fields, _below(above, line.other))
        else:
            yield from (_below(above, path) for path in value_places(line))


def _conditions(conditions: Iterable[Condition], above: Path) -> Iterator[Path]:
    """A column that is compared with a code is read; one that must only be there is not."""
    yield from (_below(above, c.path) for c in conditions if c.test == "equal")


def _below(above: Path, path: Path) -> Path:
    """The path from the root; ``^`` steps out of the list item."""
    return Path((above.steps[: len(above.steps) - path.up] if path.up else above.steps) + path.steps)
