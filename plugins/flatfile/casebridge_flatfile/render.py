"""Writing a file by its layout, strict: what does not fit is refused, never cut."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from casebridge import Released, RenderContext
from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.headings import extra_column
from casebridge_flatfile.layout import Column, Layout, RecordLayout

_Rows = list[tuple[RecordLayout, Mapping[str, object]]]
_BREAKS = re.compile("[\x00-\x1f\x7f]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


def write_file(layout: Layout, records: Sequence[Released], context: RenderContext) -> bytes:
    """The bytes of one file with all ``records``; raises RecordError CB-302 or CB-382 with the record's number."""
    filled = {
        "dispatch": context.dispatch, "date8": f"{context.now:%Y%m%d}", "time4": f"{context.now:%H%M}",
        "count": str(len(records)),
        "environment": getattr(layout.environment, context.environment, ""),
    }  # fmt: skip
    first: _Rows = [(record, {}) for record in layout.of_role("header")]
    data = [_data(layout, released, number) for number, released in enumerate(records, 1)]
    last: _Rows = [(record, {}) for record in layout.of_role("trailer")]
    columns = _columns(layout, [document for _, document in data])
    rows = [_delimited(layout, [column.heading for column in columns[layout.records[0].name]], 0)] * _headed(layout)
    for number, (record, document) in [*((0, r) for r in first), *enumerate(data, 1), *((0, r) for r in last)]:
        values = [_value(column, record, document, filled, number) for column in columns[record.name]]
        rows.append(_line(layout, record, values, number))
    return b"".join(rows)


def _headed(layout: Layout) -> bool:
    return layout.kind == "delimited" and layout.header


def _columns(layout: Layout, documents: Sequence[Mapping[str, object]]) -> dict[str, list[Column]]:
    """Each record's columns; where there are headings, what else a record brought gets columns of its own."""
    columns = {record.name: list(record.columns) for record in layout.records}
    if _headed(layout):
        known = columns[layout.records[0].name]
        names = {column.name for column in known}
        known += [extra_column(name) for name in dict.fromkeys(n for d in documents for n in d) if name not in names]
    return columns


def _data(layout: Layout, released: Released, number: int) -> tuple[RecordLayout, Mapping[str, object]]:
    name = released.native_type.partition("/")[2]
    record = next((r for r in layout.of_role("data") if r.name == name), None)
    if record is None:
        raise _refused(number, f"the layout {layout.layout} has no record {name}", "records", "")
    unknown = sorted(set(released.document) - {column.name for column in record.columns})
    if unknown and not _headed(layout):
        raise _refused(number, "the layout has no such column", unknown[0], "")
    return record, released.document


def _line(layout: Layout, record: RecordLayout, values: Sequence[str], number: int) -> bytes:
    if layout.kind == "delimited":
        return _delimited(layout, [record.code, *values] if record.code else values, number)
    return _fixed(layout, record, values, number)


def _value(
    column: Column, record: RecordLayout, document: Mapping[str, object], filled: Mapping[str, str], number: int
) -> str:
    value = document.get(column.name)
    text = "" if value is None else str(value)
    text = text or column.constant or (filled[column.fill] if column.fill else "")
    if not text and (column.required or column.name in record.key):
        raise RecordError("CB-302", "a required value is missing", position=_place(number), field=column.name)
    if not isinstance(value, str | None) or text != text.strip() or _CONTROL.search(text):
        raise _refused(number, "the value is no plain text", column.name, text, "text without blanks around it")
    if text and column.pattern and not re.fullmatch(column.pattern, text):
        raise _refused(number, "the value is not of the column's form", column.name, text, column.expected)
    return text


def _delimited(layout: Layout, cells: Sequence[str], number: int) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer, delimiter=layout.delimiter, quotechar=layout.quote or None, quoting=layout.quoting, lineterminator="\n"
    )
    for cell in cells:
        if not layout.quote and (layout.delimiter in cell or _BREAKS.search(cell)):
            raise _refused(number, "the value holds the delimiter, and the layout has no quotes", "", cell)
    writer.writerow(cells)
    text = buffer.getvalue().removesuffix("\n")
    return _encoded(layout, text, number)


def _fixed(layout: Layout, record: RecordLayout, values: Sequence[str], number: int) -> bytes:
    line = record.code
    for column, value in sorted(zip(record.columns, values, strict=True), key=lambda pair: pair[0].start):
        if len(value) > column.length or _BREAKS.search(value):
            fits = f"{column.length} characters, one line"
            raise _refused(number, "the value does not fit", column.name, value, fits)
        # an empty value is blank, not zeros: 00000 would be read back as a number
        padded = value.ljust(column.length, column.pad if value else " ") if column.align == "left" else (
            value.rjust(column.length, column.pad if value else " "))  # fmt: skip
        line = line.ljust(column.start - 1) + padded
    return _encoded(layout, line, number)


def _encoded(layout: Layout, line: str, number: int) -> bytes:
    try:
        return (line + ("\r\n" if layout.line_end == "crlf" else "\n")).encode(layout.encoding)
    except UnicodeEncodeError as e:
        raise _refused(
            number, f"a character cannot be written in {layout.encoding}", "", line[e.start : e.end], "another encoding"
        ) from None


def _refused(number: int, message: str, field: str, found: str, expected: str = "") -> RecordError:
    return RecordError(
        "CB-382", message, position=_place(number), field=field, expected=expected, found=found or None
    )


def _place(number: int) -> Position:
    return Position(file=f"record {number}" if number else "the file's own records")
