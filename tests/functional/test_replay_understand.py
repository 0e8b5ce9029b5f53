"""Replay from *understand*: today's map reads what came in; what follows from it is told, nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from replaying import PATIENT, WITH_NAMES, replayed, tried, write_map
from sites import TestSite, bundle, food_referral, order, patient, task

from casebridge.store import records, retention
from casebridge.store.records import StoredRecord


@pytest.fixture
def site(tmp_path: Path, store_url: str) -> Iterator[TestSite]:
    """A referral went to the agency while the map of the hospital's patients had no names."""
    write_map(tmp_path, PATIENT)
    made = TestSite(tmp_path, store=store_url)
    made.drop("hospital", "t1.json", food_referral())
    yield made
    made.bridge.close()


def person(site: TestSite) -> StoredRecord:
    with site.bridge.site.store.read() as c:
        found = records.find(c, "hospital", "person", "Patient/p1")
    assert found is not None
    return found


def mend(site: TestSite) -> None:
    """The map takes names now."""
    write_map(site.folder, WITH_NAMES)
    site.reopen_with_same_settings()


def test_with_the_same_map_no_record_gets_a_new_version_and_nothing_is_sent(site: TestSite) -> None:
    assert {(t.verdict, t.records) for t in tried(site, "understand")} == {("read", 0), ("unchanged", 0)}
    events = site.events(site.referral().id)
    replayed(site, "understand")
    assert (person(site).version, len(site.out("agency")), site.held()) == (1, 1, [])
    assert site.events(site.referral().id) == events


def test_a_mended_map_makes_a_new_version_and_the_partner_hears_what_is_new(site: TestSite) -> None:
    (before,) = site.messages(kind="fhir-r4/Patient")
    mend(site)
    shown = tried(site, "understand", kind="fhir-r4/Patient")
    assert [(t.verdict, t.records, [(p.what, p.where) for p in t.places]) for t in shown] == [
        ("read", 1, []), ("changed", 0, [("added", "names")])]  # fmt: skip
    assert (person(site).version, len(site.out("agency"))) == (1, 1)  # it was only tried
    replayed(site, "understand", kind="fhir-r4/Patient")
    assert person(site).version == 2
    assert [bool(s.get("names")) for s in site.out("agency")] == [False, True]
    (after,) = site.messages(kind="fhir-r4/Patient")
    (said,) = (e for e in site.noted("replayed") if e["message"] == after.id)
    assert (said["facts"]["map_before"], said["facts"]["map"]) == (before.map_digest, after.map_digest)
    assert (said["facts"]["by"], said["facts"]["why"]) == ("Kim", "the map was mended")


def test_without_again_the_records_are_mended_but_nobody_is_told_twice(site: TestSite) -> None:
    mend(site)
    replayed(site, "understand", again=False)
    assert (person(site).version, len(site.out("agency"))) == (2, 1)
    assert {e["code"] for e in site.noted("not-replayed")} == {"CB-531"}


def test_what_a_later_message_said_stands(site: TestSite) -> None:
    later = bundle(task("2"), order(), {**patient(), "meta": {"versionId": "2"}, "birthDate": "1987-02-21"})
    site.drop("hospital", "t2.json", later)
    verdicts = [t.error and t.error.code for t in tried(site, "understand", kind="fhir-r4/Patient")]
    assert verdicts[0] == "CB-532"
    replayed(site, "understand")
    assert person(site).document["birth"] == "1987-02-21"


def test_a_replay_in_the_wrong_order_cannot_bring_back_an_old_original(site: TestSite) -> None:
    site.drop("hospital", "t2.json", food_referral("2", description="theirs now"))
    replayed(site, "understand")
    site.answer(site.referral().id, "accept")
    assert site.out("hospital")[-1]["description"] == "theirs now"


def test_an_erased_payload_is_said_and_nothing_is_changed(site: TestSite) -> None:
    with site.bridge.site.store.write() as c:
        ids = [m.payload for m in site.messages(kind="payload")]
        retention.mark_erased(c, [id_ for id_ in ids if id_], site.bridge.site.now())
    assert replayed(site, "understand").refused.keys() == {"CB-523"}
    assert site.noted("replayed") == []
