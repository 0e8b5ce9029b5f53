"""Code tables in CSV files: the columns case and other, perhaps way and about; a line that starts with # is a note."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from casebridge.mapping.codes import Row, row_of
from casebridge.mapping.notation import Place

COLUMNS = ("case", "other", "way", "about")
_COMMAS = "Write the columns `case,other` and perhaps `way` and `about` in the first line, and separate with commas."
_UTF_8 = "Save it as UTF-8; in Excel: Save As, `CSV UTF-8 (Comma delimited)`."


def rows_of_file(path: Path, data: bytes) -> tuple[Row, ...]:
    """The rows of a CSV file; ``data`` is what the file holds. MapError for the first line that is not understood."""
    start = Place(str(path), 1, 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise start.error("CB-201", "the code table is not UTF-8 text", remedy=_UTF_8) from None
    records = _records(text, str(path))
    place, header = next(records, (start, []))
    if not header:
        raise start.error("CB-201", "the code table is empty", remedy=_COMMAS)
    columns = _columns(header, place)
    return tuple(_row(columns, cells, place) for place, cells in records)


def _records(text: str, file: str) -> Iterator[tuple[Place, list[str]]]:
    """Each record with the line it starts in; a cell in quotes may go on over several lines."""
    lines = list(io.StringIO(text, newline=""))  # splits where a CSV file does: not at a U+2028
    coming, at = iter(lines), 0
    while at < len(lines):
        line, place = lines[at], Place(file, at + 1, 1)
        if not line.strip() or line.startswith("#"):
            _note(line, place)
            next(coming)
            at += 1
            continue
        reader = csv.reader(coming, strict=True)
        try:
            cells = next(reader)
        except csv.Error as error:
            raise place.error("CB-201", f"this is not a line of a CSV file: {error}") from None
        at += reader.line_num
        yield place, [cell.strip() for cell in cells]


def _note(line: str, place: Place) -> None:
    """``#1,X`` may be a code or a row that was taken out; nobody can tell."""
    first, comma, _ = line.partition(",")
    if comma and first[1:].strip() and not first[1:2].isspace() and not first.startswith("##"):
        raise place.error(
            "CB-203", f"`{first.strip()}` may be a code or a note",
            remedy=f'Write a code that starts with # in quotes: "{first.strip()}". Begin a note with `# `, a space '
            "after the mark.",
        )  # fmt: skip


def _columns(header: list[str], place: Place) -> list[str]:
    columns = list(header)
    while columns and not columns[-1]:  # a spreadsheet may add empty ones at the end
        del columns[-1]
    for i, name in enumerate(columns):
        if name in columns[:i]:
            raise place.error(
                "CB-204", f"the code table has the column `{name}` twice",
                remedy="Leave one of them; a second code for the same one is a row of its own.",
            )  # fmt: skip
    if {"case", "other"} <= set(columns) <= set(COLUMNS):
        return columns
    small = {name.lower() for name in columns}
    remedy = "Write them in small letters." if {"case", "other"} <= small <= set(COLUMNS) else _COMMAS
    raise place.error(
        "CB-203", "the first line of a code table names its columns: case,other and perhaps way and about",
        remedy=remedy,
    )  # fmt: skip


def _row(columns: list[str], cells: list[str], place: Place) -> Row:
    surplus = next(filter(None, cells[len(columns) :]), None)
    if surplus is not None:
        raise place.error(
            "CB-203", f"there is no column for `{surplus}`: the first line names {', '.join(columns)}",
            remedy="Put a code that holds a comma in quotes, or name the column (`way`, `about`) in the first line.",
        )  # fmt: skip
    found = dict(zip(columns, cells, strict=False))
    case, other = found.get("case", ""), found.get("other", "")
    if not (case and other):
        raise place.error("CB-201", "a row of codes is [case, other] or [case, other, export|import]", remedy=_COMMAS)
    if len(f"{case} {other}".splitlines()) > 1:
        raise place.error("CB-201", "a code of this row has a line break in it", remedy="Write it on one line.")
    return row_of([case, other, *filter(None, [found.get("way", "")])], place)
