"""What happens between a referral and its end: consents are withdrawn, people get names, news comes late and twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agencies import OFFER, SPLIT, child, parent, say, say_quietly, states, with_agencies
from sites import TestSite, bundle, food_referral, order, patient, task

from casebridge.engine import relocating, sealing, timers
from casebridge.engine.timeline import referral_page

Make = Callable[..., TestSite]


def consent(version: str, status: str = "active", decision: str = "permit") -> dict[str, Any]:
    return {
        "resourceType": "Consent", "id": "c1", "meta": {"versionId": version}, "status": status,
        "patient": {"reference": "Patient/p1"}, "performer": [{"reference": "Patient/p1"}],
        "sourceAttachment": {"title": "signed"},
        "provision": {"type": decision, "period": {"start": "2026-01-01", "end": "2099-01-01"},
                      "actor": [{"role": {"coding": [{"code": "IRCP"}]},
                                 "reference": {"reference": "Organization/agency"}}],
                      "purpose": [{"code": "COC"}]},
    }  # fmt: skip


def edited(note: str) -> dict[str, Any]:
    return {**order(note=[{"text": note}]), "meta": {"versionId": note}}


# --- a consent is withdrawn between acceptance and completion ------------------------------------------------


def test_after_a_consent_is_revoked_updates_stop_and_the_books_show_both(make_site: Make) -> None:
    site = make_site(agreement="")
    site.drop("hospital", "1.json", bundle(task(), order(), patient(), consent("1")))
    site.answer(site.referral().id, "accept")
    count = len(site.out("agency"))
    site.drop("hospital", "2.json", bundle(consent("2", "inactive"), patient()))
    site.drop("hospital", "3.json", bundle(task(), edited("Has moved to her sister"), patient()))
    assert len(site.out("agency")) == count
    assert [h.code for h in site.held()] == ["CB-505"]
    site.answer(site.referral().id, "complete", outcome="Two bags")
    assert site.referral().status == "completed"
    assert site.out("hospital")[-1]["status"] == "completed"
    said = [(d["recipient"], d["effect"]) for d in site.disclosures(correlation=site.referral().id)]
    assert said.index(("agency", "released")) < said.index(("agency", "refused"))


# --- a status that arrives twice, late and out of order ------------------------------------------------------


def test_what_arrives_twice_late_and_out_of_order_is_kept_and_moves_it_once(make_site: Make, tmp_path: Path) -> None:
    site = with_agencies(make_site, tmp_path, SPLIT)
    site.drop("hospital", "1.json", bundle(task(), order("employment-status"), patient()))
    say(site, "north", "complete", outcome="A resume", at="2026-03-03T10:00:00Z")  # before it was accepted: too early
    say(site, "north", "accept", at="2026-03-03T09:00:00Z")
    say(site, "north", "accept", at="2026-03-03T09:00:01Z")  # again
    say(site, "north", "complete", outcome="A resume", at="2026-03-03T10:00:01Z")
    say(site, "north", "start", at="2026-03-03T09:30:00Z")  # late
    told = [event for event in site.events(child(site, "north").id) if event[0] == "north"]
    assert told == [("north", "completed", "conflict"), ("north", "accepted", "apply"), ("north", "completed", "apply"),
                    ("north", "in-progress", "conflict")]  # fmt: skip
    assert states(site) == {"all": "in-progress", "north": "completed", "south": "requested"}
    statuses = [d["status"] for d in site.out("hospital") if d["resourceType"] == "Task"]
    assert statuses == ["accepted", "in-progress"]


def test_of_two_who_accept_in_the_same_second_one_has_it_and_the_other_is_told(
    make_site: Make, tmp_path: Path
) -> None:
    site = with_agencies(make_site, tmp_path, OFFER)
    site.drop("hospital", "1.json", bundle(task(), order("employment-status"), patient()))
    say_quietly(site, "north", "accept")
    say_quietly(site, "west", "accept")
    site.work()
    found = states(site)
    assert sorted([found["north"], found["west"]]) == ["accepted", "cancelled"]
    late = "north" if found["north"] == "cancelled" else "west"
    assert site.events(child(site, late).id)[-1] == (late, "accepted", "conflict")
    assert site.out(late)[-1]["status"] == "cancelled"


# --- somebody without a name ---------------------------------------------------------------------------------

NOBODY = {"resourceType": "Patient", "id": "p9", "meta": {"versionId": "1"}}
MAN = {**NOBODY, "gender": "male", "identifier": [{"system": "urn:hospital:mrn", "value": "88"}]}


@pytest.mark.parametrize("unidentified", [NOBODY, MAN], ids=["nobody", "a man"])
def test_an_unidentified_patient_turns_out_to_be_a_client_and_the_agency_hears_the_name(
    site: TestSite, unidentified: dict[str, Any]
) -> None:
    site.drop("hospital", "0.json", bundle(task(id_="t0"), order("veteran-status", "x"), patient()))
    known = site.referral().client
    site.drop("hospital", "1.json", bundle(task(id_="t9", person="p9"), order(person="p9"), unidentified))
    (_, unknown) = site.referrals()
    assert unknown.client != known
    assert "names" not in site.out("agency")[-1]
    site.drop("hospital", "2.json", bundle({**patient("p9"), "meta": {"versionId": "2"}}))
    (_, found) = site.referrals()
    assert found.client == known
    assert site.out("agency")[-1]["names"] == [{"use": "official", "family": "Moreno", "given": ["Ada"]}]


def test_a_referral_follows_its_patient_into_the_file_that_stays(site: TestSite) -> None:
    """The hospital merges two files of one person, and the Task is for the other one from then on."""
    site.drop("hospital", "1.json", bundle(task(id_="t9", person="p9"), order(person="p9"), NOBODY))
    merged = bundle(task("2", id_="t9", person="p1"), order(person="p1"), patient())
    site.drop("hospital", "2.json", merged)
    assert site.referral().subject == "Patient/p1"
    assert site.out("agency")[-1]["names"] == [{"use": "official", "family": "Moreno", "given": ["Ada"]}]
    (noted,) = site.noted("referral-edited")
    assert "subject" in noted["facts"]["fields"]


def test_a_change_of_the_patient_that_nobody_needs_goes_to_nobody(site: TestSite) -> None:
    site.drop("hospital", "1.json", food_referral())
    count = len(site.out("agency"))
    site.drop("hospital", "2.json", bundle({**patient(), "meta": {"versionId": "2"}, "birthDate": "1987-02-21"}))
    assert len(site.out("agency")) == count


# --- two planners, one need ----------------------------------------------------------------------------------


def two_planners(site: TestSite) -> tuple[str, str]:
    asked = {**order(), "id": "s2"}
    second = task(id_="t2", focus={"reference": "ServiceRequest/s2"})
    site.drop("hospital", "1.json", bundle(task(), order(), second, asked, patient()))
    first, other = site.referrals()
    return first.id, other.id


def rung(site: TestSite) -> list[tuple[str, str]]:
    """Alarms of this kind that are not over."""
    sealing.seal(site.bridge.site)
    timers.tend(site.bridge.site)
    with site.bridge.site.store.read() as c:
        from casebridge.store import timers as stored

        return [(t.kind, t.subject) for t in stored.rung(c, 9)[1] if t.kind == "possibly-same"]


def test_two_referrals_of_one_need_in_the_same_minute_are_both_kept_and_the_second_is_said(site: TestSite) -> None:
    site.bridge.site.clock = lambda: datetime(2026, 11, 2, 15, tzinfo=UTC)
    first, second = two_planners(site)
    assert len(site.out("agency")) == 2
    page = referral_page(site.bridge.site, second)
    assert page is not None
    assert [one.referral for one in page.family.same] == [first]
    later = datetime(2026, 11, 2, 16, tzinfo=UTC)
    site.bridge.site.clock = lambda: later
    assert rung(site) == [("possibly-same", second)]
    site.answer(first, "decline", detail="at-capacity", reason="full")
    site.bridge.site.clock = lambda: later + timedelta(minutes=5)
    assert rung(site) == []
    page = referral_page(site.bridge.site, second)
    assert page is not None
    assert page.family.same == ()


def test_another_kind_of_need_is_not_the_same(site: TestSite) -> None:
    asked = {**order("veteran-status", "x"), "id": "s2"}
    second = task(id_="t2", focus={"reference": "ServiceRequest/s2"})
    site.drop("hospital", "1.json", bundle(task(), order(), second, asked, patient()))
    for referral in site.referrals():
        page = referral_page(site.bridge.site, referral.id)
        assert page is not None
        assert page.family.same == ()


def test_what_a_walled_program_sent_is_never_named_beside_anothers(make_site: Make, tmp_path: Path) -> None:
    """That a victim service provider or a Part 2 program knows the client is protected itself."""
    clinic = """
[partner.clinic]
role = "covered_entity"
part2 = true
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
settings = { folder = "clinic", quiet_seconds = 0 }
"""
    (tmp_path / "clinic").mkdir()
    site = make_site(more=clinic)
    site.drop("hospital", "1.json", food_referral())
    site.drop("clinic", "2.json", food_referral(requester={"reference": "Organization/clinic"}))
    first, second = site.referrals()
    assert first.client == second.client
    for referral in (first, second):
        page = referral_page(site.bridge.site, referral.id)
        assert page is not None
        assert page.family.same == ()
    assert rung(site) == []


# --- a victim service provider among those who are asked -----------------------------------------------------


def test_nobody_learns_that_a_victim_service_provider_was_asked_or_took_it(make_site: Make, tmp_path: Path) -> None:
    """34 U.S.C. 12291(b)(2): neither the other agencies, nor the hospital, nor the list of a backup tells it."""
    site = with_agencies(make_site, tmp_path, OFFER, walled="south")
    site.drop("hospital", "1.json", bundle(task(), order("employment-status"), patient()))
    say(site, "south", "accept")
    say(site, "south", "complete", outcome="A room with a lock", detail="enrolled")
    assert states(site)["all"] == "completed"
    for reader in ("hospital", "north", "west"):
        told = str(site.out(reader))
        for word in ("south", "The south agency", "a lock", "enrolled", child(site, "south").id):
            assert word not in told, (reader, word)
    (last,) = [d for d in site.out("hospital") if d["resourceType"] == "Task" and d["status"] == "completed"]
    assert len(last["output"]) == 1
    listed = relocating.backup(site.bridge.site, tmp_path / "backup.db", lambda *_: None)
    assert "south" not in str(listed)
    assert [e["facts"] for e in site.noted("referral-moved") if e["correlation"] == parent(site).id and
            "south" in str(e)] == []  # fmt: skip
