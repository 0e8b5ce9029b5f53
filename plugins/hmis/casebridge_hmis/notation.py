"""How a row is spelled: strings quoted, numbers and dates bare, nothing for nothing (HMIS CSV FY2026)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from casebridge_hmis.spec import Column


def header_line(columns: Iterable[Column], end: str = "\r\n") -> str:
    """The header of a file."""
    return ",".join(column.name for column in columns) + end


def row_line(columns: Collection[Column], row: Mapping[str, str], end: str = "\r\n") -> str:
    """One row with every column in its place."""
    found = [row.get(column.name, "") for column in columns]
    cells = [value and _spelled(value, column.type) for value, column in zip(found, columns, strict=True)]
    return ",".join(cells) + end


def _spelled(value: str, type_: str) -> str:
    text = type_[0] == "S"
    if not text and ("," in value or '"' in value or "\r" in value or "\n" in value):
        text = True
    return '"' + value.replace('"', '""') + '"' if text else value


def flat(data: Mapping[str, Any]) -> dict[str, str]:
    """A native without what is nested in it: one row."""
    return {name: value for name, value in data.items() if isinstance(value, str)}
