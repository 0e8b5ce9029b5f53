"""The one row of Export.csv: who exported, when, and under which key (``ExportID``)."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.core.errors import Position, RecordError
from casebridge_hmis.archive import Archive
from casebridge_hmis.rows import Header, Row, read_header, read_rows
from casebridge_hmis.spec import FY2026

WHERE = Position(file="Export.csv")


def export_row(archive: Archive) -> tuple[int, dict[str, str], Iterator[RecordError]]:
    """(line, row, what is wrong with the others). With several rows the latest ExportDate counts; none is a CB-303."""
    header = read_header(archive, "Export", FY2026)  # its columns are the same in every year
    found = ((row.line, header.record(row)) for row in read_rows(archive, header) if isinstance(row, Row))
    usable = ((line, record) for line, record in found if record["ExportID"].strip())
    latest = max(usable, key=lambda item: (item[1].get("ExportDate", ""), item[0]), default=None)
    if latest is None:
        raise RecordError("CB-303", "Export.csv has no row that can be read", position=WHERE, expected="exactly one")
    return *latest, _others(archive, header, latest[0])


def _others(archive: Archive, header: Header, used: int) -> Iterator[RecordError]:
    for row in read_rows(archive, header):
        if isinstance(row, RecordError):
            yield row
        elif row.line != used:
            yield _spare(row.line)


def _spare(line: int) -> RecordError:
    return RecordError(
        "CB-330", "Export.csv has more than one row; the one with the latest ExportDate was used",
        position=Position(file="Export.csv", row=line), field="ExportID", expected="exactly one row",
    )  # fmt: skip
