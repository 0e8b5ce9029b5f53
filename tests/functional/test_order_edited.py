"""The hospital changes what it asks for after somebody accepted; what came before our own write is not our write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from fhir_server import FhirServer, fhir_server
from sites import TestSite, bundle, food_referral, order, patient, task

NEW_NOTE = {"note": [{"text": "Now has a refrigerator"}]}


def edited(version: str = "2", **more: object) -> dict[str, object]:
    made = order(**{**NEW_NOTE, **more})
    made["meta"] = {"versionId": version}
    return made


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with fhir_server() as state:
        state.put(patient(), order(), task())
        yield state


@pytest.fixture
def polled(server: FhirServer, make_site: Callable[..., TestSite]) -> TestSite:
    """A site that polls the hospital's server, and has the referral accepted."""
    site = make_site(hospital_carrier="fhir-rest", hospital_settings=f'{{ base_url = "{server.base}", pause = 0 }}')
    site.work()
    site.answer(site.referral().id, "accept")
    assert server.resources["Task/t1"]["status"] == "accepted"
    return site


def test_an_order_that_changes_after_our_own_write_to_the_task_is_heard_of(
    polled: TestSite, server: FhirServer
) -> None:
    server.put(edited())
    later = polled.bridge.site.clock() + timedelta(hours=1)
    polled.bridge.site.clock = lambda: later
    polled.work()
    assert polled.out("agency")[-1]["note"] == "Now has a refrigerator"
    assert polled.out("agency")[-1]["status"] == "accepted"
    (noted,) = polled.noted("referral-edited")
    assert noted["facts"] == {"fields": ["note"]}
    assert "refrigerator" not in str(noted)


def test_our_own_write_read_again_is_no_news(polled: TestSite) -> None:
    count = len(polled.out("agency"))
    for hours in (1, 2):
        moment = polled.bridge.site.clock() + timedelta(hours=hours)
        polled.bridge.site.clock = lambda moment=moment: moment
        polled.work()
    assert len(polled.out("agency")) == count
    assert polled.noted("referral-edited") == []
    assert [e for e in polled.events(polled.referral().id) if e[2] == "conflict"] == []


def test_what_is_edited_after_the_end_goes_to_nobody(site: TestSite) -> None:
    site.drop("hospital", "1.json", food_referral())
    site.answer(site.referral().id, "decline", detail="at-capacity", reason="full")
    count = len(site.out("agency"))
    site.drop("hospital", "2.json", bundle(task(), edited(), patient()))
    assert len(site.out("agency")) == count
    assert len(site.noted("referral-edited")) == 1


def test_an_edit_and_a_cancellation_at_once_are_one_message(site: TestSite) -> None:
    site.drop("hospital", "1.json", food_referral())
    cancelled = task("2", "cancelled", statusReason={"text": "went home"})
    site.drop("hospital", "2.json", bundle(cancelled, edited(), patient()))
    assert [d["status"] for d in site.out("agency")] == ["waiting", "cancelled"]
