"""A whole small export, strict: the rows that changed, and every row they point to.

It is a delta (ExportDirective 1, ExportPeriodType 1): files without rows are there with their header alone, and say
nothing about what the receiver holds.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from casebridge import Context, OutFile, Released, RenderContext
from casebridge.core.errors import Position, RecordError
from casebridge_hmis.carrying import inside
from casebridge_hmis.checking import check_rows
from casebridge_hmis.notation import flat, header_line, row_line
from casebridge_hmis.settings import HmisSettings
from casebridge_hmis.spec import KNOWN, PARENTS, Spec, key_of

Rows = dict[str, dict[str, dict[str, str]]]


class Writing:
    """One export being written. The only clock is the dispatch's, in the site's time zone."""

    def __init__(self, spec: Spec, settings: HmisSettings, site: Context, dispatch: RenderContext) -> None:
        self.spec, self.settings, self.dispatch = spec, settings, dispatch
        self.now: datetime = dispatch.now.astimezone(ZoneInfo(site.timezone))
        self.export_id = export_id(dispatch.dispatch)
        self.rows: Rows = {file: {} for file in KNOWN}
        self.own: set[tuple[str, str]] = set()

    def export(self, records: Sequence[Released]) -> OutFile:
        """The zip; raises RecordError on the first row that the specification would refuse."""
        for record in records:
            self._take(record.native_type, record.document)
        self._add_users()
        self.rows["Export"] = {self.export_id: self._export_row()}
        for rows in self.rows.values():
            for row in rows.values():
                row["ExportID"] = self.export_id
        check_rows(self.spec, self.rows)
        name = re.sub(r"[^0-9A-Za-z_-]", "-", self.dispatch.dispatch)
        return OutFile(f"casebridge-{name}.zip", self._zip(), "application/zip", tuple(range(len(records))))

    def _take(self, native_type: str, document: Mapping[str, Any]) -> None:
        file = self.spec.file_of(native_type)
        if not file or file == "Export":
            raise RecordError("CB-301", "an HMIS export has no file for this record", field="native type",
                              expected=", ".join(KNOWN[1:]), found=native_type)  # fmt: skip
        self._add(file, dict(document), own=True)

    def _add(self, file: str, data: dict[str, Any], *, own: bool) -> None:
        for name, parent in PARENTS.get(file, {}).items():
            if isinstance(data.get(name), Mapping):
                self._add(parent, dict(data[name]), own=False)
        if own:
            data = self._completed(file, data)
        for child, row in inside(file, data):
            self._put(child, self._completed(child, _keyed(child, row)) if own else dict(row), own)
        self._put(file, data, own)

    def _put(self, file: str, data: dict[str, Any], own: bool) -> None:
        """A record's own row beats the copies others bring of it; among copies the one updated last stays."""
        row = self._only_columns(file, data)
        key = row.get(key_of(file), "")
        there = self.rows[file].get(key)
        if own:
            self.own.add((file, key))
        elif there is not None and ((file, key) in self.own or there["DateUpdated"] > row.get("DateUpdated", "")):
            return
        self.rows[file][key] = {"DateUpdated": "", **row}

    def _only_columns(self, file: str, data: dict[str, Any]) -> dict[str, str]:
        """Columns of the year only; a value that is no text would be lost in silence."""
        row = flat(data)
        for column in self.spec.columns(file):
            if column.name in data and column.name not in row and data[column.name] is not None:
                raise RecordError("CB-301", "the value is not a text", position=Position(file=f"{file}.csv"),
                                  field=column.name, external_id=row.get(key_of(file), ""))  # fmt: skip
        return {column.name: row[column.name] for column in self.spec.columns(file) if column.name in row}

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

    def _add_users(self) -> None:
        """User.csv names every user of the other files; one nobody told us about has an id and no more."""
        now = self._moment()
        for file, rows in self.rows.items():
            for row in rows.values() if file != "User" else ():
                if (user := row.get("UserID", "")) and user not in self.rows["User"]:
                    self.rows["User"][user] = {"UserID": user, "DateCreated": now, "DateUpdated": now}

    def _moment(self) -> str:
        return self.now.strftime("%Y-%m-%d %H:%M:%S")

    def _export_row(self) -> dict[str, str]:
        s, day = self.settings, self.now.strftime("%Y-%m-%d")
        return {
            "SourceType": s.source_type, "SourceID": s.source, "SourceName": s.source_name,
            "SourceContactFirst": s.contact_first, "SourceContactLast": s.contact_last,
            "SourceContactPhone": s.contact_phone, "SourceContactExtension": s.contact_extension,
            "SourceContactEmail": s.contact_email, "ExportDate": self._moment(), "ExportStartDate": day,
            "ExportEndDate": day, "SoftwareName": s.software_name, "CSVVersion": self.spec.version,
            "ExportPeriodType": "1", "ExportDirective": "1", "HashStatus": "1", "ImplementationID": s.implementation_id,
        }  # fmt: skip

    def _zip(self) -> bytes:
        buffer = io.BytesIO()
        stamp = self.now.timetuple()[:6]
        with zipfile.ZipFile(buffer, "w") as target:
            for file in self.spec.files:
                info = zipfile.ZipInfo(f"{file}.csv", stamp)
                info.compress_type = zipfile.ZIP_DEFLATED
                target.writestr(info, self._text(file).encode())
        return buffer.getvalue()

    def _text(self, file: str) -> str:
        layout = self.spec.columns(file)
        return header_line(layout) + "".join(row_line(layout, row) for row in self.rows.get(file, {}).values())


def _keyed(child: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A new exit is known by its enrollment: there is one of each."""
    return {**row, "ExitID": row.get("ExitID") or row["EnrollmentID"]} if child == "Exit" else dict(row)


def export_id(dispatch: str) -> str:
    """The dispatch's id in 32 characters: itself when it fits, else its hash, so that a repeat is recognised."""
    return dispatch if 0 < len(dispatch) <= 32 else hashlib.sha256(dispatch.encode()).hexdigest()[:32]
