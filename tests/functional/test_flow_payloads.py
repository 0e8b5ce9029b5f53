"""The first two stops: nothing lost, nothing doubled, one bad record held and the others go on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sites import TestSite, bundle, food_referral, order, patient, task

from casebridge.engine import held as holding
from casebridge.engine.explain import explain
from casebridge.store import ledger, payloads
from casebridge.store.leases import Lane


def repeats(site: TestSite, partner: str) -> int:
    with site.bridge.site.store.read() as c:
        return payloads.duplicates(c, partner)


def names(site: TestSite) -> list[str]:
    """Family names the hospital asserted, in order of the versions that came."""
    with site.bridge.site.store.read() as c:
        from casebridge.store import records

        found = records.find(c, "hospital", "person", "Patient/p1")
    return [n["family"] for n in (found.document["names"] if found else [])]


def plain(family: str) -> dict[str, Any]:
    """A patient alone, without a version: a payload with no key of its own."""
    return {"resourceType": "Patient", "id": "p1", "name": [{"family": family}]}


def test_the_same_file_twice_is_counted_and_stopped(site: TestSite) -> None:
    site.drop("hospital", "a.json", food_referral())
    site.drop("hospital", "a.json", food_referral())
    assert repeats(site, "hospital") == 1
    assert len(site.out("agency")) == 1
    assert len(list((site.folder / "hospital" / "done").iterdir())) == 2


def test_the_same_name_with_new_content_is_new(site: TestSite) -> None:
    site.drop("hospital", "a.json", plain("Moreno"))
    site.drop("hospital", "a.json", plain("Haddad"))
    assert names(site) == ["Haddad"]
    assert repeats(site, "hospital") == 0


def test_a_then_b_then_a_again_is_three_payloads_without_a_key(site: TestSite) -> None:
    for family in ("A", "B", "A"):
        site.drop("hospital", "patient.json", plain(family))
    assert names(site) == ["A"]
    assert len(site.messages(kind="payload", state="done")) == 3


def test_the_same_key_with_other_content_is_held_until_somebody_decides(site: TestSite) -> None:
    versioned = {**plain("Moreno"), "meta": {"versionId": "1"}}
    site.drop("hospital", "a.json", versioned)
    site.drop("hospital", "b.json", {**versioned, "name": [{"family": "Haddad"}]})
    (held,) = site.held()
    assert (held.code, held.stop) == ("CB-501", "accept")
    assert names(site) == ["Moreno"]
    assert [f.name for f in (site.folder / "hospital" / "held").iterdir()] == ["b.json"]
    holding.replay(site.bridge.site, held.id)
    site.work()
    assert names(site) == ["Haddad"]


BROKEN = [
    ("half a file", '{"resourceType": "Bundle", "entry": [', "CB-303"),
    ("no FHIR at all", "hello", "CB-303"),
]


@pytest.mark.parametrize(("about", "text", "code"), BROKEN)
def test_a_payload_that_cannot_be_read_is_held_whole(site: TestSite, about: str, text: str, code: str) -> None:
    site.drop("hospital", "bad.json", text)
    (held,) = site.held()
    assert (held.code, held.kind) == (code, "payload")
    assert held.remedy
    site.drop("hospital", "good.json", food_referral())
    assert len(site.out("agency")) == 1


def test_one_bad_record_is_held_and_the_others_go_on(site: TestSite) -> None:
    other = task(id_="t2", person="p2")
    bad = patient("p2", ssn=None, gender="questioning")
    site.drop("hospital", "a.json", bundle(task(), order(), patient(), bad, other))
    (held,) = site.held()
    assert (held.kind, held.code) == ("fhir-r4/Patient", "CB-205")
    assert "questioning" not in held.reason
    assert [r.external_id for r in site.referrals()] == ["Task/t1"]
    waiting = site.messages(kind="fhir-r4/Task", state="waiting")
    assert [m.external_id for m in waiting] == ["Task/t2"], "it waits behind its own patient, and only it"


def test_every_record_is_counted(site: TestSite) -> None:
    entries = [task(), order(), patient(), {"resourceType": "Encounter", "id": "e1"}, {"no": "type"}]
    site.drop("hospital", "a.json", bundle(*entries))
    states = sorted(m.state for m in site.messages(direction="in") if m.kind != "payload")
    assert states == ["done", "done", "done", "held", "skipped"]


def test_a_dropped_message_keeps_its_reason_on_the_books(site: TestSite) -> None:
    site.drop("hospital", "bad.json", "hello")
    (held,) = site.held()
    holding.drop(site.bridge.site, held.id, "sent by mistake", "test")
    assert site.held() == []
    assert [(m.state, m.reason) for m in site.messages(kind="payload")] == [("dropped", "sent by mistake")]


def test_explain_names_file_pointer_and_map_line(site: TestSite) -> None:
    site.drop("hospital", "referral-17.json", food_referral())
    (message,) = site.messages(kind="fhir-r4/Patient")
    found = explain(site.bridge.site, message.id, "names[0].family")
    assert (found.file, found.found, found.map_changed) == ("referral-17.json", True, False)
    assert "/entry/2" in found.position
    assert found.other_path.startswith("name[0].family")
    assert (found.map, found.line > 0) == ("sdohcc/patient", True)


def test_after_a_restart_nothing_is_lost_and_nothing_doubled(site: TestSite) -> None:
    site.drop("hospital", "a.json", food_referral())
    site.reopen()
    site.work()
    assert len(site.out("agency")) == 1
    site.answer(site.referral().id, "accept")
    assert [json.dumps(t["status"]) for t in site.out("hospital")] == ['"accepted"']


def accept_and_understand(site: TestSite) -> None:
    for stop in ("accept", "understand"):
        site.bridge.lanes.worker.turn(Lane(stop, "hospital"))


def lanes(site: TestSite) -> dict[str, bool]:
    """What waits to be applied: is it in the urgent lane?"""
    return {m.external_id: m.urgent for m in site.messages(stop="apply", state="waiting")}


def test_what_an_urgent_referral_waits_behind_is_as_urgent(site: TestSite) -> None:
    """Its person and its order, in the same file or one that came before; what is of somebody else is not."""
    site.drop_quietly("hospital", "a.json", bundle(patient(), patient("p2", None)))
    accept_and_understand(site)
    assert lanes(site) == {"Patient/p1": False, "Patient/p2": False}
    urgent = bundle(task(priority="urgent"), order(priority="urgent"), patient("p3", None))
    site.drop_quietly("hospital", "b.json", urgent)
    accept_and_understand(site)
    hurried = {"Task/t1", "ServiceRequest/s1", "Patient/p1"}
    assert lanes(site) == {**dict.fromkeys(hurried, True), "Patient/p2": False, "Patient/p3": False}
    site.work()
    assert len(site.out("agency")) == 1


def test_what_is_hurried_while_it_is_at_hand_is_applied_once(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.drop_quietly("hospital", "a.json", bundle(patient(), patient("p2", None)))
    accept_and_understand(site)
    worker, work = site.bridge.lanes.worker, ledger.work

    def meanwhile(c: Any, lane: Lane, *rest: Any) -> list[Any]:
        found = work(c, lane, *rest)
        if lane == Lane("apply", "hospital"):
            site.drop_quietly("hospital", "b.json", bundle(task(priority="urgent"), order(priority="urgent")))
            accept_and_understand(site)
            worker.turn(Lane("apply", "hospital", urgent=True))
        return found

    monkeypatch.setattr(ledger, "work", meanwhile)
    worker.turn(Lane("apply", "hospital"))
    assert lanes(site) == {}
    assert len(site.noted("applied")) == 4
    assert len({e["message"] for e in site.noted("applied")}) == 4
