"""A label that comes late still holds: nothing said before goes out a second time, and the page is shut."""

from __future__ import annotations

import pytest
from sites import TestSite, bundle, food_referral, order, patient, task

from casebridge.engine.doorway import SiteDoorway
from casebridge.store import tokens

LABELLED = {"versionId": "2", "security": [{"code": "42CFRPart2"}]}


def test_what_was_told_before_its_label_came_is_not_sent_again(site: TestSite) -> None:
    said = order(note=[{"text": "buprenorphine"}])
    site.drop("hospital", "1.json", bundle(task(), said, patient()))
    assert "buprenorphine" in str(site.out("agency"))
    ended = task("2", "cancelled", statusReason={"text": "sent in error"}, meta=LABELLED)
    site.drop("hospital", "2.json", bundle(ended, said, patient()))
    assert len(site.out("agency")) == 1
    assert [(h.code, h.who) for h in site.held()] == [("CB-505", "privacy")]


def test_a_walled_referral_is_held_for_the_privacy_officer_and_not_as_a_fault_of_the_partner(site: TestSite) -> None:
    site.drop("hospital", "1.json", bundle(task(meta=LABELLED), order(), patient()))
    (held,) = site.held()
    assert (held.code, held.who) == ("CB-505", "privacy")
    assert "substance use program" in str(held.reason)


@pytest.mark.parametrize("status", ["requested", "cancelled"])
def test_the_page_shuts_when_the_label_comes(site: TestSite, status: str) -> None:
    site.drop("hospital", "1.json", food_referral())
    (sent,) = site.messages(partner="agency", direction="out")
    with site.bridge.site.store.write() as c:
        token = tokens.mint(c, "agency", site.referral().id, sent.id, "2099-01-01T00:00:00.000000Z")
    door = SiteDoorway(site.bridge.site)
    assert door.released(token) is not None
    labelled = task("2", status, statusReason={"text": "x"}, meta=LABELLED)
    site.drop("hospital", "2.json", bundle(labelled, order(), patient()))
    assert site.referral().status == status
    assert door.released(token) is None


def test_the_page_of_an_ended_referral_names_nobody(site: TestSite) -> None:
    site.drop("hospital", "1.json", food_referral())
    (sent,) = site.messages(partner="agency", direction="out")
    with site.bridge.site.store.write() as c:
        token = tokens.mint(c, "agency", site.referral().id, sent.id, "2099-01-01T00:00:00.000000Z")
    ended = task("2", "cancelled", statusReason={"text": "x"})
    site.drop("hospital", "2.json", bundle(ended, order(), patient()))
    shown = SiteDoorway(site.bridge.site).released(token)
    assert shown is not None
    assert shown.document == {"referral": site.referral().id, "status": "cancelled"}


@pytest.mark.parametrize("label", [{"display": "42 CFR Part 2"}, {"system": "urn:x", "display": "psychiatry"}])
def test_a_label_in_words_only_is_a_label(site: TestSite, label: dict[str, str]) -> None:
    walled = order(meta={"versionId": "1", "security": [label]}, note=[{"text": "buprenorphine"}])
    site.drop("hospital", "1.json", bundle(task(), walled, patient()))
    assert site.out("agency") == []
    assert [h.code for h in site.held()] == ["CB-505"]
