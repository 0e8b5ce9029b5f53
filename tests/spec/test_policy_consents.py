"""What a consent record permits or refuses on a day."""

import pytest

from casebridge.core.moments import earlier, within
from casebridge.core.policy import consent_facts

PERMIT = {
    "status": "active", "decision": "permit", "grantor": {"kind": "person", "id": "P1"}, "recipients": ["food-bank"],
    "purposes": ["referral"], "period": {"start": "2026-01-01", "end": "2026-06-30"}, "form": "written",
}  # fmt: skip
NOW = "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("change", "now", "stands"),
    [
        ({}, NOW, True),
        ({}, "2026-06-30T23:59:00Z", True),
        ({}, "2026-07-01", False),
        ({}, "2025-12-31", False),
        ({"period": {"start": "2026", "end": "2026"}}, "2026-12-31T23:00:00Z", True),
        ({"period": {"end": "2026-03"}}, "2026-03-31", True),
        ({"period": {"end": "2026-02"}}, NOW, False),
        ({"period": None}, NOW, True),
        ({"status": "proposed"}, NOW, False),
        ({"status": {"absent": "asked-unknown"}}, NOW, False),
        ({"status": "revoked"}, NOW, False),
        ({"status": "revoked", "revoked_at": "2026-02-01"}, NOW, False),
        ({"status": "revoked", "revoked_at": "2026-04-01"}, NOW, True),
        ({"revoked_at": "2026-03-01"}, NOW, False),
        ({"grantor": None}, NOW, False),
        ({"recipients": []}, NOW, False),
        ({"recipients": {"absent": "not-asked"}}, NOW, False),
        ({"purposes": ["whatever you like"]}, NOW, False),
        ({"purposes": ["TREAT"]}, NOW, True),
        ({"decision": None}, NOW, False),
    ],
)
def test_a_permission_stands_only_when_it_is_whole_and_alive(change, now, stands):
    assert (consent_facts({**PERMIT, **change}, now) is not None) == stands


def test_a_refusal_needs_no_codes():
    fact = consent_facts({"status": "active", "decision": "deny"}, NOW)
    assert fact is not None
    assert fact.refuses("anyone", "cbo", "referral", frozenset())


@pytest.mark.parametrize(
    ("refusal", "recipient", "purpose", "labels", "refused"),
    [
        ({"recipients": ["food-bank"]}, "food-bank", "referral", (), True),
        ({"recipients": ["food-bank"]}, "shelter", "referral", (), False),
        ({"recipients": ["role:cbo"]}, "shelter", "referral", (), True),
        ({"purposes": ["hmis"]}, "shelter", "referral", (), False),
        ({"labels_covered": ["HIV"]}, "shelter", "referral", ("HIV", "SUD"), True),
        ({"labels_covered": ["HIV"]}, "shelter", "referral", (), False),
    ],
)
def test_a_refusal_reaches_as_far_as_it_says(refusal, recipient, purpose, labels, refused):
    fact = consent_facts({"status": "active", "decision": "deny", **refusal}, NOW)
    assert fact.refuses(recipient, "cbo", purpose, frozenset(labels)) == refused


def test_the_facts_the_rules_compare():
    fact = consent_facts(
        {**PERMIT, "discloser": {"kind": "organization", "id": "mercy"}, "labels_covered": ["SUD"],
         "law": "Part2-specific", "purposes": ["TREAT"]}, NOW,
    )  # fmt: skip
    assert (fact.disclosers, fact.labels, fact.law) == ({"mercy"}, {"SUD"}, "Part2-specific")
    assert fact.purposes == {"referral", "referral-status"}
    assert (fact.written, fact.ends) == (True, True)


@pytest.mark.parametrize(
    ("a", "b", "is_earlier"),
    [
        ("2026-03-01", "2026-03-02", True),
        ("2026-03-02", "2026-03-01", False),
        ("2026-03", "2026-03-15", False),
        ("2025", "2026-03-15", True),
        ("2026-03-01T10:00:00-05:00", "2026-03-01T14:00:00Z", False),
        ("2026-03-01T08:59:00-05:00", "2026-03-01T14:00:00Z", True),
        ("2026-02-30T08:00:00Z", "2026-03-01T08:00:00Z", True),
        ("2026-03-01 08:00", "2026-03-01T09:00", True),
        ("2026-03-01T23:00:00", "2026-03-01T22:00:00Z", False),
        ("2026-02-28T23:00:00", "2026-03-01T22:00:00Z", True),
    ],
)
def test_moments_compare_as_far_as_both_are_known(a, b, is_earlier):
    assert earlier(a, b) == is_earlier


def test_both_ends_of_a_period_are_inside():
    assert within("2026-03-01", "2026-03-01", "2026-03-01")
    assert within("2026-03-01T10:00:00Z", None, "2026-03")
    assert not within("2026-03-01", "2026-03-02", None)
