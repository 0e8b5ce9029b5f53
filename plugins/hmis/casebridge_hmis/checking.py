"""What is demanded of rows we write: required columns, types, lengths, value lists, rows that point to rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from casebridge.core.errors import Position, RecordError
from casebridge_hmis.rows import is_moment
from casebridge_hmis.shelf import Shelf
from casebridge_hmis.spec import HASH_STATUS, KNOWN, Column, Spec, conditions, key_of, references

Row = Mapping[str, str]

INTEGER = re.compile(r"-?\d+")
AMOUNT = re.compile(r"-?\d+(\.\d+)?")
FORBIDDEN = re.compile(r"[<>\[\]{}]")  # HMIS CSV FY2026: characters no string may hold
FORMS = {"D": "yyyy-mm-dd", "T": "yyyy-mm-dd hh:mm:ss", "I": "a whole number",
         "M": "an amount such as 72.50", "M+": "an amount such as 72.50"}  # fmt: skip


def check_rows(spec: Spec, shelf: Shelf) -> Iterator[tuple[int, RecordError]]:
    """The first thing wrong with each row, by the line it is on the shelf with; names file, column and key.

    Rows others point to come first; a wrong row is taken off the shelf, so what points to it is wrong too.
    """
    counts = shelf.counts()
    for file in (file for file in KNOWN if file in counts):
        for line, row in shelf.rows(file):
            try:
                _check(spec, file, row, shelf)
            except RecordError as error:
                shelf.drop(file, row[key_of(file)])
                yield line, error


def _check(spec: Spec, file: str, row: Row, shelf: Shelf) -> None:
    key = row[key_of(file)]
    if file == "Client" and HASH_STATUS in row:
        raise _error("CB-342", "its names were hashed when last read; a row without them would take them away there",
                     file, key, "LastName", "an export with HashStatus 1")  # fmt: skip
    if file == "Event":
        _check_event(spec, key, row, shelf)
    for column in spec.columns(file):
        if (column.required or row.get(column.name)) and not is_right(spec, file, column, row):
            raise _wrong(spec, file, key, column, row)
    _check_pointers(file, key, row, shelf)
    if file == "Enrollment":
        _check_wall(key, row, shelf)


def is_right(spec: Spec, file: str, column: Column, row: Row) -> bool:
    """May the column hold what it does in this row?"""
    value = row.get(column.name, "")
    if not value:
        return not column.required
    allowed = spec.allowed(file, column, row)
    return _fits(column, value) and (allowed is None or value in allowed)


def _wrong(spec: Spec, file: str, key: str, column: Column, row: Row) -> RecordError:
    value = row.get(column.name, "")
    if not value:
        return lacks(spec, file, key, column.name)
    if not _fits(column, value):
        return _error("CB-301", f"{spec.title} does not take this value", file, key, column.name, _form(column), value)
    return _error("CB-301", "the code is not in the value list", file, key, column.name,
                  f"list {' or '.join(column.lists)}", value)  # fmt: skip


def lacks(spec: Spec, file: str, key: str, column: str) -> RecordError:
    """A required column is empty."""
    return _error("CB-302", f"{spec.title} requires this column", file, key, column, "a value")


def _error(code: str, what: str, file: str, key: str, field: str, expected: str = "",
           found: object = None) -> RecordError:  # fmt: skip
    return RecordError(code, what, position=Position(file=f"{file}.csv"), field=field, expected=expected,
                       found=found, external_id=key)  # fmt: skip


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


def _check_event(spec: Spec, key: str, row: Row, shelf: Shelf) -> None:
    if row.get("Event", "") not in spec.codes("4.20.2"):
        raise _error("CB-340", "HMIS has no event for this service", "Event", key, "Event", "a code of list 4.20.2")
    for condition in conditions("Event"):
        if row.get(condition.column) and row.get(condition.other, "") not in condition.codes:
            raise _error("CB-301", f"{spec.title} has no {condition.column} for this {condition.other}", "Event", key,
                         condition.column, "nothing")  # fmt: skip
    enrollment = shelf.get("Enrollment", row.get("EnrollmentID", "")) or {}
    if enrollment.get("RelationshipToHoH", "1") != "1":
        raise _error("CB-341", "an event belongs to the enrollment of the head of household", "Event", key,
                     "EnrollmentID", "RelationshipToHoH 1")  # fmt: skip


def _check_pointers(file: str, key: str, row: Row, shelf: Shelf) -> None:
    for column, target in (*references(file), *([("UserID", "User")] if file not in ("Export", "User") else [])):
        if not shelf.holds(target, row.get(column, "")):
            raise _error("CB-331", f"the row of {target}.csv it points to is not in the export", file, key, column)
    if "EnrollmentID" in row and shelf.person("Enrollment", row["EnrollmentID"]) not in (None, row["PersonalID"]):
        raise _error("CB-331", "the enrollment is another person's", file, key, "PersonalID")


def _check_wall(key: str, row: Row, shelf: Shelf) -> None:
    project = shelf.get("Project", row["ProjectID"]) or {}
    organization = shelf.get("Organization", project.get("OrganizationID", "")) or {}
    if organization.get("VictimServiceProvider") != "0":
        raise _error("CB-334", "the enrollment is with a victim service provider", "Enrollment", key, "ProjectID")
