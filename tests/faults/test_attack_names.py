"""A referral named by somebody else's id: it is never moved by a stranger, and a copy is a referral of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sites import TestSite, bundle, food_referral, order, patient, task


def ours(id_: str) -> list[dict[str, str]]:
    return [{"system": "urn:casebridge:referral", "value": id_}]


def test_a_copied_task_is_a_new_referral_and_the_first_keeps_its_answers(site: TestSite) -> None:
    site.drop("hospital", "1.json", food_referral())
    first = site.referral().id
    site.drop("hospital", "2.json", bundle(task(id_="t2", identifier=ours(first)), order(), patient()))
    assert [r.external_id for r in site.referrals()] == ["Task/t1", "Task/t2"]
    site.answer(first, "accept")
    (answer,) = site.out("hospital")
    assert (answer["id"], answer["status"]) == ("t1", "accepted")


def test_a_clock_in_the_far_future_silences_nobody(site: TestSite) -> None:
    ahead = {"versionId": "1", "lastUpdated": "2999-01-01T00:00:00Z"}
    site.drop("hospital", "1.json", food_referral(meta=ahead))
    told = {"versionId": "2", "lastUpdated": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()}
    ended = task("2", "cancelled", statusReason={"text": "sent in error"}, meta=told)
    site.drop("hospital", "2.json", bundle(ended, order(), patient()))
    assert site.referral().status == "cancelled"
