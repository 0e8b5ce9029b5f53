"""A hospital that names its patient by a number alone: the number is looked up, and a doubt is a person's to settle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import IndirectSite, hospitals, of_type, parties

SSN = "http://hl7.org/fhir/sid/us-ssn"


@pytest.fixture
def servers() -> Iterator[tuple[FhirServer, FhirServer]]:
    with fhir_server() as hospital, fhir_server() as agency:
        agency.put(*parties())
        yield hospital, agency


def refer(hospital: FhirServer, number: str) -> dict[str, object]:
    *rest, task = hospitals()
    (person,) = of_type(rest, "Patient")
    known = number or person["identifier"][0]["value"]
    named = {"type": "Patient", "identifier": {"system": SSN, "value": known}, "display": "Ada"}
    hospital.put(*rest, {**task, "for": named})
    return named


def test_it_goes_on_and_comes_back_as_it_was(tmp_path: Path, servers: tuple[FhirServer, FhirServer]) -> None:
    hospital, agency = servers
    named = refer(hospital, "")
    site = IndirectSite(tmp_path, hospital.base, agency.base)
    site.work()
    (task,) = (t for t in of_type(agency.resources.values(), "Task") if t["id"].startswith("made-"))
    assert agency.resources[task["for"]["reference"]]["name"][0]["family"] == "Moreno"
    agency.put({**task, "status": "accepted"})
    site.work(2)
    assert site.messages(state="held") == []
    assert (hospital.resources["Task/ref"]["status"], hospital.resources["Task/ref"]["for"]) == ("accepted", named)
    site.bridge.close()


def test_a_number_of_nobody_is_held_with_its_reason(tmp_path: Path, servers: tuple[FhirServer, FhirServer]) -> None:
    hospital, agency = servers
    refer(hospital, "899600000")
    site = IndirectSite(tmp_path, hospital.base, agency.base)
    site.work(2)
    (held,) = site.messages(state="held")
    assert (held.partner, held.code, held.external_id) == ("hospital", "CB-350", "Task/ref")
    assert "no record" in (held.reason or "")
    assert agency.writes == []
    site.bridge.close()


def test_an_odd_task_does_not_keep_the_others_from_coming(
    tmp_path: Path, servers: tuple[FhirServer, FhirServer]
) -> None:
    """Whatever is wrong with it, the polls went no further than to it."""
    hospital, agency = servers
    long = {"type": "Organization", "identifier": {"system": "urn:theirs", "value": "9" * 70_000}}
    odd = {"type": "Organization", "identifier": {"system": "urn:theirs", "value": "1"}, "extension": [5]}
    for number, requester in enumerate((long, odd, {"display": "Mercy"})):
        *rest, task = hospitals(f"-{number}")
        hospital.put(*rest, {**task, "owner": {"reference": "Organization/bridge"}, "requester": requester})
    site = IndirectSite(tmp_path, hospital.base, agency.base)
    site.work(2)
    assert "Task/ref-2" in [referral.external_id for referral in site.referrals()]
    site.bridge.close()
