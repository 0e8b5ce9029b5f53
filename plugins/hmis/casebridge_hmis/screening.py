"""An export without what may not be stored. What is kept is the sender's own bytes, on the line where they stood.

A victim service provider's row leaves an empty line. A row that nobody can read or place leaves as many empty values,
so that the same is said of it when the export is read. Files that are none of HMIS CSV are left out: nobody knows whose
rows are in them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from casebridge_hmis.encoding import encoded
from casebridge_hmis.left_out import LeftOut
from casebridge_hmis.reading import Reading, on_one_line
from casebridge_hmis.rows import Header, Row, every_row, read_header
from casebridge_hmis.spec import KNOWN
from casebridge_hmis.wall import Standing

LINE_END = re.compile("\r\n|\r|\n")
KEPT = "surrogateescape"  # a byte that is no letter goes as it came
END = "\r\n"  # runs together with no other line end, whatever comes before or after


def screen(reading: Reading, out: BinaryIO) -> None:
    """Write to ``out`` what may be kept. ``reading`` has learnt by then who stands behind the wall."""
    left_out = LeftOut()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for info in reading.archive.infos:
            if not reading.archive.is_of_export(info.filename):
                left_out.files += not info.is_dir()
                continue
            file = reading.archive.file_at(info.filename) if info.file_size else ""
            with target.open(zipfile.ZipInfo(info.filename, info.date_time), "w", force_zip64=True) as sink:
                for piece in _pieces(reading, file, left_out) if file else ():
                    sink.write(piece)
        target.comment = left_out.comment


def _pieces(reading: Reading, file: str, left_out: LeftOut) -> Iterator[bytes]:
    member = reading.archive.member(file)
    header = on_one_line(read_header(reading.archive, file, reading.spec, keyed=file in KNOWN))
    yield member.bom + encoded(header.raw, member.encoding)
    for row in every_row(reading.archive, header):
        yield encoded(_kept(reading, header, row, left_out), member.encoding)


def _kept(reading: Reading, header: Header, row: Row, left_out: LeftOut) -> str:
    if not row.raw.strip():
        return row.raw
    if len(row.values) != len(header.names):
        return _emptied(row)
    match reading.standing(header, row):
        case Standing.OPEN:
            return row.raw
        case Standing.UNPLACED:
            return _emptied(row)
        case Standing.WALLED:
            left_out.rows += 1
            return END * _lines(row)


def _emptied(row: Row) -> str:
    """As many values over as many lines, and nothing in them; of none a value that is none, for the same reason."""
    return '"' + END * (_lines(row) - 1) + '"' + ("," * (len(row.values) - 1) if row.values else "-") + END


def _lines(row: Row) -> int:
    """Lines of the file that the row was read from: a bare carriage return ends one, too."""
    return len(LINE_END.findall(row.raw)) + (not row.raw.endswith(("\r", "\n")))
