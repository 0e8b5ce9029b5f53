"""From lines to rows: the cells of a delimited file, the columns of a fixed-width one."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.layout import Column, Layout, RecordLayout
from casebridge_flatfile.lines import Lines

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file: the line it starts at, its layout and its values by column (empty ones left out)."""

    number: int
    record: RecordLayout
    values: dict[str, str]


def read_rows(lines: Lines, layout: Layout) -> Iterator[Row | RecordError]:
    """Each row, or what is wrong with it. Raises RecordError CB-381 when the headings are not the layout's."""
    if layout.kind == "fixed":
        yield from (_fixed(number, line, layout) for number, line in _full_lines(lines) if not _ignored(line, layout))
        return
    cells = _cells(lines, layout)
    places = _places(cells, layout) if layout.header else None
    for number, row in cells:
        if isinstance(row, RecordError) or row[0].strip() not in layout.ignore:
            yield row if isinstance(row, RecordError) else _delimited(number, row, layout, places)


def _ignored(line: str, layout: Layout) -> bool:
    return line.startswith(layout.ignore)


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
    """The column at each place of the file, by its heading; a heading the layout lacks keeps its own name."""
    number, row = next(cells, (0, []))
    if isinstance(row, RecordError):
        raise row
    if not row:
        raise RecordError("CB-303", "the file is empty", expected="a line of headings")
    known = {_plain(column.heading): column for column in layout.records[0].columns}
    found = [_plain(heading) for heading in row]
    for column in layout.records[0].columns:
        if found.count(_plain(column.heading)) != 1:
            raise _not_there(number, column, row, found.count(_plain(column.heading)))
    columns = [known.get(plain) or extra_column(heading) for plain, heading in zip(found, row, strict=True)]
    _check_names(number, columns)
    return columns


def extra_column(heading: str) -> Column:
    """A column the layout does not know: it keeps its heading, so that nothing is lost on the way back."""
    return Column.model_construct(name=heading.strip(), header=heading.strip())


def _check_names(number: int, columns: Sequence[Column]) -> None:
    names = [column.name for column in columns]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise RecordError(
            "CB-381", f"two columns would both be called {twice}", position=Position(row=number), field=twice,
            expected="headings that differ",
        )  # fmt: skip


def _plain(heading: str) -> str:
    return " ".join(heading.split()).casefold()


def _not_there(number: int, column: Column, row: Sequence[str], count: int) -> RecordError:
    near = get_close_matches(column.heading, row, n=1, cutoff=0.6)
    said = f"is there {count} times" if count else "is missing" + (f"; did you mean “{near[0]}”?" if near else "")
    return RecordError(
        "CB-381", f"the column “{column.heading}” {said}", position=Position(row=number), field=column.name,
        expected=f"the heading “{column.heading}” once",
    )  # fmt: skip


def _delimited(number: int, cells: list[str], layout: Layout, places: list[Column] | None) -> Row | RecordError:
    record = _record(cells[0].strip(), layout)
    if record is None:
        return _unknown(number, cells[0], layout)
    cells = cells[1:] if record.code else cells
    columns = places if places is not None else list(record.columns)
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        return _wrong(number, "the row has another number of columns", expected=f"{len(columns)} columns")
    return _row(number, record, columns, cells)


# --- fixed width ---------------------------------------------------------------------------------------------


def _full_lines(lines: Lines) -> Iterator[tuple[int, str]]:
    for line in lines:
        text = line.rstrip("\r\n")
        if text.strip():
            yield lines.number, text


def _fixed(number: int, line: str, layout: Layout) -> Row | RecordError:
    record = next((r for r in layout.records if line.startswith(r.code)), None)
    if record is None:
        return _unknown(number, line[:10], layout)
    outside = _outside(line, record)
    if outside:
        return _wrong(number, f"there is text outside the columns, at character {outside}", expected="blanks there")
    return _row(number, record, list(record.columns), [line[c.start - 1 : c.end] for c in record.columns])


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
    """The id of the person a bad row is about, as far as it can be read."""
    said = {column.name: cell.strip() for column, cell in zip(columns, cells, strict=False)}
    return "|".join(said.get(name, "") for name in record.subject)


def _problem(column: Column, value: str) -> tuple[str, str, str] | None:
    """What is wrong with a value, what was expected, and the code of the error."""
    if not value:
        return "a required value is missing", column.expected or "a value", "CB-302"
    if _CONTROL.search(value):
        return "the value holds characters that cannot be read", "text in the layout's encoding", "CB-301"
    if column.pattern and not re.fullmatch(column.pattern, value):
        return "the value is not of the expected form", column.expected or column.pattern, "CB-301"
    return None


def _unknown(number: int, code: str, layout: Layout) -> RecordError:
    codes = ", ".join(r.code for r in layout.records)
    return _wrong(number, "the row begins with a code the layout does not have", expected=f"one of {codes}", found=code)


def _wrong(
    number: int, message: str, field: str = "", expected: str = "", found: str | None = None, code: str = "CB-301",
    whose: str = "",
) -> RecordError:  # fmt: skip
    return RecordError(
        code, message, position=Position(row=number), field=field, expected=expected, found=found or None,
        external_id=whose,
    )  # fmt: skip
