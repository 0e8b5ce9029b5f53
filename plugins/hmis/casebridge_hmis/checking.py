"""What is demanded of rows we write: required columns, types, lengths, value lists, rows that point to rows."""

from __future__ import annotations

import re
from collections.abc import Mapping

from casebridge.core.errors import Position, RecordError
from casebridge_hmis.rows import is_moment
from casebridge_hmis.spec import Column, Spec, conditions, references

Rows = Mapping[str, Mapping[str, Mapping[str, str]]]
INTEGER = re.compile(r"-?\d+")
AMOUNT = re.compile(r"-?\d+(\.\d+)?")
FORBIDDEN = re.compile(r"[<>\[\]{}]")  # HMIS CSV FY2026: characters no string may hold
FORMS = {"D": "yyyy-mm-dd", "T": "yyyy-mm-dd hh:mm:ss", "I": "a whole number",
         "M": "an amount such as 72.50", "M+": "an amount such as 72.50"}  # fmt: skip


def check_rows(spec: Spec, rows: Rows) -> None:
    """Raises RecordError at the first thing wrong; names file, column and the record's key."""
    for file, found in rows.items():
        for key, row in found.items():
            if file == "Event":
                _check_event(spec, key, row, rows)
            for column in spec.columns(file):
                _check_value(spec, file, key, column, row)
            _check_pointers(file, key, row, rows)
    _check_wall(rows)


def _error(code: str, what: str, file: str, key: str, field: str, expected: str = "",
           found: object = None) -> RecordError:  # fmt: skip
    return RecordError(code, what, position=Position(file=f"{file}.csv"), field=field, expected=expected,
                       found=found, external_id=key)  # fmt: skip


def _check_value(spec: Spec, file: str, key: str, column: Column, row: Mapping[str, str]) -> None:
    value = row.get(column.name, "")
    if not value:
        if column.required:
            raise _error("CB-302", f"{spec.title} requires this column", file, key, column.name, "a value")
        return
    if not _fits(column, value):
        raise _error("CB-301", f"{spec.title} does not take this value", file, key, column.name, _form(column), value)
    allowed = spec.allowed(file, column, row)
    if allowed is not None and value not in allowed:
        raise _error("CB-301", "the code is not in the value list", file, key, column.name,
                     f"list {' or '.join(column.lists)}", value)  # fmt: skip


def _fits(column: Column, value: str) -> bool:
    match column.type[0]:
        case "S":
            return len(value) <= int(column.type[1:]) and not FORBIDDEN.search(value)
        case "I":
            return INTEGER.fullmatch(value) is not None
        case "M":
            return AMOUNT.fullmatch(value) is not None
        case "D":
            return len(value) == 10 and is_moment(value)
        case _:
            return len(value) == 19 and value[10] == " " and is_moment(value)


def _form(column: Column) -> str:
    return FORMS.get(column.type) or f"at most {column.type[1:]} characters, none of <>[]{{}}"


def _check_event(spec: Spec, key: str, row: Mapping[str, str], rows: Rows) -> None:
    if row.get("Event", "") not in spec.codes("4.20.2"):
        raise _error("CB-340", "HMIS has no event for this service", "Event", key, "Event", "a code of list 4.20.2")
    for condition in conditions("Event"):
        if row.get(condition.column) and row.get(condition.other, "") not in condition.codes:
            raise _error("CB-301", f"{spec.title} has no {condition.column} for this {condition.other}", "Event", key,
                         condition.column, "nothing")  # fmt: skip
    enrollment = rows["Enrollment"].get(row.get("EnrollmentID", ""), {})
    if enrollment.get("RelationshipToHoH", "1") != "1":
        raise _error("CB-341", "an event belongs to the enrollment of the head of household", "Event", key,
                     "EnrollmentID", "RelationshipToHoH 1")  # fmt: skip


def _check_pointers(file: str, key: str, row: Mapping[str, str], rows: Rows) -> None:
    pointers = [*references(file), *([("UserID", "User")] if file not in ("Export", "User") else [])]
    for column, target in pointers:
        if row.get(column, "") not in rows[target]:
            raise _error("CB-331", f"the row of {target}.csv it points to is not in the export", file, key, column)
    person = rows["Enrollment"].get(row.get("EnrollmentID", ""), row).get("PersonalID")
    if "EnrollmentID" in row and person != row["PersonalID"]:
        raise _error("CB-331", "the enrollment is another person's", file, key, "PersonalID")


def _check_wall(rows: Rows) -> None:
    for key, enrollment in rows["Enrollment"].items():
        project = rows["Project"][enrollment["ProjectID"]]
        if rows["Organization"][project["OrganizationID"]]["VictimServiceProvider"] != "0":
            raise _error("CB-334", "the enrollment is with a victim service provider", "Enrollment", key, "ProjectID")
