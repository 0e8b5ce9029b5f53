"""From lines to rows: the cells of a delimited file, the columns of a fixed-width one."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.headings import columns_under
from casebridge_flatfile.layout import Column, Layout, RecordLayout
from casebridge_flatfile.lines import Lines

ROLES = ("data", "header", "trailer")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file: the line it starts at, its layout and its values by column (empty ones left out)."""

    number: int
    record: RecordLayout
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Passed:
    """A row that is not read: its code is one to ignore, or nobody asked for its role.

    ``whose`` is the person's id; ``short`` says that columns are missing at its end.
    """

    number: int
    whose: str = ""
    short: bool = False
    ignored: bool = False


Found = Row | Passed | RecordError


def read_rows(lines: Lines, layout: Layout, only: Collection[str] = ROLES) -> Iterator[Found]:
    """Each row of the roles in ``only``, the others passed over; or what is wrong with it.

    Raises RecordError CB-381 when the headings are not the layout's.
    """
    if layout.kind == "fixed":
        for number, line in _full_lines(lines):
            ignored = line.startswith(layout.ignore)
            yield Passed(number, ignored=True) if ignored else _fixed(number, line, layout, only)
        return
    cells = _cells(lines, layout)
    places = _places(cells, layout) if layout.header else None
    for number, row in cells:
        if isinstance(row, RecordError):
            yield row
        else:
            ignored = row[0].strip() in layout.ignore
            yield Passed(number, ignored=True) if ignored else _delimited(number, row, layout, places, only)


# --- delimited -----------------------------------------------------------------------------------------------


def _cells(lines: Lines, layout: Layout) -> Iterator[tuple[int, list[str] | RecordError]]:
    reader = csv.reader(
        lines, delimiter=layout.delimiter, quotechar=layout.quote or None, quoting=layout.quoting, strict=True
    )
    while True:
        number = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as e:
            last = f" to {lines.number}" if lines.number > number else ""
            yield number, _wrong(number, f"the row{last} cannot be split into columns ({e})", expected="closed quotes")
            continue
        if any(cell.strip() for cell in cells):
            yield number, cells


def _places(cells: Iterator[tuple[int, list[str] | RecordError]], layout: Layout) -> list[Column]:
    number, row = next(cells, (0, []))
    if isinstance(row, RecordError):
        raise row
    if not row:
        raise RecordError("CB-303", "the file is empty", expected="a line of headings")
    return columns_under(row, layout.records[0].columns, Position(row=number))


def _delimited(
    number: int, cells: list[str], layout: Layout, places: list[Column] | None, only: Collection[str]
) -> Found:
    record = _record(cells[0].strip(), layout)
    if record is None:
        return _unknown(number, cells[0], layout, [(r, r.columns, cells[1:]) for r in layout.of_role("data")])
    cells = cells[1:] if record.code else cells
    columns = places if places is not None else record.columns
    if record.role not in only:
        return Passed(number, _whose(record, columns, cells), short=len(cells) < len(columns))
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        expected, whose = f"{len(columns)} columns", _whose(record, columns, cells)
        return _wrong(number, "the row has another number of columns", expected=expected, whose=whose)
    return _row(number, record, columns, cells)


# --- fixed width ---------------------------------------------------------------------------------------------


def _full_lines(lines: Lines) -> Iterator[tuple[int, str]]:
    for line in lines:
        text = line.rstrip("\r\n")
        if text.strip():
            yield lines.number, text


def _fixed(number: int, line: str, layout: Layout, only: Collection[str]) -> Found:
    record = next((r for r in layout.records if line.startswith(r.code)), None)
    if record is None:
        return _unknown(number, line[:10], layout, [(r, r.columns, _cut(line, r)) for r in layout.of_role("data")])
    cells = _cut(line, record)
    if record.role not in only:
        return Passed(number, _whose(record, record.columns, cells))
    outside = _outside(line, record)
    if outside:
        whose = _whose(record, record.columns, cells)
        return _wrong(number, f"there is text outside the columns, at character {outside}", expected="blanks there",
                      whose=whose)  # fmt: skip
    return _row(number, record, record.columns, cells)


def _cut(line: str, record: RecordLayout) -> list[str]:
    return [line[column.start - 1 : column.end] for column in record.columns]


def _outside(line: str, record: RecordLayout) -> int:
    """The first character that no column claims and that is no blank, counted from 1; 0 when there is none."""
    after = len(record.code)
    for column in sorted(record.columns, key=lambda c: c.start):
        gap = line[after : column.start - 1]
        if gap.strip():
            return after + len(gap) - len(gap.lstrip()) + 1
        after = column.end
    rest = line[after:]
    return after + len(rest) - len(rest.lstrip()) + 1 if rest.strip() else 0


# --- both ----------------------------------------------------------------------------------------------------


def _record(code: str, layout: Layout) -> RecordLayout | None:
    return next((r for r in layout.records if not r.code or r.code == code), None)


def _row(number: int, record: RecordLayout, columns: Sequence[Column], cells: Sequence[str]) -> Row | RecordError:
    values: dict[str, str] = {}
    readable = not _CONTROL.search("".join(cells))  # one look at the whole row: it is nearly always clean
    for column, cell in zip(columns, cells, strict=False):
        value = cell.strip()
        if value in column.empty:
            value = ""
        if not value and not column.required:
            continue
        problem = None if readable and value and not column.pattern else _problem(column, value)
        if problem:
            whose = _whose(record, columns, cells)
            return _wrong(number, problem[0], column.name, problem[1], value, problem[2], whose)
        values[column.name] = value
    return Row(number, record, values)


def _whose(record: RecordLayout, columns: Sequence[Column], cells: Sequence[str]) -> str:
    """The id of the person a row is about; nothing when a part of it is not there or not of its form."""
    said = {c.name: (c, cell.strip()) for c, cell in zip(columns, cells, strict=False) if c.name in record.subject}
    if len(said) < len(record.subject) or any(v in c.empty or _problem(c, v) for c, v in said.values()):
        return ""
    return "|".join(said[name][1] for name in record.subject)


def _problem(column: Column, value: str) -> tuple[str, str, str] | None:
    """What is wrong with a value, what was expected, and the code of the error."""
    if not value:
        return "a required value is missing", column.expected or "a value", "CB-302"
    if _CONTROL.search(value):
        return "the value holds characters that cannot be read", "text in the layout's encoding", "CB-301"
    if column.pattern and not re.fullmatch(column.pattern, value):
        return "the value is not of the expected form", column.expected or column.pattern, "CB-301"
    return None


def _unknown(
    number: int, code: str, layout: Layout, readings: Sequence[tuple[RecordLayout, Sequence[Column], Sequence[str]]]
) -> RecordError:
    """A row of a code the layout does not have. It is a person's if every record of the layout would read it so."""
    codes = ", ".join(r.code for r in layout.records)
    whose = {_whose(*reading) for reading in readings}
    return _wrong(number, "the row begins with a code the layout does not have", expected=f"one of {codes}", found=code,
                  whose=whose.pop() if len(whose) == 1 else "")  # fmt: skip


def _wrong(
    number: int, message: str, field: str = "", expected: str = "", found: str | None = None, code: str = "CB-301",
    whose: str = "",
) -> RecordError:  # fmt: skip
    return RecordError(
        code, message, position=Position(row=number), field=field, expected=expected, found=found or None,
        external_id=whose,
    )  # fmt: skip
