"""A label that comes late still holds: nothing said before goes out a second time, and the page is shut.

A label that is there from the start goes with the record to whoever may have it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    door = SiteDoorway(site.bridge.site, "folder")
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
    shown = SiteDoorway(site.bridge.site, "folder").released(token)
    assert shown is not None
    assert shown.document == {"referral": site.referral().id, "status": "cancelled"}


@pytest.mark.parametrize("label", [{"display": "42 CFR Part 2"}, {"system": "urn:x", "display": "psychiatry"}])
def test_a_label_in_words_only_is_a_label(site: TestSite, label: dict[str, str]) -> None:
    walled = order(meta={"versionId": "1", "security": [label]}, note=[{"text": "buprenorphine"}])
    site.drop("hospital", "1.json", bundle(task(), walled, patient()))
    assert site.out("agency") == []
    assert [h.code for h in site.held()] == ["CB-505"]


PANTRY = """
[partner.pantry]
role = "cbo"
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
known_as = ["Organization/pantry"]
agreements = [{ kind = "BAA", until = 2099-12-31 }]
settings = { folder = "pantry", quiet_seconds = 0 }

[[route]]
when = { kind = "referral", domain = "transportation-insecurity" }
to = "pantry"
"""
HIV = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV", "display": "HIV or AIDS"}


def agreed(*codes: str) -> dict[str, Any]:
    """The client's consent for the pantry, which names labels."""
    return {
        "resourceType": "Consent", "id": "c1", "meta": {"versionId": "1"}, "status": "active",
        "patient": {"reference": "Patient/p1"}, "performer": [{"reference": "Patient/p1"}],
        "sourceAttachment": {"title": "signed"},
        "provision": {"type": "permit", "period": {"start": "2026-01-01", "end": "2099-01-01"},
                      "actor": [{"role": {"coding": [{"code": "IRCP"}]},
                                 "reference": {"reference": "Organization/pantry"}}],
                      "purpose": [{"code": "COC"}], "securityLabel": [{"code": code} for code in codes]},
    }  # fmt: skip


@pytest.mark.parametrize(("codes", "out"), [((), []), (("HIV",), [[HIV]])])
def test_who_may_have_a_labelled_referral_gets_its_labels(
    make_site: Callable[..., TestSite], tmp_path: Path, codes: tuple[str, ...], out: list[Any]
) -> None:
    """The order does not go to the pantry; its label stands on the Task that does."""
    (tmp_path / "site0" / "pantry").mkdir(parents=True)
    site = make_site(more=PANTRY)
    walled = order("transportation-insecurity", meta={"versionId": "1", "security": [HIV]})
    site.drop("hospital", "1.json", bundle(task(), walled, patient(), agreed(*codes)))
    assert [one["meta"]["security"] for one in site.out("pantry")] == out
