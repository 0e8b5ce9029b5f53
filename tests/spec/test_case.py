"""The case model takes what it knows and refuses the rest, in plain words."""

import pytest

from casebridge.core.case import KINDS, PLURALS, records_of, validate_record
from casebridge.core.errors import Position, RecordError


def test_there_are_14_kinds_each_with_a_plural_slot():
    assert len(KINDS) == 14
    assert set(PLURALS.values()) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("person", {"names": [{"family": "Rivera", "given": ["Ana", "M."]}], "birth": "1974-12"}),
        ("person", {"birth": {"absent": "asked-declined"}}),
        ("person", {"deceased": True}),
        ("person", {"deceased": "2026-03"}),
        ("participation", {"entry": "2026-03-01T08:30:00.671-05:00", "end": "2026-03-01 09:30"}),
        ("participation", {"participation_kind": "coverage", "entry": "2026-01-01", "status": "ended"}),
        ("assessment", {"items": [{"code": "income", "amount": "1203.50"}, {"code": {"code": "8693-4"}}]}),
        ("referral", {"requester": {"kind": "person", "external_id": "Patient/1"}, "intent": "assess"}),
    ],
)
def test_what_it_takes(kind, record):
    validate_record(kind, record)


@pytest.mark.parametrize(
    ("kind", "record", "field", "expected"),
    [
        ("person", {"birth": "yesterday"}, "person.birth", "a date as 1974, 1974-12 or 1974-12-25 or a reason why"),
        ("person", {"birth": "2026-13-01"}, "person.birth", "a date as"),
        ("person", {"birth": "١٩٧٤"}, "person.birth", "a date as"),
        ("participation", {"entry": "2026-03T10:00"}, "participation.entry", "a date, or"),
        ("participation", {"entry": "2026-03-01T25:00:00Z"}, "participation.entry", "a date, or"),
        ("person", {"birth": {"absent": "forgot"}}, "person.birth.absent", "one of 'asked-unknown'"),
        ("person", {"nmes": []}, "person.nmes", "such as 'names'"),
        ("person", {"names": [{"given": "Ana"}]}, "person.names[0].given", "a list or a reason why it is absent"),
        ("person", {"names": [{}, {"famly": "x"}]}, "person.names[1].famly", "a field of the case model"),
        ("person", {"languages": [{}]}, "person.languages[0].code", "this field, which is required"),
        ("person", {"labels": ["SUD", 3]}, "person.labels[1]", "a group of fields"),
        ("person", {"deceased": "long ago"}, "person.deceased", "2026-03-01T08:30:00Z or true or false"),
        ("person", {"deceased": 1}, "person.deceased", "true or false"),
        ("person", ["not a record"], "person", "a group of fields"),
        ("participation", {"entry": "01/02/2026"}, "participation.entry", "a date, or a date and time"),
        ("assessment", {"items": [{"code": "income", "amount": "12,50"}]}, "assessment.items[0].amount", "12.50"),
        ("referral", {"status": "done"}, "referral.status", "'requested', 'accepted'"),
        ("document", {"version": "1"}, "document.version", "a whole number"),
    ],
)
def test_what_it_refuses_and_how_it_says_so(kind, record, field, expected):
    with pytest.raises(RecordError) as refused:
        validate_record(kind, record, Position(file="Client.csv", row=7))
    assert refused.value.code == "CB-306"
    assert refused.value.field == field
    assert expected in refused.value.expected
    assert "Client.csv, row 7" in str(refused.value)
    assert not any(tag in str(refused.value) for tag in ("constrained", "Absent", "list["))


def test_it_says_how_many_more():
    with pytest.raises(RecordError, match=r"refuses this person \(and 2 more\)"):
        validate_record("person", {"birth": "x", "sexes": 4, "names": "y"})


def test_it_never_shows_a_value():
    with pytest.raises(RecordError) as refused:
        validate_record("person", {"birth": "Rivera 1974"})
    assert "Rivera" not in str(refused.value)
    assert refused.value.found == "Aaaaaa 9999"


def test_the_records_of_a_slice():
    slice_ = {"person": {"birth": "1974"}, "needs": [{"domain": "stress"}, {}], "complete": ["needs"]}
    assert [(kind, path) for kind, path, _ in records_of(slice_)] == [
        ("person", "person"), ("need", "needs[0]"), ("need", "needs[1]"),
    ]  # fmt: skip
