"""Is the file whole? Looked at before its first record is read: half of a file would say that the other half has ended.

A header or a trailer may count the rows between them, and where the rows of a person are joined, each says whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.layout import Layout
from casebridge_flatfile.rows import Passed, Row

FRAME = ("header", "trailer")  # the roles of the rows that hold the others together


def is_checked(layout: Layout) -> bool:
    """Does this layout say by what to know a whole file?"""
    return bool(layout.join or any(record.count for record in layout.records))


@dataclass(slots=True)
class _Seen:
    """What came so far. ``short`` is the last row when columns are missing in it, ``nobody`` the first nobody's row."""

    count: int = 0
    header: Row | None = None
    trailer: Row | None = None
    short: int | None = None
    nobody: int | None = None


def check_whole(rows: Iterable[Row | Passed | RecordError], layout: Layout) -> Row | None:
    """The file's header, if it begins with one; ``rows`` are read with ``only=FRAME``, for the others are just counted.

    Raises RecordError CB-303 when what counts the rows is missing, not at its place, or counts other than there are,
    when the file ends in the middle of a row, and where rows are joined and one does not say whose it is; the header's
    own error when it cannot be read.
    """
    counted = any(record.count for record in layout.of_role("header"))
    seen = _Seen()
    for row in rows:
        if seen.trailer is not None:
            raise untrusted("there is a row after the trailer", _number(row), "the trailer last")
        if not isinstance(row, Row):
            _counted(row, seen, counted, bool(layout.join))
        elif row.record.role == "trailer":
            seen.trailer = row
        elif seen.header is None and not seen.count:
            seen.header = row
        elif counted:
            raise untrusted("there is a second header", row.number, "one file, with one header")
    _check_end(seen, layout, counted)
    return seen.header


def _counted(row: Passed | RecordError, seen: _Seen, by_header: bool, joined: bool) -> None:
    if by_header and seen.header is None:
        raise row if isinstance(row, RecordError) else headless(row.number)
    seen.count += 1  # a bad row is still a row: the sender counted it
    seen.short = row.number if isinstance(row, Passed) and row.short else None
    known = row.external_id if isinstance(row, RecordError) else row.whose or row.ignored
    if joined and not known and seen.nobody is None:
        seen.nobody = _number(row)


def _check_end(seen: _Seen, layout: Layout, by_header: bool) -> None:
    if by_header and seen.header is None:
        raise headless(1)
    if seen.trailer is None and layout.of_role("trailer"):
        raise untrusted("the file ends without a trailer: it may be cut off", None, "a trailer in the last row")
    for row, name in ((seen.header, "header"), (seen.trailer, "trailer")):
        said = row.values.get(row.record.count, "") if row and row.record.count else None
        if row and said is not None and not re.fullmatch(f"0*{seen.count}", said):
            raise untrusted(f"the {name} counts other than there are", row.number, f"{seen.count} records", said)
    if by_header and seen.trailer is None and seen.short is not None:
        raise untrusted("the last row is not whole: the file may be cut off", seen.short, "all columns")
    if seen.nobody is not None:
        raise RecordError(
            "CB-303", "the row does not say whose it is: somebody would be read by halves",
            position=Position(row=seen.nobody), expected=", ".join(layout.of_role("data")[0].subject),
            remedy="Have the sender correct the row and send the whole file again.",
        )  # fmt: skip


def headless(number: int) -> RecordError:
    """The file does not begin with its header."""
    return untrusted("the file does not begin with its header", number, "the header first")


def untrusted(message: str, number: int | None, expected: str, found: str | None = None) -> RecordError:
    """Nothing of the file is read."""
    return RecordError("CB-303", message, position=Position(row=number), expected=expected, found=found)


def _number(row: Row | Passed | RecordError) -> int | None:
    return row.position.row if isinstance(row, RecordError) else row.number
