"""Sensitivity labels: kept as they came, known to the rules by a word, and still read as older stores hold them."""

import pytest

from casebridge.core.case import validate_record
from casebridge.core.disclosure import Request
from casebridge.core.labels import in_full, names, systems
from casebridge.core.schema import usual_codes

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.mark.parametrize(
    ("label", "name", "sensitive"),
    [
        ({"system": ACT_CODE, "code": "ETH", "display": "substance abuse"}, "ETH", True),
        ({"system": CONFIDENTIALITY, "code": "N"}, "N", False),
        ({"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "N"}, "N", False),
        ({"code": "N"}, "N", False),
        ("N", "N", False),
        ("R", "R", True),
        ({"system": "urn:hospital:wards", "code": "N"}, "urn:hospital:wards|N", True),
        ({"system": CONFIDENTIALITY, "display": "N"}, f"{CONFIDENTIALITY}|N", True),
        ({"display": "42 CFR Part 2"}, "42 CFR Part 2", True),
        ({"system": "urn:hospital:wards", "code": "P7"}, "P7", True),
        ({"system": "urn:hospital:wards"}, "urn:hospital:wards", True),
        ({"version": "2"}, "?", True),
        (7, "?", True),
    ],
)
def test_what_the_rules_know_a_label_by(label, name, sensitive):
    assert names([label]) == {name}
    assert bool(Request("need", "note", "cbo", "referral", labels=names([label])).sensitive) is sensitive


def test_a_record_without_labels_has_none():
    assert names(None) == names([]) == names({"absent": "withheld"}) == frozenset()


def test_the_wall_of_part_2_stands_whoever_wrote_the_label():
    for label in ("42CFRPart2", {"code": "42CFRPart2"}, {"system": "urn:x", "code": "42CFRPart2"}):
        assert Request("need", "note", "cbo", "referral", labels=names([label])).part2


def test_a_record_of_an_older_store_is_read_with_its_labels_in_full():
    old = {"status": "confirmed", "labels": ["42CFRPart2", "DV", "house rule"]}
    validate_record("need", old)
    assert in_full(old)["labels"] == [
        {"system": ACT_CODE, "code": "42CFRPart2"}, {"system": "urn:casebridge:label", "code": "DV"},
        {"code": "house rule"},
    ]  # fmt: skip
    assert names(old["labels"]) == names(in_full(old)["labels"])
    assert in_full(in_full(old)) == in_full(old)
    validate_record("need", in_full(old))


@pytest.mark.parametrize("record", [{}, {"labels": None}, {"status": "confirmed"}, {"labels": [{"code": "R"}]}])
def test_what_needs_no_change_stays(record):
    assert in_full(record) == record


def test_every_usual_label_has_its_system():
    assert set(systems()) == {value.code for value in usual_codes() if value.field == "labels.code"}
