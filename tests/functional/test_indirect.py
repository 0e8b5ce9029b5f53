"""SDOHCC, Indirect Referral: a hospital's referral goes on to an agency with a FHIR server of its own, and its answer
comes back. Real servers of other people on both sides, and the real bridge between them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fhir_servers import running_sekmet
from indirect import IndirectSite, hospitals, parties
from sites import SDOH

FOOD = {"system": "http://snomed.info/sct", "code": "710925007", "display": "Provision of food"}
SEKMET = Path(sys.executable).with_name("sekmet")
pytestmark = pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)")


class Server:
    """What the people of a hospital or an agency do on their own server."""

    def __init__(self, base: str, http: httpx2.Client) -> None:
        self.base, self.http = base, http

    def put(self, *resources: dict[str, Any]) -> None:
        for resource in resources:
            self.http.put(f"{self.base}/{resource['resourceType']}/{resource['id']}", json=resource).raise_for_status()

    def read(self, reference: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{self.base}/{reference}").raise_for_status().json()
        return found

    def all(self, kind: str) -> list[dict[str, Any]]:
        bundle = self.http.get(f"{self.base}/{kind}", params={"_count": "200"}).raise_for_status().json()
        return [entry["resource"] for entry in bundle.get("entry", ()) if entry["resource"]["resourceType"] == kind]

    def change(self, reference: str, **values: Any) -> dict[str, Any]:
        now = {**self.read(reference), **values}
        self.put(now)
        return now


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def hospital(sekmet: str, http: httpx2.Client) -> Server:
    return Server(sekmet, http)


@pytest.fixture(scope="module")
def second_sekmet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sekmet(SEKMET, tmp_path_factory.mktemp("agency")) as base:
        yield base


@pytest.fixture(params=["second_sekmet", "medplum"])
def agency(request: pytest.FixtureRequest, http: httpx2.Client) -> Server:
    """One of two servers that share no code."""
    server = Server(str(request.getfixturevalue(request.param)), http)
    server.put(*parties())
    return server


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """The ends of the ids of one test: the hospital's server keeps what others put there."""
    return "-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:6]


@pytest.fixture
def site(tmp_path: Path, hospital: Server, agency: Server, tag: str) -> Iterator[IndirectSite]:
    made = IndirectSite(tmp_path, hospital.base, agency.base, owner=f"Organization/bridge{tag}")
    yield made
    made.bridge.close()


def its_task(agency: Server, referral: str) -> dict[str, Any]:
    """The one Task there that carries our reference."""
    (found,) = [t for t in agency.all("Task") if {"system": "urn:casebridge:referral", "value": referral}
                in t["identifier"]]  # fmt: skip
    return found


def test_a_referral_goes_on_and_its_answer_comes_back(
    site: IndirectSite, hospital: Server, agency: Server, tag: str
) -> None:
    hospital.put(*hospitals(tag))
    site.work()
    (referral,) = site.referrals()
    assert [(m.kind, m.code, m.reason) for m in site.messages(state="held")] == []
    task = its_task(agency, referral.id)
    assert (task["status"], task["intent"], task["code"]["coding"][0]["code"]) == ("requested", "order", "fulfill")
    assert task["requester"] == {"reference": "Organization/bridge"}
    assert task["owner"] == {"reference": "Organization/harbor"}
    (part_of,) = task["partOf"]
    assert part_of["identifier"] == {"system": "urn:casebridge:source", "value": f"hospital/Task/ref{tag}"}

    patient = agency.read(task["for"]["reference"])
    assert patient["name"][0]["family"] == "Moreno"
    assert "555-0142" in str(patient["telecom"])
    assert "1987" not in str(patient), "a food pantry needs no birth date"
    assert "8996" not in str(patient), "nor a social security number"

    order = agency.read(task["focus"]["reference"])
    assert (order["intent"], order["status"]) == ("filler-order", "active")
    assert order["subject"] == task["for"]
    assert order["note"] == [{"text": "Has a stove but no refrigerator."}]
    (based_on,) = order["basedOn"]
    assert based_on["identifier"]["value"] == f"hospital/ServiceRequest/order{tag}"
    assert agency.read(order["requester"]["reference"])["name"] == "Mercy Hospital"
    (need,) = [agency.read(reason["reference"]) for reason in order["reasonReference"]]
    assert need["code"]["coding"][0]["display"] == "Food insecurity", "and the debts are nobody's business there"
    assert need["subject"] == task["for"]

    agency.change(f"Task/{task['id']}", status="accepted")
    site.work()
    assert hospital.read(f"Task/ref{tag}")["status"] == "accepted"

    hospital.change(f"ServiceRequest/order{tag}", note=[{"text": "Has no stove any more."}])
    hospital.change(f"Task/ref{tag}", description="the order has changed")
    site.work(2)
    assert agency.read(task["focus"]["reference"])["note"] == [{"text": "Has no stove any more."}]
    assert agency.read(f"Task/{task['id']}")["status"] == "accepted"

    done = agency.http.post(f"{agency.base}/Procedure", json={
        "resourceType": "Procedure", "status": "completed", "subject": task["for"], "basedOn": [task["focus"]],
        "performedDateTime": "2026-11-21T10:00:00Z", "code": {"coding": [FOOD]}}).raise_for_status().json()  # fmt: skip
    agency.change(f"Task/{task['id']}", status="completed", output=[
        {"type": {"coding": [{"system": SDOH, "code": "resulting-activity"}]},
         "valueReference": {"reference": f"Procedure/{done['id']}"}}])  # fmt: skip
    site.work(2)
    theirs = hospital.read(f"Task/ref{tag}")
    assert theirs["status"] == "completed"
    result = hospital.read(theirs["output"][0]["valueReference"]["reference"])
    assert (result["code"]["coding"], result["subject"]["reference"]) == ([FOOD], f"Patient/ada{tag}")
    assert agency.read(task["focus"]["reference"])["status"] == "completed"
    assert site.messages(state="held") == []
    assert its_task(agency, referral.id)["id"] == task["id"]
    order_of_theirs = hospital.read(f"ServiceRequest/order{tag}")
    assert (order_of_theirs["status"], order_of_theirs["intent"]) == ("active", "order"), "theirs is not ours to write"
