"""What the target requires and the source does not say: *not asked*, where the target has a code for that.

HMIS, for one, requires an answer in many columns and has a code for "data not collected" (HUD data standards: 99). A
record of a source that has no such question gets it; nothing is ever made up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from casebridge.core.native import Element
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import Choose, Flags, Leaf, Line
from casebridge.mapping.paths import Path
from casebridge.mapping.walk import assign, blank, holds_all, value_at

NOT_ASKED = {"absent": "not-asked"}


def say_not_asked(lines: Iterable[Line], element: Element, record: dict[str, Any]) -> None:
    """Write *not asked* into ``record`` for every line that fills a required place and has nothing to write there."""
    required = {name for name, field in element.fields.items() if field.required}
    _fill(lines, required, record)


def _fill(lines: Iterable[Line], required: set[str], record: dict[str, Any]) -> None:
    for line in lines:
        if "export" not in line.ways or not holds_all(line.when, record):
            continue
        if isinstance(line, Choose):
            branch = next((b for b in line.branches if holds_all(b.case, record)), None)
            _fill(branch.fields if branch else (), required, record)
        elif _fills_required(line, required) and blank(value_at(record, line.case)):
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
