"""A whole export, strict: the rows of the records, and every row they point to. On a shelf, so of any size.

Where nothing else is said of it (``RenderContext.heading``) it is a delta of today (ExportDirective 1,
ExportPeriodType 1): files without rows are there with their header alone, and say nothing of what the receiver holds.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from casebridge import Context, Released, RenderContext
from casebridge.core.errors import Position, RecordError
from casebridge_hmis.carrying import inside
from casebridge_hmis.checking import check_rows, lacks
from casebridge_hmis.heading import own_row
from casebridge_hmis.notation import flat, header_line, row_line
from casebridge_hmis.settings import HmisSettings
from casebridge_hmis.shelf import Shelf
from casebridge_hmis.spec import HASH_STATUS, KNOWN, PARENTS, Spec, key_of

COPY = "copy of "  # a sign on the shelf: a row that a record brought along of another one
NOBODYS = -1  # the row of Export.csv comes with no record
ROOM = 4096  # bytes of a row, at the most: a file of more than 4 GiB needs to say so before it is written


class Writing:
    """One export being written. The only clock is the dispatch's, in the site's time zone."""

    def __init__(self, spec: Spec, settings: HmisSettings, site: Context, dispatch: RenderContext) -> None:
        self.spec, self.settings, self.heading = spec, settings, dispatch.heading
        self.now: datetime = dispatch.now.astimezone(ZoneInfo(site.timezone))
        self.export_id = export_id(dispatch.dispatch)
        self.shelf = Shelf()

    def export(self, records: Sequence[Released], out: BinaryIO) -> Iterator[tuple[int, RecordError]]:
        """The zip, if nothing is wrong; else what the specification would refuse: the record's index, and why."""
        right = True
        with closing(self.shelf):
            for index, error in self._wrong(records):
                right = False
                if index == NOBODYS:
                    raise error
                yield index, error
            if right:
                self._zip(out)

    def _wrong(self, records: Sequence[Released]) -> Iterator[tuple[int, RecordError]]:
        for index, record in enumerate(records):
            try:
                self._take(index, record.native_type, record.document)
            except RecordError as error:
                yield index, error
        self._add_copies()
        self._add_users()
        export = {**own_row(self.spec, self.settings, self.now), **self.heading, "ExportID": self.export_id}
        self.shelf.put("Export", self.export_id, export, NOBODYS)
        yield from check_rows(self.spec, self.shelf)

    def _take(self, index: int, native_type: str, document: Mapping[str, Any]) -> None:
        file = self.spec.file_of(native_type)
        if not file or file == "Export":
            raise RecordError("CB-301", "an HMIS export has no file for this record", field="native type",
                              expected=", ".join(KNOWN[1:]), found=native_type)  # fmt: skip
        for child, row in self._rows(index, file, dict(document)):
            self._put(index, child, row)

    def _rows(self, index: int, file: str, data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The record's own rows; those of others that are nested in it are copies."""
        self._copy(index, file, data)
        data = self._completed(file, data)
        for child, row in inside(file, data):
            yield child, self._completed(child, _keyed(child, row))
        yield file, data

    def _copy(self, index: int, file: str, data: Mapping[str, Any]) -> None:
        for name, parent in PARENTS.get(file, {}).items():
            if isinstance(found := data.get(name), Mapping):
                self._copy(index, parent, found)
                for child, row in (*inside(parent, found), (parent, found)):
                    self._put_copy(index, child, row)

    def _put(self, index: int, file: str, data: Mapping[str, Any]) -> None:
        row = self._only_columns(file, data)
        self.shelf.put(file, self._key(file, row), row, index, row.get("PersonalID", ""), replace=True)

    def _put_copy(self, index: int, file: str, data: Mapping[str, Any]) -> None:
        """Among copies the one updated last stays, and of equals the one with names."""
        row = self._only_columns(file, data)
        there = self.shelf.get(COPY + file, key := self._key(file, row))
        if there is None or _age(there) <= _age(row):
            self.shelf.put(COPY + file, key, row, index, replace=True)

    def _key(self, file: str, row: Mapping[str, str]) -> str:
        if key := row.get(key_of(file), ""):
            return key
        raise lacks(self.spec, file, key, key_of(file))

    def _only_columns(self, file: str, data: Mapping[str, Any]) -> dict[str, str]:
        """Columns of the year only; a value that is no text would be lost in silence."""
        row = flat(data)
        for column in self.spec.columns(file):
            if column.name in data and column.name not in row and data[column.name] is not None:
                raise RecordError("CB-301", "the value is not a text", position=Position(file=f"{file}.csv"),
                                  field=column.name, external_id=row.get(key_of(file), ""))  # fmt: skip
        found = {column.name: row[column.name] for column in self.spec.columns(file) if column.name in row}
        hashed = {HASH_STATUS: row[HASH_STATUS]} if file == "Client" and row.get(HASH_STATUS) else {}
        return {**found, **hashed, "ExportID": self.export_id}

    def _completed(self, file: str, data: dict[str, Any]) -> dict[str, Any]:
        """A new row gets its dates and user here; an event of our own sent again was updated now."""
        enrollment = data.get("enrollment") or {}
        filled = {
            "EnrollmentID": enrollment.get("EnrollmentID"),
            "PersonalID": enrollment.get("PersonalID"),
            "DateCreated": self._moment(),
            "DateUpdated": self._moment(),
            "UserID": self.settings.user_id if file != "User" else None,
        }
        row = {**data, **{name: value for name, value in filled.items() if value and not data.get(name)}}
        again = file == "Event" and row["UserID"] == self.settings.user_id
        return {**row, "DateUpdated": self._moment()} if again else row

    def _add_copies(self) -> None:
        """A record's own row beats the copies others bring of it."""
        for file in [sign.removeprefix(COPY) for sign in self.shelf.counts() if sign.startswith(COPY)]:
            for index, row in self.shelf.rows(COPY + file):
                self.shelf.put(file, row[key_of(file)], row, index, row.get("PersonalID", ""))

    def _add_users(self) -> None:
        """User.csv names every user of the other files; one nobody told us about has an id and no more."""
        users: dict[str, int] = {}
        counts = self.shelf.counts()
        for file in [file for file in KNOWN if file in counts and file != "User"]:
            for index, row in self.shelf.rows(file):
                users.setdefault(row.get("UserID", ""), index)
        users.pop("", None)
        for user, index in users.items():
            row = {"UserID": user, "DateCreated": self._moment(), "DateUpdated": self._moment()}
            self.shelf.put("User", user, {**row, "ExportID": self.export_id}, index)

    def _moment(self) -> str:
        return self.now.strftime("%Y-%m-%d %H:%M:%S")

    def _zip(self, out: BinaryIO) -> None:
        stamp, counts = self.now.timetuple()[:6], self.shelf.counts()
        with zipfile.ZipFile(out, "w") as target:
            for file in self.spec.files:
                info = zipfile.ZipInfo(f"{file}.csv", stamp)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.file_size = ROOM * counts.get(file, 0)
                layout = self.spec.columns(file)
                with target.open(info, "w") as sink:
                    sink.write(header_line(layout).encode())
                    for _, row in self.shelf.rows(file) if file in counts else ():
                        sink.write(row_line(layout, row).encode())


def _keyed(child: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A new exit is known by its enrollment: there is one of each."""
    return {**row, "ExitID": row.get("ExitID") or row["EnrollmentID"]} if child == "Exit" else dict(row)


def _age(row: Mapping[str, str]) -> tuple[str, bool]:
    return row.get("DateUpdated", ""), HASH_STATUS not in row


def export_id(dispatch: str) -> str:
    """The dispatch's id in 32 characters: itself when it fits, else its hash, so that a repeat is recognised."""
    return dispatch if 0 < len(dispatch) <= 32 else hashlib.sha256(dispatch.encode()).hexdigest()[:32]
