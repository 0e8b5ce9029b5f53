"""A whole export read and written again: rows we understand come from the natives, all else is the sender's own bytes.

Rows that were held stay as they are. Rows of a victim service provider's clients are left out of every file.
A row whose values did not change keeps its very bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, BinaryIO

from casebridge import Native
from casebridge_hmis.archive import CHUNK, Archive
from casebridge_hmis.encoding import encoded
from casebridge_hmis.notation import flat, header_line, row_line
from casebridge_hmis.reading import Reading
from casebridge_hmis.rows import Header, Row, check, every_row, read_header
from casebridge_hmis.shelf import Shelf
from casebridge_hmis.spec import INSIDE, KNOWN, SHARED, Column, Spec, deleted, key_of, references
from casebridge_hmis.wall import Standing

CHILD_POINTERS = {
    child: {column for column, _ in references(child)} for rows in INSIDE.values() for child, _ in rows.values()
}
OURS = ("refused_rows", "notes")  # what reading adds to Export.csv's row


def carry(archive: Archive, spec: Spec, natives: Iterable[Native], out: BinaryIO) -> None:
    """Write the export of ``archive`` to ``out`` with the rows of ``natives`` in the place of its own.

    Where any row is left out, so are the files that are none of HMIS CSV: nobody knows whose rows are in them.
    """
    reading = Reading(archive, spec, hashed="blank")
    with closing(reading.shelf), closing(Shelf()) as rows, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        reading.look()
        for _ in reading.directory():
            pass  # its errors were reported when the export was read
        for native in natives:
            _shelve(rows, native)
        walled = reading.leaves_out()
        for info in archive.infos:
            if walled and not archive.is_of_export(info.filename):
                continue
            with target.open(zipfile.ZipInfo(info.filename, info.date_time), "w", force_zip64=True) as sink:
                file = archive.file_at(info.filename) if info.file_size else ""
                for piece in _content(archive, file, info.filename, reading, rows):
                    sink.write(piece)
        for file in KNOWN:
            if file not in archive and rows.any(file):
                layout = spec.columns(file)
                lines = [row_line(layout, row) for _, row in rows.items(file)]
                target.writestr(f"{archive.folder}/{file}.csv".lstrip("/"), header_line(layout) + "".join(lines))


def _shelve(rows: Shelf, native: Native) -> None:
    file = native.type.partition("/")[2]
    rows.put(file, native.data[_key(file)], flat({k: v for k, v in native.data.items() if k not in OURS}))
    for child, row in inside(file, native.data):
        if not _stays(child, row):
            rows.put(child, row[_key(child)], flat(row))


def _stays(file: str, row: Mapping[str, Any]) -> bool:
    """An exit that was taken back is its sender's: no map writes one."""
    return file == "Exit" and deleted(row)


def inside(file: str, data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows that ride inside a record, each with its file and the pointers that it shares with the record."""
    pointers = {name: data[name] for name in SHARED if data.get(name)}
    for name, (child, _) in INSIDE.get(file, {}).items():
        found = data.get(name)
        for row in found if isinstance(found, list) else [found]:
            if isinstance(row, Mapping):
                yield child, {**{n: v for n, v in pointers.items() if n in CHILD_POINTERS[child]}, **row}


def _content(archive: Archive, file: str, path: str, reading: Reading, rows: Shelf) -> Iterator[bytes]:
    if not file or (file not in KNOWN and not reading.wall.stands()):
        yield from _bytes(archive, path)
        return
    member = archive.member(file)
    yield member.bom
    for text in _lines(archive, read_header(archive, file, reading.spec, keyed=file in KNOWN), reading, rows):
        yield encoded(text, member.encoding)


def _bytes(archive: Archive, path: str) -> Iterator[bytes]:
    with archive.bytes_of("", path) as source:
        while chunk := source.read(CHUNK):
            yield chunk


def _lines(archive: Archive, header: Header, reading: Reading, rows: Shelf) -> Iterator[str]:
    end = _line_end(header.raw) or "\r\n"
    last = header.raw
    yield last
    with closing(Shelf()) as written:
        for row in every_row(archive, header):
            if not _refused(header, row, reading):
                last = _line(header, row, reading, rows, written)
                yield last
        for line in _new(header, rows, written, end):
            yield line if _line_end(last) else end + line
            last = line


def _line_end(text: str) -> str:
    return text[len(text.rstrip("\r\n")) :]


def _refused(header: Header, row: Row, reading: Reading) -> bool:
    """A row that cannot be read stays as it is where nothing speaks of a wall."""
    readable = len(row.values) == len(header.names)
    return (readable or reading.wall.stands()) and row.raw.strip() != "" and (
        reading.standing(header, row) != Standing.OPEN)  # fmt: skip


def _line(header: Header, row: Row, reading: Reading, rows: Shelf, written: Shelf) -> str:
    if header.file not in KNOWN or len(row.values) != len(header.names):
        return row.raw
    record = header.record(row)
    if _stays(header.file, record):
        return row.raw
    key = record[_key(header.file)]
    if check(header, row, record) or (new := rows.get(header.file, key)) is None or not written.mark(header.file, key):
        return row.raw
    changed = {**record, **{k: v for k, v in new.items() if k in record and k not in reading.blank}}
    if changed == record:
        return row.raw
    return row_line(_layout(header), changed, _line_end(row.raw))


def _new(header: Header, rows: Shelf, written: Shelf, end: str) -> Iterator[str]:
    if header.file in KNOWN:
        for key, row in rows.items(header.file):
            if not written.marked(header.file, key):
                yield row_line(_layout(header), row, end)


def _layout(header: Header) -> list[Column]:
    known = {column.name: column for column in header.spec.columns(header.file)}
    return [known.get(name, Column(name, "S", False, ())) for name in header.names]


def _key(file: str) -> str:
    return "EnrollmentID" if file == "Exit" else key_of(file)
