"""SDOHCC, Indirect Referral: a hospital's referral goes on to an agency with a FHIR server of its own, and its answer
comes back. Two real servers, and the real bridge between them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fhir_servers import running_sekmet
from indirect import IndirectSite, hospitals, parties

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


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("hospital", "agency")]
    with (running_sekmet(SEKMET, folders[0]) as hospital, running_sekmet(SEKMET, folders[1]) as agency,
          httpx2.Client(trust_env=False, timeout=30) as http):  # fmt: skip
        yield Server(hospital, http), Server(agency, http)


@pytest.fixture
def hospital(servers: tuple[Server, Server]) -> Server:
    return servers[0]


@pytest.fixture
def agency(servers: tuple[Server, Server]) -> Server:
    servers[1].put(*parties())
    return servers[1]


@pytest.fixture
def site(tmp_path: Path, hospital: Server, agency: Server) -> Iterator[IndirectSite]:
    made = IndirectSite(tmp_path, hospital.base, agency.base)
    yield made
    made.bridge.close()


def its_task(agency: Server, referral: str) -> dict[str, Any]:
    """The one Task there that carries our reference."""
    (found,) = [t for t in agency.all("Task") if {"system": "urn:casebridge:referral", "value": referral}
                in t["identifier"]]  # fmt: skip
    return found


def test_a_referral_goes_on_and_its_answer_comes_back(site: IndirectSite, hospital: Server, agency: Server) -> None:
    hospital.put(*hospitals("-thin"))
    site.work()
    (referral,) = site.referrals()
    assert [(m.kind, m.code, m.reason) for m in site.messages(state="held")] == []
    task = its_task(agency, referral.id)
    assert (task["status"], task["intent"], task["code"]["coding"][0]["code"]) == ("requested", "order", "fulfill")
    assert task["requester"] == {"reference": "Organization/bridge"}
    assert task["owner"] == {"reference": "Organization/harbor"}
    assert task["partOf"] == [{"identifier": {"system": "urn:casebridge:source", "value": "hospital/Task/ref-thin"}}]

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
    assert based_on["identifier"] == {"system": "urn:casebridge:source", "value": "hospital/ServiceRequest/order-thin"}
    assert agency.read(order["requester"]["reference"])["name"] == "Mercy Hospital"
    (need,) = [agency.read(reason["reference"]) for reason in order["reasonReference"]]
    assert need["code"]["coding"][0]["display"] == "Food insecurity", "and the debts are nobody's business there"
    assert need["subject"] == task["for"]

    agency.change(f"Task/{task['id']}", status="accepted")
    site.work()
    assert hospital.read("Task/ref-thin")["status"] == "accepted"
    assert len(agency.all("Task")) == 1
    assert hospital.read("ServiceRequest/order-thin")["meta"]["versionId"] == "1", "the hospital's order is its own"
