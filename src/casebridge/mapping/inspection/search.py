"""Where a field comes from and goes to: the lines that speak of a path, on either side."""

from __future__ import annotations

import re

from casebridge.mapping.inspection.lines import Row, rows
from casebridge.mapping.model import Definition

_SELECTOR = re.compile(r"\([^()]*(\([^()]*\)[^()]*)*\)|\[\d*\]")


def lines_about(definition: Definition, path: str) -> list[Row]:
    """The rows whose case path or outside path is ``path`` or lies below it.

    A path without selectors or positions means every one (``names.family``); the slot may be left out.
    """
    return [row for row in rows(definition) if any(_meets(side, path) for side in _spellings(definition, row))]


def _spellings(definition: Definition, row: Row) -> tuple[str, ...]:
    short = tuple(row.case.removeprefix(f"{slot}.") for slot in definition.case if row.case.startswith(f"{slot}."))
    return (row.case, row.other, *short)


def _meets(side: str, path: str) -> bool:
    return _is_at(side, path) or (bare(path) == path and _is_at(bare(side), path)) or _is_at(bare(side), bare(path))


def _is_at(side: str, path: str) -> bool:
    return side == path or side.startswith((f"{path}.", f"{path}[", f"{path}("))


def bare(path: str) -> str:
    """The path without selectors and positions."""
    return _SELECTOR.sub("", path)
