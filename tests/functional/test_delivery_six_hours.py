"""A receiver that is down for six hours and comes back: nothing lost, nothing held, order kept, decided anew."""

from __future__ import annotations

from typing import Any

import pytest
from receivers import BulkReceiver, DeliverySite, Receiver
from sites import TestSite

PEOPLE = [f"p{n}" for n in range(9)]


def consent(person: str, version: str, decision: str) -> dict[str, Any]:
    """The person's word on what the agency may know."""
    return {
        "resourceType": "Consent", "id": f"c-{person}", "meta": {"versionId": version}, "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"coding": [{"code": "IDSCL"}]}],
        "patient": {"reference": f"Patient/{person}"}, "performer": [{"reference": f"Patient/{person}"}],
        "dateTime": "2026-02-20",
        "provision": {"type": decision, "actor": [{"role": {"coding": [{"code": "IRCP"}]},
                                                   "reference": {"reference": "Organization/agency"}}],
                      "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "COC"}]},
    }  # fmt: skip


@pytest.mark.parametrize("receiver", [Receiver, BulkReceiver])
def test_six_hours(site: TestSite, receiver: type[Receiver]) -> None:
    at = DeliverySite(site, receiver())
    at.receiver.down()
    at.refer(*PEOPLE[:6])
    at.later(hours=3)
    at.refer(*PEOPLE[6:])
    for _ in range(6):
        at.later(minutes=30)
    assert at.receiver.asked < 25, "it was left alone"
    assert (site.held(), at.receiver.got) == ([], [])
    at.receiver.down(None)
    for _ in range(3):
        at.later(minutes=5)
    assert len(at.receiver.got) == len(set(at.receiver.got)) == len(PEOPLE)
    assert at.waiting() == []
    assert all(d["delivered_at"] for d in at.latest_decisions()), "each was decided before it left"


def test_a_consent_revoked_while_it_was_down_stops_what_waits_and_nothing_else(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer(*PEOPLE[:3])
    withdrawn = site.referrals()[1]
    for n, decision in enumerate(("permit", "deny"), 1):
        data = consent(withdrawn.subject.removeprefix("Patient/"), str(n), decision)
        site.drop("hospital", f"consent-{n}.json", data)
    at.later(hours=6)
    at.receiver.down(None)
    for _ in range(3):
        at.later(minutes=5)
    assert sorted(at.receiver.referrals) == sorted(r.id for r in site.referrals() if r.id != withdrawn.id)
    (stopped,) = site.held()
    assert (stopped.correlation, stopped.code, stopped.who) == (withdrawn.id, "CB-505", "privacy")


def test_what_is_about_one_referral_arrives_in_order(site: TestSite) -> None:
    """The second waits behind the first, however often that is tried."""
    at = DeliverySite(site)
    at.receiver.down()
    at.refer("p1")
    at.refer("p2", "p3", "p4", "p5")
    first = next(r for r in site.referrals() if (r.subject or "").endswith("p1"))
    at.clock.move(1)
    at.refer_again("p1", status="cancelled", statusReason={"text": "went home"})
    at.later(hours=6)
    assert [m.stop for m in site.messages(partner="agency", correlation=first.id, state="waiting")] == [
        "deliver", "prepare"]  # fmt: skip
    at.receiver.down(None)
    for _ in range(3):
        at.later(minutes=5)
    assert at.receiver.referrals.count(first.id) == 2
    sent = [m.id for m in site.messages(partner="agency", correlation=first.id)]
    assert [key for key in at.receiver.got if key in sent] == sent, "in the order they came"


def test_nobody_is_tried_for_ever(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer("p1")
    for _ in range(8):
        at.later(hours=8)
    assert site.held() == []
    at.later(hours=9)
    (held,) = site.held()
    assert (held.code, held.who, held.stop) == ("CB-506", "it", "prepare")
    assert "no answer" in held.reason
    at.receiver.down(None)
    site.replay(held.id)
    at.later(minutes=6)
    assert len(at.receiver.got) == 1


def test_its_long_wait_does_not_fill_the_books(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer("p1")
    for _ in range(12):
        at.later(minutes=1)
    assert at.waiting()[0].attempt > 5
    assert at.noted("put-off") == [("agency", "CB-401")]
