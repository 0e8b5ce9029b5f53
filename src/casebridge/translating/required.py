"""What the target requires and the source does not say: *not asked*, where the target has a code for that.

HMIS, for one, requires an answer in many columns and has a code for "data not collected" (HUD data standards: 99). A
record of a source that has no such question gets it; nothing is ever made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from casebridge.core.native import Element
from casebridge.mapping import Map
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import Choose, Flags, Leaf, Line
from casebridge.mapping.paths import Path
from casebridge.mapping.walk import assign, blank, holds_all, value_at

NOT_ASKED = {"absent": "not-asked"}


class Required:
    """Of one map: its lines that fill a required place, and can say *not asked* there."""

    def __init__(self, map_: Map, element: Element) -> None:
        names = {name for name, field in element.fields.items() if field.required}
        self._lines = tuple(_filling(map_.definition.fields, names)) if len(map_.case) == 1 else ()

    def say_not_asked(self, record: dict[str, Any]) -> None:
        """Write *not asked* into ``record`` for each of them that has nothing to write."""
        _fill(self._lines, record)


def _filling(lines: Iterable[Line], required: set[str]) -> Iterator[Line]:
    for line in lines:
        if "export" not in line.ways:
            continue
        if isinstance(line, Choose):
            # all branches stay, also those that fill nothing: the first that fits is the one
            kept = tuple(replace(b, fields=tuple(_filling(b.fields, required))) for b in line.branches)
            if any(branch.fields for branch in kept):
                yield replace(line, branches=kept)
        elif _fills_required(line, required):
            yield line


def _fill(lines: Iterable[Line], record: dict[str, Any]) -> None:
    for line in lines:
        if not holds_all(line.when, record):
            continue
        if isinstance(line, Choose):
            branch = next((b for b in line.branches if holds_all(b.case, record)), None)
            _fill(branch.fields if branch else (), record)
        elif blank(value_at(record, line.case)):
            assign(record, line.case, dict(NOT_ASKED))


def _fills_required(line: Line, required: set[str]) -> bool:
    if isinstance(line, Leaf):
        return _is_one(line.other, required) and _has_code(line.codes)
    if isinstance(line, Flags) and line.none is not None:
        return any(_is_one(path, required) for _, path in line.flags) and _has_code(line.none.codes)
    return False


def _is_one(path: Path, required: set[str]) -> bool:
    return len(path.steps) == 1 and path.steps[0].key in required


def _has_code(table: CodeTable | None) -> bool:
    """Is there a code of theirs for *not asked*?"""
    return table is not None and any(r.case == "absent:not-asked" and r.way != "import" for r in table.rows)
