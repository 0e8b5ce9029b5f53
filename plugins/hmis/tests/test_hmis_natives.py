"""The schema of the records: what a map of an HMIS file may name, and what is known of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from casebridge_hmis.natives import natives_of
from casebridge_hmis.spec import FY2024, FY2026

HERE = Path()
JOINED = {"parents": {"client": {"type": "Client", "follow": "PersonalID"}},
          "children": {"exit": {"type": "Exit", "follow": "EnrollmentID", "one": "true"}}}  # fmt: skip


def element(record, *path, spec=FY2026, shape=None):
    found = natives_of(spec).element(record, shape or {}, HERE)
    for name in path:
        found = found.fields[name]
    return found


@pytest.mark.parametrize(("record", "column", "type_", "codes", "required"), [
    ("Client", "LastName", "text", None, False),
    ("Client", "DOB", "date", None, False),
    ("Client", "Sex", "text", {"0", "1", "8", "9", "99"}, False),
    ("Client", "VeteranStatus", "text", {"0", "1", "8", "9", "99"}, True),
    ("Enrollment", "EntryDate", "date", None, True),
    ("IncomeBenefits", "EarnedAmount", "number", None, False),
    ("IncomeBenefits", "DateCreated", "moment", None, False),
    ("Services", "RecordType", "text", {"141", "142", "143", "144", "151", "152", "161", "200", "210", "300"}, True),
])  # fmt: skip
def test_a_column_is_an_element(record, column, type_, codes, required):
    found = element(record, column)
    assert (found.type, found.codes, found.required) == (type_, codes and frozenset(codes), required)
    assert f"FY2026 {record}.{column}" in found.source


def test_parents_and_rows_inside_are_there_when_the_shape_joins_them():
    assert "client" not in element("Enrollment").fields
    client, left = element("Enrollment", "client", shape=JOINED), element("Enrollment", "exit", shape=JOINED)
    assert (client.owner, client.many, left.owner, left.many) == ("theirs", False, "ours", False)
    assert element("Enrollment", "exit", "Destination", shape=JOINED).codes >= {"410", "99"}


def test_rows_inside_may_be_many():
    shape = {"children": {"questions": {"type": "AssessmentQuestions", "follow": "AssessmentID"}}}
    assert element("Assessment", "questions", shape=shape).many


def test_a_file_that_rides_inside_another_or_is_not_read_is_no_record():
    for record in ("Exit", "AssessmentQuestions", "Funder", "Nothing"):
        assert element(record) is None


def test_each_year_has_its_own_columns():
    assert {"Woman", "GenderNone", "HispanicLatinaeo"} <= set(element("Client", spec=FY2024).fields)
    assert "Sex" not in element("Client", spec=FY2024).fields
    assert natives_of(FY2024).prefix == "hmis-csv-2024"
