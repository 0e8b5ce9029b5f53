"""From an export to natives: every file is joined by its keys, and no row of a victim service provider gets through.

A row is decided in this order: *refused* (it belongs to a victim service provider: counted, nothing else),
*held* (an error names file and row), *kept*. What is kept is on the shelf when the first native is handed out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from casebridge import Native
from casebridge.core.errors import Position, RecordError
from casebridge_hmis.archive import Archive
from casebridge_hmis.export import export_row
from casebridge_hmis.rows import Header, Row, check, every_row, read_header, read_rows
from casebridge_hmis.shelf import Shelf
from casebridge_hmis.spec import (
    ASSESSMENTS,
    DELETED,
    HASH_STATUS,
    HASHED,
    INSIDE,
    JOINED,
    KNOWN,
    PARENTS,
    SHARED,
    Spec,
    deleted,
    key_of,
    references,
)  # fmt: skip
from casebridge_hmis.wall import Standing, Wall

EXITED = "exited"  # a sign on the shelf: the enrollment has its exit
ABOVE = {child: key_of(file) for file, rows in INSIDE.items() for child, _ in rows.values()}
CLIENTS = {"PersonalID", "EnrollmentID"}  # a file with one of these columns holds clients' rows
REQUIRED_FILES = ("Export", "Organization", "Project", "Client", "Enrollment", "Exit")


class Reading:
    """One export being read. ``strict`` refuses the merely unusual; ``hashed`` says what to do with hashed names."""

    def __init__(self, archive: Archive, spec: Spec, *, strict: bool = False, hashed: str = "refuse") -> None:
        self.archive, self.spec, self.strict, self.hashed = archive, spec, strict, hashed
        self.refused = archive.left_out.rows
        self.unplaced: Counter[str] = Counter()
        self.notes: list[str] = []
        self.blank: tuple[str, ...] = ()
        self.hash_status = ""
        self.headers: dict[str, Header] = {}
        self.shelf = Shelf()
        self.wall = Wall(self.shelf)

    def natives(self) -> Iterator[Native | RecordError]:
        """Errors first, as they are met, then the records in the order of ``spec.KNOWN``."""
        self.look()
        line, export, spare = export_row(self.archive)
        yield from spare
        yield from self._missing_columns()
        yield from self.directory()
        for file in KNOWN[KNOWN.index("Client") :]:
            yield from self._load(file)
        if self.unplaced:
            yield self._left_out()
        yield self._native("Export", line, {**export, "refused_rows": str(self.refused), "notes": self.notes})
        yield from self._joined()

    # --- may it be trusted at all ------------------------------------------------------------------------------

    def look(self) -> None:
        """Headers, encodings and Export.csv; raises when the payload cannot be trusted."""
        for file in REQUIRED_FILES:
            if file not in self.archive:
                raise RecordError("CB-333", f"{file}.csv is not in the export", position=Position(file=f"{file}.csv"))
        for file in KNOWN:
            if file in self.archive:
                self.headers[file] = on_one_line(read_header(self.archive, file, self.spec))
                self.notes += self.headers[file].notes
                self._note_encoding(file)
            else:
                self.notes.append(f"{file}.csv is not in the export")
        if self.archive.left_out.files:
            self.notes.append(f"files that are none of HMIS CSV, left out: {self.archive.left_out.files}")
        self._trust(export_row(self.archive)[1])

    def _note_encoding(self, file: str) -> None:
        if self.archive.member(file).mixed:
            self.notes.append(f"{file}.csv: what is not UTF-8, read as cp1252")

    def _trust(self, export: dict[str, str]) -> None:
        if (status := export.get(HASH_STATUS, "").strip()) not in ("", "1"):
            if self.hashed == "refuse":
                raise RecordError("CB-335", "the names in this export are hashed", field=HASH_STATUS,
                                  position=Position(file="Export.csv"), expected="1 (unhashed)")  # fmt: skip
            self.blank, self.hash_status = HASHED, status
        if not self.spec.is_version(export.get("CSVVersion", "")):
            self._unusual(f"Export.csv: CSVVersion is not of {self.spec.title}", "CSVVersion")

    def _unusual(self, note: str, field: str) -> None:
        if self.strict:
            raise RecordError("CB-303", note, position=Position(file="Export.csv"), field=field,
                              expected=self.spec.version)  # fmt: skip
        self.notes.append(note)

    def _missing_columns(self) -> Iterator[RecordError]:
        for file, header in self.headers.items():
            for name in header.missing:
                error = RecordError(
                    "CB-332", "the column is missing; the rows are read without it", field=name,
                    position=Position(file=f"{file}.csv", row=1),
                    expected=f"the {len(self.spec.columns(file))} columns of {self.spec.title}",
                )  # fmt: skip
                if self.strict:
                    raise error
                yield error

    # --- row by row onto the shelf -----------------------------------------------------------------------------

    def directory(self) -> Iterator[RecordError]:
        """Organizations, projects and users, and with them who stands behind the wall."""
        for file in ("Organization", "Project", "User"):
            yield from self._load(file)
        self.wall.learn(*map(self._all, ("Organization", "Project", "Enrollment")))

    def _all(self, file: str) -> Iterator[dict[str, str]]:
        """Every row that is not blank; one that cannot be read says nothing."""
        header = self.headers[file]
        return (header.record(row) if is_sound(header, row) else {}
                for row in every_row(self.archive, header) if row.raw.strip())  # fmt: skip

    def standing(self, header: Header, row: Row) -> Standing:
        """Whose a row is. In a file with clients one that cannot be read is of nobody we know."""
        if CLIENTS.isdisjoint(header.names):
            return Standing.OPEN
        if not is_sound(header, row):
            return Standing.UNPLACED
        return self.wall.standing(header.file, header.record(row))

    def leaves_out(self) -> bool:
        """Is there any row that may not be kept?"""
        return self.wall.stands() or any(
            row.raw.strip() and self.standing(header, row) != Standing.OPEN
            for header in self.headers.values() if not CLIENTS.isdisjoint(header.names)
            for row in every_row(self.archive, header)
        )  # fmt: skip

    def _load(self, file: str) -> Iterator[RecordError]:
        if file not in self.headers:
            return
        for row in read_rows(self.archive, self.headers[file]):
            if isinstance(row, RecordError):
                yield row
            elif (error := self._decide(file, row)) is not None:
                yield error

    def _decide(self, file: str, row: Row) -> RecordError | None:
        header = self.headers[file]
        record = header.record(row)
        standing = self.standing(header, row)
        if standing != Standing.OPEN:
            self.refused += 1
            self.unplaced.update([file] if standing == Standing.UNPLACED else [])
            return None
        error = check(header, row, record) or self._orphan(file, row, record)
        return error or self._keep(file, row, record)

    def _keep(self, file: str, row: Row, record: dict[str, str]) -> RecordError | None:
        if file == "Client" and self.hash_status:
            record = {name: value for name, value in record.items() if name not in self.blank}
            record[HASH_STATUS] = self.hash_status
        left = record["EnrollmentID"] if file == "Exit" and not deleted(record) else ""
        twice = left != "" and self.shelf.marked(EXITED, left)
        above = record[ABOVE[file]] if file in ABOVE else None
        key = key_of(file)
        if not twice and self.shelf.put(file, record[key], record, row.line, record.get("PersonalID", ""), above):
            self.shelf.mark(EXITED, left)
            return None
        what = "a second exit of the same enrollment" if twice else "the key is in an earlier row already"
        return RecordError("CB-330", f"{what}; the first row was used", field="EnrollmentID" if twice else key,
                           position=Position(file=f"{file}.csv", row=row.line))  # fmt: skip

    def _orphan(self, file: str, row: Row, record: dict[str, str]) -> RecordError | None:
        where = Position(file=f"{file}.csv", row=row.line)
        for column, target in references(file):
            if not self.shelf.holds(target, record[column]):
                return RecordError("CB-331", f"there is no such row in {target}.csv", field=column, position=where,
                                   external_id=record[key_of(file)])  # fmt: skip
        return self._stranger(file, where, record)

    def _stranger(self, file: str, where: Position, record: dict[str, str]) -> RecordError | None:
        """A row of one person under another person's enrollment."""
        if "EnrollmentID" not in record or file == "Enrollment":
            return None
        if self.shelf.person("Enrollment", record["EnrollmentID"]) == record["PersonalID"]:
            return None
        return RecordError("CB-331", "the enrollment is another person's", field="PersonalID", position=where,
                           external_id=record[key_of(file)])  # fmt: skip

    def _left_out(self) -> RecordError:
        """Told once and without rows: each of them may be a survivor's."""
        places = ", ".join(f"{file}.csv: {count}" for file, count in sorted(self.unplaced.items()))
        return RecordError(
            "CB-336", f"no enrollment says of {self.unplaced.total()} rows that they are not a victim service "
            f"provider's; they were left out ({places})", position=Position(file="Enrollment.csv"),
            expected="an enrollment of the person, its project, and the organization of that",
        )  # fmt: skip

    # --- joined, in order --------------------------------------------------------------------------------------

    def _joined(self) -> Iterator[Native]:
        inside = {file for rows in INSIDE.values() for file, _ in rows.values()}
        for file in KNOWN[1:]:
            for line, record in self.shelf.rows(file) if file not in inside else ():
                yield self._native(file, line, self._around(file, record))

    def _around(self, file: str, record: dict[str, Any]) -> dict[str, Any]:
        """The record with the rows that ride inside it and, where they are joined, its parents."""
        for name, (child, many) in INSIDE.get(file, {}).items():
            below = self.shelf.below(child, record[key_of(file)])
            rows = [_without_shared(row, record) for row in below if DELETED.get(name, deleted(row)) == deleted(row)]
            if rows:
                record[name] = rows if many else rows[0]
        for name, parent in PARENTS.get(file, {}).items() if file in JOINED else ():
            found = self.shelf.get(parent, record.get(key_of(parent), ""))
            if found is not None:
                record[name] = self._around(parent, found)
        return record

    def _native(self, file: str, line: int, record: dict[str, Any]) -> Native:
        return Native(f"{self.spec.format}/{file}", record, Position(file=f"{file}.csv", row=line),
                      name_of(file, record), order_key=record.get("PersonalID", ""))  # fmt: skip


def _without_shared(row: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in SHARED or value != above.get(name)}


def on_one_line(header: Header) -> Header:
    """CB-303 when rows follow inside the header: they would be the name of a column, and kept with it."""
    if len(header.raw.splitlines()) > 1:
        raise RecordError("CB-303", "the header goes on over several lines: a quotation mark in it is not closed",
                          position=Position(file=f"{header.file}.csv", row=1), expected="one line")  # fmt: skip
    return header


def is_sound(header: Header, row: Row) -> bool:
    """As many values as the header, and no whole row in one of them.

    Two quotation marks too many, far apart, make one row of several, and it looks like any other.
    """
    if len(row.values) != len(header.names):
        return False
    least = len(header.names) - 1  # commas of a row
    return len(row.raw.splitlines()) < 2 or not any(v.count(",") >= least and v.splitlines()[1:] for v in row.values)


def name_of(file: str, record: Mapping[str, str]) -> str:
    """The id of a record: its key, and the file with it where several files hold records of one kind."""
    key = record[key_of(file)]
    return f"{file}/{key}" if file in ASSESSMENTS else key
