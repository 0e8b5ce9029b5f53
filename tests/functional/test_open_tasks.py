"""SDOHCC: a Task without an owner is open to several; whoever accepts it takes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import IndirectSite, hospitals, of_type, parties

OPEN = ", open_tasks = true"


@pytest.fixture
def hospital() -> Iterator[FhirServer]:
    with fhir_server() as state:
        yield state


@pytest.fixture
def agency() -> Iterator[FhirServer]:
    with fhir_server() as state:
        state.put(*parties())
        yield state


@pytest.fixture
def site(tmp_path: Path, hospital: FhirServer, agency: FhirServer) -> Iterator[IndirectSite]:
    one = IndirectSite(tmp_path, hospital.base, agency.base, more=OPEN)
    yield one
    one.bridge.close()


def offer(hospital: FhirServer, **more: Any) -> None:
    *rest, task = hospitals()
    hospital.put(*rest, {**{k: v for k, v in task.items() if k != "owner"}, **more})


def theirs(hospital: FhirServer) -> dict[str, Any]:
    return hospital.resources["Task/ref"]


def answers(agency: FhirServer, **said: Any) -> None:
    (made,) = (r for r in of_type(agency.resources.values(), "Task") if r["id"].startswith("made-"))
    agency.put({**made, **said})


def test_an_open_task_is_found_and_is_ours_when_it_is_accepted(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    offer(hospital)
    site.work(2)
    assert len(site.referrals()) == 1
    assert "owner" not in theirs(hospital)
    answers(agency, status="accepted")
    site.work(3)
    assert (theirs(hospital)["status"], theirs(hospital)["owner"]) == (
        "accepted", {"reference": "Organization/bridge"})  # fmt: skip
    answers(agency, status="completed", output=[{"type": {"text": "Done"}, "valueString": "x"}])
    site.work(3)
    assert theirs(hospital)["status"] == "completed"
    assert site.messages(state="held") == []
    assert len(site.referrals()) == 1


def test_one_that_is_declined_stays_open_for_others(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    offer(hospital)
    site.work()
    answers(agency, status="rejected", statusReason={"text": "No food left"})
    site.work(2)
    assert site.messages(state="held") == []
    assert (theirs(hospital)["status"], theirs(hospital)["statusReason"]) == ("requested", {"text": "No food left"})
    assert "owner" not in theirs(hospital)
    assert [r.status for r in site.referrals()] == ["rejected"]
    site.work(2)
    assert len(hospital.writes) == 1


def test_what_another_has_taken_meanwhile_is_left_to_it(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    offer(hospital)
    site.work()
    hospital.put({**theirs(hospital), "owner": {"reference": "Organization/other"}, "status": "accepted"})
    answers(agency, status="accepted")
    site.work(2)
    held = {(m.partner, m.direction, m.code) for m in site.messages(state="held")}
    assert held == {("hospital", "out", "CB-353"), ("hospital", "in", "CB-536")}, "not written, and told to a person"
    assert theirs(hospital)["owner"] == {"reference": "Organization/other"}, "nor is what they have added taken away"
    assert hospital.writes == []


def test_without_the_setting_a_task_of_nobody_is_not_for_us(
    tmp_path: Path, hospital: FhirServer, agency: FhirServer
) -> None:
    offer(hospital)
    site = IndirectSite(tmp_path, hospital.base, agency.base)
    site.work()
    assert site.referrals() == []
    site.bridge.close()


def test_an_open_task_comes_once_however_often_it_is_listed(site: IndirectSite, hospital: FhirServer) -> None:
    offer(hospital)
    site.work(3)
    site.reopen()
    site.work(2)
    assert len(site.referrals()) == 1
    assert len(site.messages(direction="in", kind="fhir-r4/Task", partner="hospital")) == 1
