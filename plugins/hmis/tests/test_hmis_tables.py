"""The tables of FY2026 as data: whole, and in agreement with each other."""

from __future__ import annotations

from importlib.resources import files

import pytest
from casebridge_hmis.spec import KNOWN, all_files, codes, columns, conditions, key_of, references


def names(file):
    return [column.name for column in columns(file)]


def test_every_file_of_the_specification_is_there():
    assert len(all_files()) == 24
    assert {file: len(columns(file)) for file in KNOWN} == {
        "Export": 19, "Organization": 9, "Project": 19, "User": 10,
        "Client": 38, "Enrollment": 67, "Exit": 44, "Event": 15,
    }  # fmt: skip


@pytest.mark.parametrize("file", all_files())
def test_no_column_stands_twice_and_the_key_is_one_of_them(file):
    assert len(set(names(file))) == len(columns(file))
    assert key_of(file) in names(file)
    assert all(column in names(file) and target in all_files() for column, target in references(file))


@pytest.mark.parametrize("file", KNOWN)
def test_every_value_list_a_column_names_is_there(file):
    assert [c.name for c in columns(file) if c.list and not codes(c.list)] == []


def test_a_file_points_only_to_files_read_before_it():
    order = list(KNOWN)
    assert [(f, t) for f in KNOWN for _, t in references(f) if order.index(t) >= order.index(f)] == []


@pytest.mark.parametrize(("value_list", "code", "label"), [
    ("4.20.2", "10", "Referral to Emergency Shelter bed opening"),
    ("4.20.D", "3", "Unsuccessful referral: provider rejected"),
    ("3.12.1", "99", "Data not collected"),
    ("1.5", "1", "Unhashed"),
])  # fmt: skip
def test_codes_and_their_labels(value_list, code, label):
    assert codes(value_list)[code] == label


def test_when_a_column_of_an_event_may_hold_a_value():
    found = {c.column: (c.other, sorted(c.codes, key=int)) for c in conditions("Event")}
    assert found["ReferralResult"] == ("Event", ["10", "11", "12", "13", "14", "15", "17", "18"])
    assert found["ResultDate"] == ("ReferralResult", ["1", "2", "3"])
    assert set(found) <= set(names("Event"))


def test_the_tables_say_where_they_come_from():
    notice = files("casebridge_hmis").joinpath("data/NOTICE.md").read_text(encoding="utf-8")
    for table in ("columns.csv", "keys.csv", "lists.csv", "conditions.csv"):
        assert table in notice
