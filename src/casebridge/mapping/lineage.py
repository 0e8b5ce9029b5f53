"""Where a case value comes from: the record's place and the map's line, found by running the map again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from casebridge.mapping import interpreter
from casebridge.mapping.model import Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.reading import Trace
from casebridge.mapping.walk import spelled

_SELECTOR = re.compile(r"\([^()]*(\([^()]*\)[^()]*)*\)|\[\d*\]")


@dataclass(frozen=True, slots=True)
class Lineage:
    """``found`` is false when this record has no such value; the line is still named if the map has one."""

    case_path: str
    other_path: str
    line: int
    column: int
    map: str
    found: bool


def explain(definition: Definition, data: dict[str, Any], case_path: str) -> Lineage:
    """The lineage of ``person.names[0].family``; without ``[0]`` the first that fits is taken."""
    trace: Trace = []
    interpreter.read(definition, data, trace)
    for where, source, line in trace:
        place = spelled(where)
        if place == case_path or _bare(place) == case_path or _under(case_path, place):
            return _lineage(definition, place, spelled(source), line, found=True)
    for case, other, line in _static(definition.fields, _root(definition), ""):
        if _bare(case) == _bare(case_path):
            return _lineage(definition, case_path, other, line, found=False)
    return Lineage(case_path, "", 0, 0, definition.name, found=False)


def _lineage(definition: Definition, case: str, other: str, line: Line, *, found: bool) -> Lineage:
    return Lineage(case, other, line.place.line, line.place.column, definition.name, found)


def _root(definition: Definition) -> str:
    return definition.case[0] if len(definition.case) == 1 else ""


def _bare(path: str) -> str:
    """The path without selectors and indexes."""
    return _SELECTOR.sub("", path)


def _under(path: str, place: str) -> bool:
    return any(path.startswith(start + mark) for start in (place, _bare(place)) for mark in (".", "["))


def _static(lines: Iterable[Line], case: str, other: str) -> Iterator[tuple[str, str, Line]]:
    """Each value's case path, outside path and line, as the map is written."""
    for line in lines:
        here = _joined(case, line.case.text)
        if isinstance(line, Leaf):
            yield here, _joined(other, line.other.text), line
        elif isinstance(line, Spread):
            yield here, _joined(other, line.parts[0].other.text), line
        elif isinstance(line, Flags):
            yield here, _joined(other, line.flags[0][1].text), line
        elif isinstance(line, Group | Each):
            yield from _static(line.fields, here, _joined(other, line.other.text))
        elif isinstance(line, Choose):
            for branch in line.branches:
                yield from _static(branch.fields, case, other)


def _joined(above: str, below: str) -> str:
    return ".".join(part for part in (above, below) if part not in ("", "."))
