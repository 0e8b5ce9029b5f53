"""A hospital's FHIR server that fails, contradicts or goes silent: nothing is lost there and nothing written twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from books import assert_helpful, only_held
from fhir_server import FhirServer, fhir_server
from sites import TestSite, order, patient, task

NAMES = ("Moreno", "Ada", "899611001", "1987-02-20", "555-0142")
HOURS = timedelta(hours=1)


@pytest.fixture
def server() -> Iterator[FhirServer]:
    """A hospital with one referral for food."""
    with fhir_server() as state:
        state.put(patient(), order(), task())
        yield state


@pytest.fixture
def site(server: FhirServer, make_site: Callable[..., TestSite]) -> TestSite:
    """A site that polls it, and never waits between tries."""
    settings = f'{{ base_url = "{server.base}", pause = 0, attempts = 2, timeout = 5 }}'
    return make_site(hospital_carrier="fhir-rest", hospital_settings=settings)


@pytest.fixture
def referred(site: TestSite) -> TestSite:
    """The referral has reached the agency."""
    site.work()
    assert len(site.out("agency")) == 1
    return site


def later(site: TestSite, by: timedelta = HOURS) -> None:
    """Time goes by."""
    moment = site.bridge.site.clock() + by
    site.bridge.site.clock = lambda: moment
    site.work()


def its_task(server: FhirServer) -> str:
    return str(server.resources["Task/t1"]["status"])


def waits(site: TestSite) -> tuple[str, str]:
    """(code, reason) of the one message that waits at deliver."""
    (message,) = [m for m in site.messages(direction="out", state="waiting") if m.stop == "deliver"]
    assert message.remedy
    for name in NAMES:
        assert name not in message.reason
    return message.code, message.reason


# --- receiving ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 503, 401, 404], ids=str)
def test_a_poll_that_fails_is_told_and_the_next_one_brings_everything(
    server: FhirServer, site: TestSite, status: int
) -> None:
    server.fault("GET", "Task", status, times=99)
    site.drop("state", "note.txt", b"no 834")
    assert "CB-" in site.bridge.lanes.problems["hospital"]
    assert only_held(site).partner == "state", "the other partners go on"
    server.faults.clear()
    site.work()
    assert len(site.out("agency")) == 1
    assert "hospital" not in site.bridge.lanes.problems


def test_a_dropped_connection_in_the_middle_of_a_poll_loses_nothing(server: FhirServer, site: TestSite) -> None:
    server.resources.pop("ServiceRequest/s1")
    server.put(order())
    server.fault("GET", "ServiceRequest/s1", times=2)
    site.work()
    assert (site.out("agency"), "CB-401" in site.bridge.lanes.problems["hospital"]) == ([], True)
    site.work()
    assert len(site.out("agency")) == 1


def test_an_operation_outcome_among_the_matches_is_no_record(server: FhirServer, site: TestSite) -> None:
    warning = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    server.extra_entries = [{"resource": warning, "search": {"mode": "outcome"}}, {"resource": warning}]
    site.work()
    assert site.held() == []
    assert (len(site.out("agency")), len(site.referrals())) == (1, 1)


def test_a_make_contact_task_is_no_referral(server: FhirServer, site: TestSite) -> None:
    server.put(task(id_="t2", code="make-contact"))
    site.work()
    assert [r.external_id for r in site.referrals()] == ["Task/t1"]
    assert site.held() == []


def test_a_patient_without_any_identifier_is_referred_and_linked_to_nobody(server: FhirServer, site: TestSite) -> None:
    server.put(patient("p2", None), order(person="p2") | {"id": "s2"})
    server.put(task(id_="t2", person="p2") | {"focus": {"reference": "ServiceRequest/s2"}})
    site.work()
    assert site.held() == []
    clients = {r.external_id: r.client for r in site.referrals()}
    assert set(clients) == {"Task/t1", "Task/t2"}
    assert None not in clients.values()
    assert len(set(clients.values())) == 2


def test_a_task_moved_illegally_is_a_conflict_and_told_to_nobody(server: FhirServer, referred: TestSite) -> None:
    server.put({**server.resources["Task/t1"], "status": "completed"})
    referred.work()
    assert referred.events(referred.referral().id)[-1] == ("hospital", "completed", "conflict")
    assert (referred.referral().status, len(referred.out("agency"))) == ("requested", 1)
    (conflict,) = [e for e in referred.noted("conflict") if e["correlation"] == referred.referral().id]
    assert "not for the source" in conflict["facts"]["why"]


# --- writing back ------------------------------------------------------------------------------------------------


def test_a_500_while_writing_is_tried_again_and_written_once(server: FhirServer, referred: TestSite) -> None:
    server.fault("PUT", "Task/t1", 500, times=2)
    referred.answer(referred.referral().id, "accept")
    assert (its_task(server), server.writes) == ("requested", [])
    code, reason = waits(referred)
    assert code == "CB-401"
    assert "did not arrive" in reason
    later(referred)
    assert (its_task(server), server.writes) == ("accepted", ["PUT Task/t1"])


def test_a_500_after_it_was_written_all_the_same_is_not_written_again(server: FhirServer, referred: TestSite) -> None:
    server.fault("PUT", "Task/t1", 500, applied=True)
    referred.answer(referred.referral().id, "accept")
    assert (its_task(server), server.writes) == ("accepted", ["PUT Task/t1"])
    assert referred.messages(direction="out", partner="hospital", state="done")


def test_429_waits_until_the_moment_the_partner_named(server: FhirServer, referred: TestSite) -> None:
    server.fault("PUT", "Task/t1", 429, Retry_After="1800")
    referred.answer(referred.referral().id, "accept")
    code, _ = waits(referred)
    assert (code, its_task(server)) == ("CB-402", "requested")
    asked = server.asked.count("PUT Task/t1")
    later(referred, timedelta(minutes=20))
    assert server.asked.count("PUT Task/t1") == asked, "asked again before its time"
    later(referred, timedelta(minutes=11))
    assert (its_task(server), server.writes) == ("accepted", ["PUT Task/t1"])


@pytest.mark.parametrize("status", [409, 412])
def test_a_task_that_moved_on_meanwhile_is_prepared_again_upon_the_new_one_and_written_once(
    server: FhirServer, referred: TestSite, status: int
) -> None:
    server.fault("PUT", "Task/t1", status)
    server.put({**server.resources["Task/t1"], "priority": "urgent", "description": "the planner's own words"})
    referred.answer(referred.referral().id, "accept")
    now = server.resources["Task/t1"]
    assert (now["status"], now["priority"], now["description"]) == ("accepted", "urgent", "the planner's own words")
    assert server.writes == ["PUT Task/t1"]
    assert referred.held() == []


def test_an_answer_lost_after_the_write_is_looked_for_not_sent_twice(server: FhirServer, referred: TestSite) -> None:
    server.fault("PUT", "Task/t1", applied=True)
    server.fault("GET", "Task/t1", times=2)  # and the look at once fails as well: the message stays in mid-flight
    referred.answer(referred.referral().id, "accept")
    assert its_task(server) == "accepted"
    assert waits(referred)[0] == "CB-401"
    referred.reopen_with_same_settings()
    later(referred)
    assert server.writes == ["PUT Task/t1"]
    assert not [m for m in referred.messages(direction="out") if m.state in ("waiting", "held")]


def test_a_result_whose_answer_was_lost_is_made_once(server: FhirServer, referred: TestSite) -> None:
    referred.answer(referred.referral().id, "accept")
    server.fault("POST", "Procedure", applied=True)
    server.fault("GET", "Procedure", times=2)
    referred.answer(referred.referral().id, "complete", outcome="Two bags")
    later(referred)
    assert server.writes.count("POST Procedure") == 1
    assert its_task(server) == "completed"


def test_what_the_server_refuses_is_held_with_its_own_words_and_goes_on_after_a_replay(
    server: FhirServer, referred: TestSite
) -> None:
    server.fault("PUT", "Task/t1", 422)
    referred.answer(referred.referral().id, "accept")
    held = only_held(referred)
    assert_helpful(held, "CB-305", "partner", "Task/t1", "422", "transient", hides=NAMES)
    referred.replay(held.id)
    assert (its_task(server), referred.held()) == ("accepted", [])


def test_a_server_that_never_answers_is_given_up_after_a_while_and_a_person_is_told(
    server: FhirServer, referred: TestSite
) -> None:
    server.fault("PUT", "Task/t1", 500, times=1000)
    referred.answer(referred.referral().id, "accept")
    for _ in range(71):
        later(referred)
    assert waits(referred)[0] == "CB-401", "three days are not over"
    later(referred, 2 * HOURS)
    held = only_held(referred)
    assert_helpful(held, "CB-506", "it", "73 times since", hides=NAMES)
    server.faults.clear()
    referred.replay(held.id)
    later(referred)
    assert (its_task(server), server.writes) == ("accepted", ["PUT Task/t1"])


def test_credentials_that_are_refused_hold_nobody_else_up_and_wait(server: FhirServer, referred: TestSite) -> None:
    server.fault("PUT", "Task/t1", 403)
    referred.answer(referred.referral().id, "accept")
    assert waits(referred)[0] == "CB-106"
    later(referred, timedelta(seconds=400))
    assert its_task(server) == "accepted"
