"""Rows of one CSV file, as written, with the line they stand on. Bad rows are errors and the next ones go on."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import date
from functools import cache

from casebridge.core.errors import Position, RecordError
from casebridge_hmis.archive import Archive
from casebridge_hmis.encoding import with_letters
from casebridge_hmis.spec import DATED, Column, Spec, key_of, references

COLUMNS = 1000  # the widest file of the specification has fewer than a hundred
LONGEST = 4 << 20  # characters of a row
TIME = re.compile(r"|[ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``line`` counts from 1 (the header), ``raw`` is the text it was read from with its line end.

    Bytes that are no UTF-8 are letters in ``values`` and still bytes in ``raw`` (see ``encoding``).
    """

    line: int
    values: list[str]
    raw: str


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header in the specification's spelling; unknown columns keep their own."""

    file: str
    names: list[str]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    raw: str
    spec: Spec

    def record(self, row: Row) -> dict[str, str]:
        """The row as a plain dict, every value the text that stands there."""
        return dict(zip(self.names, row.values, strict=True))


def read_header(archive: Archive, file: str, spec: Spec, *, keyed: bool = True) -> Header:
    """The header; CB-303 when there is none and, if ``keyed``, CB-332 when a key column is missing or there twice."""
    with archive.lines(file) as lines:
        first = next(_records(lines, archive.member(file).mixed), None)
    if first is None or not first.values:
        raise RecordError("CB-303", "the file has no header", position=Position(file=f"{file}.csv", row=1))
    return _header(spec, file, first, keyed)


def _header(spec: Spec, file: str, row: Row, keyed: bool) -> Header:
    if len(row.values) > COLUMNS:
        raise RecordError("CB-304", "the header has too many columns", expected=f"at most {COLUMNS}",
                          position=Position(file=f"{file}.csv", row=row.line))  # fmt: skip
    expected = [c.name for c in spec.columns(file)]
    spelling = {name.casefold(): name for name in expected}
    names = [spelling.get(text.strip().casefold(), text.strip()) for text in row.values]
    if keyed:
        _keyed(file, names, set(expected), Position(file=f"{file}.csv", row=row.line))
    there = set(names)
    missing = tuple(name for name in expected if name not in there)
    notes = tuple(_notes(spec, file, names, row.values))
    return Header(file, names, missing, notes, row.raw, spec)


def _keyed(file: str, names: list[str], expected: Set[str], where: Position) -> None:
    """Names columns of the specification only: where the header is missing, what stands there is a client's."""
    if lost := [name for name in needed(file) if name not in names]:
        raise RecordError("CB-332", "a key column is missing, so no row of the file can be trusted",
                          position=where, field=", ".join(lost))  # fmt: skip
    if doubled := {name for name, times in Counter(names).items() if times > 1}:
        raise RecordError("CB-332", "a column stands twice", position=where, expected="each column once",
                          field=", ".join(sorted(doubled & expected)))  # fmt: skip


def _notes(spec: Spec, file: str, names: list[str], written: list[str]) -> Iterator[str]:
    known = [c.name for c in spec.columns(file) if c.name in names]
    if respelled := [w for n, w in zip(names, written, strict=True) if n != w]:
        yield f"{file}.csv: header not spelled as in {spec.title}: {', '.join(respelled)}"
    if [n for n in names if n in known] != known:
        yield f"{file}.csv: columns in another order than {spec.title}"
    if extra := [n for n in names if n not in known]:
        yield f"{file}.csv: columns {spec.title} does not know, kept: {', '.join(extra)}"


def read_rows(archive: Archive, header: Header) -> Iterator[Row | RecordError]:
    """The file's rows in order, each with as many values as the header, or an error in its place."""
    for row in every_row(archive, header):
        if len(row.values) == len(header.names):
            yield row
        elif row.values:
            yield _spoilt(header, row, f"the row has {len(row.values)} values", f"{len(header.names)} as in the header")
        elif row.raw.strip():
            yield _spoilt(header, row, "the row cannot be read: a quotation mark is not closed or not doubled")


def every_row(archive: Archive, header: Header) -> Iterator[Row]:
    """All there is after the header: bad rows and empty lines too, those without values."""
    with archive.lines(header.file) as lines:
        rows = _records(lines, archive.member(header.file).mixed)
        next(rows, None)
        yield from rows


def _spoilt(header: Header, row: Row, what: str, expected: str = "") -> RecordError:
    lines = row.raw.count("\n")
    spans = f"; lines {row.line} to {row.line + lines - 1} were read as one row" if lines > 1 else ""
    return RecordError(
        "CB-301", f"{what}{spans}", position=Position(file=f"{header.file}.csv", row=row.line), expected=expected,
        remedy="Look for a missing quotation mark or comma there, correct it and export again.",
    )  # fmt: skip


def _records(lines: Iterator[str], mixed: bool) -> Iterator[Row]:
    """Rows of a CSV text with what they were read from; one that cannot be read has no values.

    A quotation mark inside a quoted value is doubled (RFC 4180, 2.7). One that is not belongs to nobody knows which
    value, so the reader is strict: it would else join rows, and drop marks, without a word.
    """
    tape: list[str] = []

    def taped() -> Iterator[str]:
        size = 0
        for line in lines:
            size = size + len(line) if tape else len(line)
            tape.append(line)
            if size > LONGEST:
                raise csv.Error
            yield line

    reader = csv.reader(taped(), strict=True)
    line = 1
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            values, reader = [], csv.reader(taped(), strict=True)
        yield Row(line, with_letters(values) if mixed else values, "".join(tape))
        line += len(tape)
        tape.clear()


def check(header: Header, row: Row, record: dict[str, str]) -> RecordError | None:
    """The first thing wrong with a row by itself: an empty key, an unclear wall, a date that is none."""
    where = Position(file=f"{header.file}.csv", row=row.line)
    for name in (*needed(header.file), *filter(None, [DATED.get(header.file)])):
        if name in record and not record[name].strip():
            return RecordError("CB-302", "the row lacks a value it cannot do without", position=where, field=name)
    if record.get("VictimServiceProvider", "0").strip() not in ("0", "1"):
        return RecordError("CB-301", "nobody can say whether this is a victim service provider", position=where,
                           field="VictimServiceProvider", expected="0 or 1")  # fmt: skip
    for column in _dates(header.spec, header.file):
        value = record.get(column.name, "")
        if value and not is_moment(value.strip()):
            return RecordError("CB-301", "this is not a date", position=where, field=column.name,
                               expected=_FORMS[column.type], found=value)  # fmt: skip
    return None


@cache
def _dates(spec: Spec, file: str) -> tuple[Column, ...]:
    return tuple(column for column in spec.columns(file) if column.type in _FORMS)


@cache
def needed(file: str) -> tuple[str, ...]:
    """The columns without which the rows of a file cannot be told apart or joined."""
    wall = ("VictimServiceProvider",) if file == "Organization" else ()  # whose rows to refuse
    return (key_of(file), *(column for column, _ in references(file)), *wall)


def is_moment(text: str) -> bool:
    """A day of the calendar as yyyy-mm-dd, alone or with a time."""
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return text[4:5] == "-" and TIME.fullmatch(text[10:]) is not None


_FORMS = {"D": "yyyy-mm-dd", "T": "yyyy-mm-dd hh:mm:ss"}
