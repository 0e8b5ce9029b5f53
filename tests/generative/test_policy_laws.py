"""The whole finite space of decisions, and the laws that hold all over it.

The laws are written here a second time, in plain Python, and never read the rule table.
"""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebridge.core.policy import ConsentFact, Request, decide

FIELDS = [
    ("person", "telecoms.value"), ("person", "identifiers.value"), ("person", "birth"), ("referral", "status"),
    ("referral", "extra.x"), ("need", "domain"), ("participation", "end"), ("activity", "text"),
]  # fmt: skip
LABELS = [
    frozenset(codes.split())
    for codes in ("", "N", "SUD", "HIV SUD", "42CFRPart2", "42CFRPart2 SUD", "SDV", "CPS", "PSYTHPN", "R no-such-label")
]
SOURCES = [
    {"source_id": "mercy", "source_role": "covered_entity"},
    {"source_id": "mercy", "source_role": "covered_entity", "source_part2": True},
    {"source_id": "haven", "source_role": "vsp", "source_vsp": True},
    {"source_id": "state", "source_role": "payer"},
]
RECIPIENTS = [
    ("cbo", "recipient", "referral"), ("cbo", "source", "referral-status"), ("covered_entity", "recipient", "referral"),
    ("covered_entity", "source", "referral-status"), ("covered_entity", "source", "coverage-change"),
    ("hmis_lead", "recipient", "hmis"), ("payer", "none", "referral"), ("site", "none", "operations"),
    ("cbo", "none", "notice"), ("individual", "none", "individual"),
]  # fmt: skip
EVERYTHING = frozenset({"referral", "referral-status", "coverage-change", "hmis", "operations"})


def permission(labels: str = "", law: str = "") -> ConsentFact:
    return ConsentFact(
        "permit", frozenset({"them"}), EVERYTHING, frozenset(labels.split()), frozenset({"mercy"}), law, True, True
    )  # fmt: skip


CONSENTS = [
    (),
    (permission(),),
    (permission("SUD HIV"),),
    (permission("42CFRPart2 SUD", "Part2-specific"),),
    (permission("", "VAWA"),),
    (permission("PSYTHPN"),),
    (permission("42CFRPart2 SUD", "Part2-specific"), ConsentFact("deny")),
]
AGREEMENTS = [frozenset(), frozenset({"BAA"})]
LOOSER = {"deny": 0, "review": 1, "redact": 2, "permit": 3}


@pytest.fixture(scope="module")
def space():
    """Every request of the space with its decision, by everything but the labels."""
    decided = {}
    for (kind, field), source, (role, relation, purpose), consents, agreements, room in product(
        FIELDS, SOURCES, RECIPIENTS, CONSENTS, AGREEMENTS, (False, True)
    ):
        base = Request(
            kind=kind, field=field, recipient_role=role, purpose=purpose, relation=relation, recipient_id="them",
            domain="homelessness", record_domain="homelessness", consents=consents, agreements=agreements,
            notice_room=room, **source,
        )  # fmt: skip
        decided[base] = {
            labels: (asked := replace(base, labels=labels), decide(asked)) for labels in LABELS
        }  # fmt: skip
    return decided


@pytest.fixture(scope="module")
def leaving(space):
    """What leaves, and not to the client."""
    return [(r, d) for by in space.values() for r, d in by.values() if d.leaves and r.purpose != "individual"]


def permissions(request):
    return [c for c in request.consents if c.decision == "permit"]


def test_the_space_is_as_large_as_we_say(space):
    assert sum(len(by) for by in space.values()) == 8 * 10 * 4 * 10 * 7 * 2 * 2


def test_something_leaves_and_most_does_not(space, leaving):
    assert 0 < len(leaving) < sum(len(by) for by in space.values()) / 4
    assert {d.effect for by in space.values() for _, d in by.values()} == set(LOOSER)


def test_every_release_has_a_ground_and_every_decision_a_reason(space):
    for by in space.values():
        for _, decision in by.values():
            assert decision.rules
            assert decision.why
            assert bool(decision.ground) == (decision.effect != "deny")


def test_part_2_leaves_with_its_consent_and_its_notice_or_not_at_all(leaving):
    for request, decision in leaving:
        if request.source_part2 or "42CFRPart2" in request.labels:
            assert request.notice_room
            assert "part2-notice" in decision.obligations
            assert any(c.law == "Part2-specific" and request.source_id in c.disclosers for c in permissions(request))


def test_a_victim_services_rows_leave_by_written_release_and_never_to_hmis(leaving):
    for request, _ in leaving:
        if request.source_vsp:
            assert request.recipient_role != "hmis_lead"
            assert any(c.law == "VAWA" for c in permissions(request))


def test_counselling_notes_leave_by_a_consent_of_their_own(leaving):
    for request, _ in leaving:
        if "PSYTHPN" in request.labels:
            assert any(c.labels == {"PSYTHPN"} for c in permissions(request))


def test_abuse_reports_leave_to_nobody(space):
    assert all(not by[frozenset({"CPS"})][1].leaves for by in space.values())


def test_sensitive_records_reach_an_agency_only_when_named(leaving):
    for request, _ in leaving:
        sensitive = request.labels - {"N", "PSYTHPN"}
        answer = request.purpose == "referral-status" and request.kind == "referral"
        desk = request.recipient_role == "site" and request.kind == "referral"
        if sensitive and not answer and not desk:
            assert any(sensitive <= c.labels | ({"SDV"} if c.law == "VAWA" else set()) for c in permissions(request))


def test_what_tells_of_violence_leaves_by_a_consent_that_names_it_even_to_a_provider(leaving):
    for request, _ in leaving:
        if "SDV" in request.labels:
            assert any("SDV" in c.labels or c.law == "VAWA" for c in permissions(request))


def test_a_refusal_stands(leaving):
    assert not [request for request, _ in leaving if any(c.decision == "deny" for c in request.consents)]


def test_medicaid_records_leave_by_consent_or_as_news_of_coverage(leaving):
    for request, _ in leaving:
        if request.source_role == "payer" and request.recipient_role != "site" and request.purpose != "notice":
            assert permissions(request) or (request.purpose == "coverage-change" and request.kind == "participation")


def test_an_agency_never_gets_numbers_or_what_a_partner_added(leaving):
    for request, _ in leaving:
        if request.recipient_role != "covered_entity":
            assert request.field != "identifiers.value"
        assert not request.field.startswith("extra")


def test_a_label_never_loosens(space):
    for by in space.values():
        for fewer, more in product(LABELS, LABELS):
            if fewer < more:
                assert LOOSER[by[more][1].effect] <= LOOSER[by[fewer][1].effect], by[more]


ALL_LABELS = sorted({"N", "R", "V", "42CFRPart2", "SUD", "ETH", "PSY", "PSYTHPN", "SUDNOTES", "HIV", "DV", "CPS", "x"})
some_labels = st.frozensets(st.sampled_from(ALL_LABELS))
facts = st.builds(
    ConsentFact,
    decision=st.sampled_from(["permit", "permit", "permit", "deny"]),
    recipients=st.sampled_from([frozenset(), frozenset({"them"}), frozenset({"role:cbo"})]),
    purposes=st.sampled_from([frozenset(), EVERYTHING]),
    labels=some_labels,
    disclosers=st.sampled_from([frozenset(), frozenset({"mercy"})]),
    law=st.sampled_from(["", "HIPAA", "Part2-TPO", "Part2-specific", "VAWA"]),
    written=st.booleans(),
    ends=st.booleans(),
)
place = st.sampled_from(FIELDS), st.sampled_from(SOURCES), st.sampled_from(RECIPIENTS)


@given(*place, st.lists(facts, max_size=3), some_labels, some_labels, st.booleans())
def test_a_label_never_loosens_whatever_the_consents(field, source, recipient, consents, labels, added, room):
    (kind, name), (role, relation, purpose) = field, recipient
    fewer = Request(
        kind=kind, field=name, recipient_role=role, relation=relation, purpose=purpose, recipient_id="them",
        consents=tuple(consents), labels=labels, notice_room=room, domain="homelessness", agreements=AGREEMENTS[1],
        **source,
    )  # fmt: skip
    more = decide(replace(fewer, labels=labels | added))
    assert LOOSER[more.effect] <= LOOSER[decide(fewer).effect]
    if more.leaves:
        assert set(decide(fewer).obligations) <= set(more.obligations)


@given(*place, st.lists(facts, max_size=3), facts, some_labels)
def test_a_refusal_never_loosens(field, source, recipient, consents, refusal, labels):
    (kind, name), (role, relation, purpose) = field, recipient
    without = Request(
        kind=kind, field=name, recipient_role=role, relation=relation, purpose=purpose, recipient_id="them",
        consents=tuple(consents), labels=labels, notice_room=True, agreements=AGREEMENTS[1], **source,
    )  # fmt: skip
    refused = decide(replace(without, consents=(*consents, replace(refusal, decision="deny"))))
    assert LOOSER[refused.effect] <= LOOSER[decide(without).effect]
