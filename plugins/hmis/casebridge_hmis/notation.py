"""How a row is spelled: strings quoted, numbers and dates bare, nothing for nothing (HMIS CSV FY2026)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from casebridge_hmis.spec import Column


def header_line(columns: Iterable[Column], end: str = "\r\n") -> str:
    """The header of a file."""
    return ",".join(column.name for column in columns) + end


def row_line(columns: Iterable[Column], row: Mapping[str, str], end: str = "\r\n") -> str:
    """One row with every column in its place."""
    return ",".join(_spelled(row.get(column.name, ""), column.type.startswith("S")) for column in columns) + end


def _spelled(value: str, text: bool) -> str:
    bare = not text and not any(c in value for c in ',"\r\n')
    return value if bare or not value else '"' + value.replace('"', '""') + '"'


def flat(data: Mapping[str, Any]) -> dict[str, str]:
    """A native without what is nested in it: one row."""
    return {name: value for name, value in data.items() if isinstance(value, str)}
