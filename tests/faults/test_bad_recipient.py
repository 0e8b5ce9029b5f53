"""A recipient's FHIR server, or we, fail while a referral goes on to it: each is made there once, the Task last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import IndirectSite, hospitals, of_type, parties
from programs import Program
from workers import workers

from casebridge.store import timers

OUTPUTS: list[Any] = [
    7, [None], [{"valueReference": 3}], [{"valueReference": {"reference": "Procedure/../x"}}],
    [{"type": {}, "valueReference": {"reference": "Procedure/gone"}}],
]  # fmt: skip
MADE = ["Patient", "Condition", "Organization", "ServiceRequest", "Task"]


@pytest.fixture
def hospital() -> Iterator[FhirServer]:
    with fhir_server() as state:
        state.put(*hospitals())
        yield state


@pytest.fixture
def agency() -> Iterator[FhirServer]:
    with fhir_server() as state:
        state.put(*parties())
        yield state


@pytest.fixture
def site(tmp_path: Path, hospital: FhirServer, agency: FhirServer) -> Iterator[IndirectSite]:
    made = IndirectSite(tmp_path, hospital.base, agency.base)
    yield made
    made.bridge.close()


def made(agency: FhirServer) -> list[str]:
    """The types of what we made there, in order."""
    return [w.removeprefix("POST ") for w in agency.writes if w.startswith("POST ")]


def its(agency: FhirServer, kind: str) -> dict[str, Any]:
    (found,) = [r for r in of_type(agency.resources.values(), kind) if r["id"].startswith("made-")]
    return found


def received(site: IndirectSite) -> str:
    """When the agency had the referral, by the books."""
    (referral,) = site.referrals()
    with site.bridge.site.store.read() as c:
        return timers.receipts(c, [referral.id])[referral.id].received_at


def assert_whole(agency: FhirServer) -> None:
    assert made(agency) == MADE
    task, order = its(agency, "Task"), its(agency, "ServiceRequest")
    assert task["focus"] == {"reference": f"ServiceRequest/{order['id']}"}
    assert task["for"] == order["subject"] == {"reference": f"Patient/{its(agency, 'Patient')['id']}"}


def test_every_answer_is_lost_and_nothing_is_made_twice(site: IndirectSite, agency: FhirServer) -> None:
    for kind in MADE:
        agency.fault("POST", kind, applied=True)
    site.work(2)
    assert site.messages(state="held") == []
    assert_whole(agency)


@pytest.mark.parametrize("at", [(1, 4), pytest.param((1, 2, 3, 4, 5), marks=pytest.mark.long)], ids=str)
def test_killed_between_the_writes_and_started_again(
    tmp_path: Path, site: IndirectSite, agency: FhirServer, at: tuple[int, ...]
) -> None:
    """``kill -9`` when the server has written (the Patient, the order ...) and not yet answered."""
    running: list[Program] = []
    agency.after_write = lambda: [p.kill() for p in running if len(made(agency)) in at]
    for count in at:
        running[:] = workers(tmp_path, 1)
        until = time.monotonic() + 60
        while running[0].poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert running[0].poll() == -9
        assert len(made(agency)) == count
    agency.after_write = lambda: None
    site.work(2)
    assert site.messages(state="held") == []
    assert_whole(agency)


def test_what_the_server_refuses_is_held_and_the_task_waits_for_it(site: IndirectSite, agency: FhirServer) -> None:
    agency.fault("POST", "ServiceRequest", 422)
    site.work()
    (waiting,) = site.messages(state="held")
    assert (waiting.kind, waiting.code) == ("document", "CB-305")
    assert "Moreno" not in waiting.reason
    assert made(agency) == MADE[:3]
    assert not received(site), "a copy of the patient is no referral: the alarm goes on waiting"
    site.replay(waiting.id)
    assert_whole(agency)
    assert received(site)


def test_without_a_patient_nothing_goes(site: IndirectSite, hospital: FhirServer, agency: FhirServer) -> None:
    del hospital.resources["Patient/ada"]
    site.work()
    (waiting,) = site.messages(state="held")
    assert waiting.code == "CB-302"
    assert waiting.remedy
    assert set(made(agency)) <= {"Organization"}


@pytest.mark.parametrize("output", OUTPUTS, ids=str)
def test_outputs_that_lead_nowhere_stop_nothing(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer, output: Any
) -> None:
    site.work()
    task = its(agency, "Task")
    agency.put({**task, "status": "accepted"})
    site.work()
    agency.put({**task, "status": "in-progress", "output": output})
    site.work()
    said = hospital.resources["Task/ref"]["status"]
    held = [(m.kind, m.code) for m in site.messages(state="held")]
    assert said == "in-progress" or (held and held[0][1].startswith("CB-"))
    assert not [w for w in hospital.writes if w.startswith("POST")]


def test_a_copy_that_was_taken_away_is_made_anew(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    site.work()
    lost = its(agency, "Patient")["id"]
    del agency.resources[f"Patient/{lost}"]
    hospital.put({**hospital.resources["Patient/ada"], "telecom": [{"system": "phone", "value": "555-0199"}]})
    hospital.put(hospital.resources["Task/ref"])
    site.work()
    assert site.messages(state="held") == []
    patient, order, task = (its(agency, kind) for kind in ("Patient", "ServiceRequest", "Task"))
    assert patient["telecom"][0]["value"] == "555-0199"
    assert order["subject"] == task["for"] == {"reference": f"Patient/{patient['id']}"}


def test_a_task_that_was_taken_away_is_for_a_person(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    site.work()
    del agency.resources[f"Task/{its(agency, 'Task')['id']}"]
    hospital.put({**hospital.resources["Task/ref"], "status": "cancelled", "statusReason": {"text": "Moved away"}})
    site.work()
    gone, unwritten = site.messages(state="held")
    assert (gone.kind, gone.code, gone.direction) == ("payload", "CB-536", "in")
    assert (unwritten.kind, unwritten.code) == ("referral", "CB-305")
    assert made(agency).count("Task") == 1


def test_an_order_of_the_agencys_own_is_never_written(site: IndirectSite, agency: FhirServer) -> None:
    site.work()
    agency.put({"resourceType": "ServiceRequest", "id": "own", "status": "active", "intent": "order",
                "subject": {"reference": "Patient/someone"}})  # fmt: skip
    agency.put({**its(agency, "Task"), "focus": {"reference": "ServiceRequest/own"}, "status": "accepted"})
    site.work(2)
    assert "PUT ServiceRequest/own" not in agency.writes
    assert agency.resources["ServiceRequest/own"]["intent"] == "order"
