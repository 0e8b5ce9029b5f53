"""The tables of both years as data: whole, and in agreement with each other."""

from __future__ import annotations

from importlib.resources import files

import pytest
from casebridge_hmis.spec import FY2024, FY2026, INSIDE, KNOWN, PARENTS, conditions, key_of, references

YEARS = pytest.mark.parametrize("spec", [FY2026, FY2024], ids=lambda spec: spec.title)


def names(spec, file):
    return [column.name for column in spec.columns(file)]


def test_every_file_of_the_specification_is_there():
    assert len(FY2026.files) == 24
    assert set(FY2026.files) == set(FY2024.files)
    assert {file: (len(FY2026.columns(file)), len(FY2024.columns(file))) for file in KNOWN} == {
        "Export": (19, 19), "Organization": (9, 9), "Project": (19, 19), "User": (10, 10), "Client": (38, 46),
        "Enrollment": (67, 71), "Exit": (44, 44), "Services": (18, 18), "IncomeBenefits": (77, 77),
        "HealthAndDV": (18, 18), "Disabilities": (20, 20), "CurrentLivingSituation": (18, 18),
        "EmploymentEducation": (15, 15), "YouthEducationStatus": (13, 13), "Assessment": (13, 13),
        "AssessmentQuestions": (13, 13), "AssessmentResults": (11, 11), "Event": (15, 15),
    }  # fmt: skip


@YEARS
@pytest.mark.parametrize("file", FY2026.files)
def test_no_column_stands_twice_and_the_key_is_one_of_them(spec, file):
    assert len(set(names(spec, file))) == len(spec.columns(file))
    assert key_of(file) in names(spec, file)
    assert all(column in names(spec, file) and target in spec.files for column, target in references(file))


@YEARS
@pytest.mark.parametrize("file", FY2026.files)
def test_every_value_list_a_column_names_is_there(spec, file):
    assert [c.name for c in spec.columns(file) for name in c.lists if not spec.codes(name)] == []


def test_a_file_points_only_to_files_read_before_it():
    order = list(KNOWN)
    assert [(f, t) for f in KNOWN for _, t in references(f) if order.index(t) >= order.index(f)] == []


def test_what_rides_inside_a_record_points_to_it():
    for file, rows in INSIDE.items():
        for child, _ in rows.values():
            assert (key_of(file), file) in references(child)


def test_the_parents_of_a_record_are_those_it_points_to():
    for file, parents in PARENTS.items():
        assert {p for p in parents.values() if p != "User"} <= {target for _, target in references(file)}


@pytest.mark.parametrize(("value_list", "code", "label"), [
    ("4.20.2", "10", "Referral to Emergency Shelter bed opening"),
    ("4.20.D", "3", "Unsuccessful referral: provider rejected"),
    ("3.12.1", "99", "Data not collected"),
    ("1.5", "1", "Unhashed"),
])  # fmt: skip
def test_codes_and_their_labels(value_list, code, label):
    assert FY2026.codes(value_list)[code] == label


def test_the_living_situations_are_the_same_in_both_years():
    assert set(FY2024.codes("3.12.1")) == set(FY2026.codes("3.12.1"))


@pytest.mark.parametrize(("file", "column", "row", "allowed"), [
    ("Disabilities", "DisabilityResponse", {"DisabilityType": "10"}, {"0", "1", "2", "3", "8", "9", "99"}),
    ("Disabilities", "DisabilityResponse", {"DisabilityType": "5"}, {"0", "1", "8", "9", "99"}),
    ("Services", "TypeProvided", {"RecordType": "200"}, {"200"}),
    ("Services", "SubTypeProvided", {"TypeProvided": "3"}, {"1", "2", "3", "4"}),
    ("Client", "LastName", {}, None),
])  # fmt: skip
def test_which_list_counts_may_depend_on_another_column(file, column, row, allowed):
    found = next(c for c in FY2026.columns(file) if c.name == column)
    assert FY2026.allowed(file, found, row) == allowed


def test_when_a_column_of_an_event_may_hold_a_value():
    found = {c.column: (c.other, sorted(c.codes, key=int)) for c in conditions("Event")}
    assert found["ReferralResult"] == ("Event", ["10", "11", "12", "13", "14", "15", "17", "18"])
    assert found["ResultDate"] == ("ReferralResult", ["1", "2", "3"])
    assert set(found) <= set(names(FY2026, "Event"))


@YEARS
def test_the_tables_say_where_they_come_from(spec):
    data = files("casebridge_hmis").joinpath("data")
    notice = data.joinpath("NOTICE.md").read_text(encoding="utf-8")
    assert f"{spec.year}/" in notice
    for table in ("columns.csv", "keys.csv", "lists.csv", "conditions.csv", "choices.csv"):
        assert table in notice
