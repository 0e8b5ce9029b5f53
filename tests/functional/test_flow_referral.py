"""The life of a referral through the five stops: sent, answered, closed; late, illegal and strange events."""

from __future__ import annotations

import pytest
from sites import TestSite, bundle, food_referral, order, patient, task

DONE = {"outcome": "Two bags"}


def test_a_referral_reaches_the_agency_with_the_minimum(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    (sent,) = site.out("agency")
    assert sent["referral"] == site.referral().id
    assert sent["names"] == [{"use": "official", "family": "Moreno", "given": ["Ada"]}]
    assert "birth" not in str(sent)
    assert "899611001" not in str(sent)
    assert site.held() == []


def test_the_answer_comes_back_onto_the_hospitals_own_task(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral(description="kept as it is"))
    site.answer(site.referral().id, "accept")
    (written,) = site.out("hospital")
    assert written["status"] == "accepted"
    assert written["description"] == "kept as it is"
    assert "order" not in written
    assert written["identifier"] == [{"system": "urn:casebridge:referral", "value": site.referral().id}]


def test_a_completed_referral_brings_its_procedure_first(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.answer(site.referral().id, "accept")
    site.answer(site.referral().id, "complete", **DONE)
    kinds = [(d["resourceType"], d["status"]) for d in site.out("hospital")]
    assert kinds == [("Task", "accepted"), ("Procedure", "completed"), ("Task", "completed")]
    assert site.referral().status == "completed"


ILLEGAL = [
    ("the hospital completes what nobody accepted", "completed"),
    ("the hospital puts on hold what is not its to hold", "on-hold"),
]


@pytest.mark.parametrize(("about", "status"), ILLEGAL)
def test_an_illegal_move_is_kept_as_a_conflict_and_sent_to_nobody(site: TestSite, about: str, status: str) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.drop("hospital", "t1-2.json", food_referral("2", status=status))
    assert site.referral().status == "requested"
    assert site.events(site.referral().id)[-1] == ("hospital", status, "conflict")
    assert len(site.out("agency")) == 1


def test_a_cancelled_referral_is_told_to_its_recipient(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.drop("hospital", "t2.json", food_referral("2", status="cancelled", statusReason={"text": "went home"}))
    assert [s["status"] for s in site.out("agency")] == ["waiting", "cancelled"]


def test_an_answer_after_the_end_is_a_conflict_and_never_sent_on(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.drop("hospital", "t2.json", food_referral("2", status="cancelled", statusReason={"text": "went home"}))
    site.answer(site.referral().id, "accept")
    assert site.referral().status == "cancelled"
    assert site.events(site.referral().id)[-1] == ("agency", "accepted", "conflict")
    assert site.out("hospital") == []


def test_a_stranger_cannot_move_a_referral(site: TestSite) -> None:
    site.drop("hospital", "t1.json", bundle(task(), order("homelessness", "unknown-service"), patient()))
    site.answer(site.referral().id, "accept")  # the agency is no party to it
    assert site.referral().status == "requested"
    assert site.events(site.referral().id)[-1][2] == "conflict"


def test_a_make_contact_task_is_not_a_referral(site: TestSite) -> None:
    site.drop("hospital", "t1.json", bundle(task(code="make-contact"), order(), patient()))
    assert site.referrals() == []
    assert site.held() == []
    assert [m.state for m in site.messages(kind="fhir-r4/Task")] == ["skipped"]


def test_an_unidentified_patient_is_referred_all_the_same(site: TestSite) -> None:
    nobody = {"resourceType": "Patient", "id": "p1", "meta": {"versionId": "1"}}
    site.drop("hospital", "t1.json", bundle(task(), order(), nobody))
    (sent,) = site.out("agency")
    assert sent["status"] == "waiting"
    assert "names" not in sent


def test_without_a_route_the_referral_is_held_and_replay_finds_the_new_route(site: TestSite) -> None:
    site.drop("hospital", "t1.json", bundle(task(), order("veteran-status", "unknown-service"), patient()))
    (held,) = site.held()
    assert (held.code, held.who) == ("CB-504", "it")
    text = (site.folder / "casebridge.toml").read_text()
    route = '\n[[route]]\nwhen = { kind = "referral", domain = "veteran-status" }\nto = "agency"\n'
    (site.folder / "casebridge.toml").write_text(text + route)
    site.bridge.close()
    from casebridge.app import open_bridge
    from casebridge.engine import held as holding

    site.bridge = open_bridge(site.folder / "casebridge.toml")
    holding.replay(site.bridge.site, held.id)
    site.work()
    assert len(site.out("agency")) == 1
    assert site.held() == []


def test_a_shelter_bed_waits_until_hmis_has_enrolled_the_person(site: TestSite) -> None:
    site.drop("hospital", "t1.json", bundle(task(), order("homelessness", "emergency-shelter"), patient()))
    (held,) = site.held()
    assert (held.code, held.who) == ("CB-502", "partner")


def test_what_a_stranger_says_changes_nothing_that_follows(site: TestSite) -> None:
    veteran = order("veteran-status", "unknown-service")
    site.drop("hospital", "t1.json", bundle(task(), veteran, patient()))
    site.answer(site.referral().id, "accept")
    cancelled = task("2", status="cancelled", statusReason={"text": "went home"})
    site.drop("hospital", "t2.json", bundle(cancelled, veteran, patient()))
    assert site.referral().status == "cancelled"


def test_after_an_answer_a_cancellation_is_written_anew_and_not_onto_the_answer(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    site.answer(site.referral().id, "accept")
    site.drop("hospital", "t2.json", food_referral("2", status="cancelled", statusReason={"text": "went home"}))
    first, second = site.out("agency")
    assert set(second) - set(first) <= {"reason"}
    assert second["status"] == "cancelled"


def test_a_part_of_a_referral_knows_its_parent(site: TestSite) -> None:
    site.drop("hospital", "t1.json", food_referral())
    part = task(id_="t2", partOf=[{"reference": "Task/t1"}])
    site.drop("hospital", "t2.json", bundle(part, order(), patient()))
    whole, child = site.referrals()
    assert (whole.parent, child.parent) == (None, whole.id)
