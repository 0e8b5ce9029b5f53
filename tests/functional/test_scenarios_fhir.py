"""What happens between a referral and its end, as a hospital and an agency see it through FHIR: the hospital comes to
our door, or has a server of its own; the agency's application comes to our door. test_scenarios.py has the books."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import four_flows
import pytest
from databases import NewStore
from four_flows import OnFhir, Stage

from casebridge.app import Bridge
from casebridge.store import ledger

HOSPITALS = ["at our door", *(pytest.param(name, marks=pytest.mark.long) for name in ("sekmet", "medplum"))]


class Story:
    """The two of them and the bridge; each ``then`` it does what is due."""

    def __init__(self, on: Stage, hospital: OnFhir, agency: OnFhir, bridge: Bridge) -> None:
        self.on, self.hospital, self.agency, self.bridge = on, hospital, agency, bridge

    def then(self) -> None:
        for _ in range(3):
            self.bridge.lanes.drain()
        with self.bridge.site.store.read() as c:
            assert [(m.kind, m.code, m.reason) for m in ledger.listed(c, state="held")] == []

    def named(self, name: str) -> str:
        return f"{name}{self.on.tag}"

    def change(self, kind: str, name: str, **values: Any) -> None:
        """The hospital changes what it has."""
        self.hospital.put({**self.hospital.read(f"{kind}/{self.named(name)}"), **values})

    def status(self, name: str = "ref") -> str:
        return str(self.hospital.read(f"Task/{self.named(name)}")["status"])


@pytest.fixture(params=HOSPITALS)
def story(request: pytest.FixtureRequest, tmp_path: Path, some_store: NewStore) -> Iterator[Story]:
    tag = "-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:6]
    with ExitStack() as stack:
        if request.param == "at our door":
            on = Stage(tmp_path, stack, some_store, tag)
            flow = four_flows.all_come(on)
        else:
            on = Stage(tmp_path, stack, some_store, tag, str(request.getfixturevalue(request.param)))
            flow = four_flows.indirect_light(on)
        assert isinstance(flow.sender, OnFhir)
        assert isinstance(flow.answerer, OnFhir)
        yield Story(on, flow.sender, flow.answerer, flow.bridges[0])


def test_one_order_with_two_tasks_one_rejected_then_the_other_accepted(story: Story) -> None:
    resources = story.on.referral()
    second = {**resources[-1], "id": story.named("second")}
    story.hospital.refer([*resources, second])
    story.then()
    story.agency.put({**story.agency.asked("ref"), "status": "rejected", "statusReason": {"text": "full"}})
    story.then()
    assert (story.status(), story.status("second")) == ("rejected", "requested")
    assert story.hospital.task()["statusReason"]["text"] == "full"
    story.agency.put({**story.agency.asked("second"), "status": "accepted"})
    story.then()
    assert (story.status(), story.status("second")) == ("rejected", "accepted")


def test_the_hospital_edits_the_order_after_it_was_accepted(story: Story) -> None:
    story.hospital.refer(story.on.referral())
    story.then()
    story.agency.accept()
    story.then()
    story.change("ServiceRequest", "order", note=[{"text": "Has no stove any more."}])
    story.change("Task", "ref", description="the order has changed")
    story.then()
    task = story.agency.asked()
    assert story.agency.read(task["focus"]["reference"])["note"] == [{"text": "Has no stove any more."}]
    assert (task["status"], story.status()) == ("accepted", "accepted")


def test_an_unidentified_patient_later_merged(story: Story) -> None:
    """The agency sees nobody's name, then the name of the file that stays; the referral is one and the same."""
    resources = story.on.referral()
    (ada,) = [r for r in resources if r["resourceType"] == "Patient"]
    nobody = {"resourceType": "Patient", "id": ada["id"]}
    known = {**ada, "id": story.named("known")}
    story.hospital.refer([known, *(nobody if r is ada else r for r in resources)])
    story.then()
    assert "Not identified yet" in story.agency.told()
    to_known, to_nobody = {"reference": f"Patient/{known['id']}"}, {"reference": f"Patient/{ada['id']}"}
    story.hospital.put({**known, "link": [{"other": to_nobody, "type": "replaces"}]},
                       {**nobody, "link": [{"other": to_known, "type": "replaced-by"}]})  # fmt: skip
    story.change("ServiceRequest", "order", subject=to_known)
    story.change("Task", "ref", **{"for": to_known})
    story.then()
    told = story.agency.told()
    assert ("Moreno" in told, "Not identified yet" in told) == (True, False)
    story.agency.accept()
    story.then()
    assert story.status() == "accepted"


def test_a_status_that_arrives_twice_late_and_out_of_order(story: Story) -> None:
    story.hospital.refer(story.on.referral())
    story.then()
    first = story.agency.asked()
    accepted = {**first, "status": "accepted"}
    story.agency.put(accepted)
    story.agency.put(accepted)
    story.then()
    assert story.status() == "accepted"
    story.agency.complete()
    address = f"{story.agency.base}/Task/{first['id']}"
    late = story.agency.http.put(address, json=accepted, headers={"If-Match": f'W/"{first["meta"]["versionId"]}"'})
    assert late.status_code == 412
    back = story.agency.http.put(address, json={**accepted, "status": "in-progress"})
    assert back.status_code == 422
    story.then()
    assert story.status() == "completed"
    assert story.agency.asked()["status"] == "completed"
