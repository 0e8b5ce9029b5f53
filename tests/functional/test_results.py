"""What a recipient found comes back as records of its own kind: Observation, Condition, a letter, a filled-in form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import ACTIVE, IndirectSite, hospitals, of_type, parties
from sites import SDOH

RESULT = {"coding": [{"system": SDOH, "code": "additional-content"}]}
SUD = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUD"}


@pytest.fixture
def servers() -> Iterator[tuple[FhirServer, FhirServer]]:
    with fhir_server() as hospital, fhir_server() as agency:
        agency.put(*parties())
        hospital.put(*hospitals())
        yield hospital, agency


@pytest.fixture
def site(tmp_path: Path, servers: tuple[FhirServer, FhirServer]) -> Iterator[IndirectSite]:
    one = IndirectSite(tmp_path, *(server.base for server in servers))
    one.work()
    yield one
    one.bridge.close()


def task_at(agency: FhirServer) -> dict[str, Any]:
    return next(r for r in of_type(agency.resources.values(), "Task") if r["id"].startswith("made-"))


def found(agency: FhirServer) -> list[dict[str, Any]]:
    """An answer about housing, a need that was found, a letter and a form, of the agency's own patient."""
    person = task_at(agency)["for"]
    domain = [{"coding": [{"system": SDOH, "code": "food-insecurity"}]}]
    return [
        {"resourceType": "Observation", "id": "home", "status": "final", "subject": person, "category": domain,
         "code": {"coding": [{"system": "http://loinc.org", "code": "71802-3"}]}, "valueString": "A car"},
        {"resourceType": "Condition", "id": "need", "clinicalStatus": ACTIVE, "subject": person, "category": domain,
         "code": {"coding": [{"system": "http://snomed.info/sct", "code": "733423003", "display": "Food insecurity"}]}},
        {"resourceType": "DocumentReference", "id": "letter", "status": "current", "subject": person,
         "content": [{"attachment": {"title": "What we found", "data": "QWRh"}}]},
        {"resourceType": "QuestionnaireResponse", "id": "form", "status": "completed", "subject": person,
         "item": [{"linkId": "1", "text": "Hungry?", "answer": [{"valueBoolean": True}]}]},
    ]  # fmt: skip


def completes(agency: FhirServer, *results: dict[str, Any]) -> None:
    outputs = [{"type": RESULT, "valueReference": {"reference": f"{r['resourceType']}/{r['id']}"}} for r in results]
    agency.put(*results, {**task_at(agency), "status": "completed", "output": outputs})


def named(hospital: FhirServer) -> list[dict[str, Any]]:
    """What the outputs of the hospital's Task name."""
    refs = [one["valueReference"]["reference"] for one in hospital.resources["Task/ref"]["output"]]
    return [hospital.resources[ref] for ref in refs]


def test_each_kind_of_result_is_a_record_at_the_hospital(
    site: IndirectSite, servers: tuple[FhirServer, FhirServer]
) -> None:
    hospital, agency = servers
    completes(agency, *found(agency))
    site.work(3)
    assert [(m.kind, m.code, m.reason) for m in site.messages(state="held")] == []
    assert hospital.resources["Task/ref"]["status"] == "completed"
    records = {r["resourceType"]: r for r in named(hospital)}
    assert {"Observation", "Condition", "DocumentReference", "QuestionnaireResponse"} <= set(records)
    assert records["Observation"]["valueString"] == "A car"
    assert records["QuestionnaireResponse"]["item"][0]["answer"] == [{"valueBoolean": True}]
    assert {r["subject"]["reference"] for r in records.values()} == {"Patient/ada"}
    site.work(3)
    assert len(of_type(hospital.resources.values(), "Observation")) == 1


def test_what_may_not_be_told_stays_and_the_answer_goes(
    site: IndirectSite, servers: tuple[FhirServer, FhirServer]
) -> None:
    hospital, agency = servers
    home, *_ = found(agency)
    completes(agency, {**home, "meta": {"security": [SUD]}, "valueString": "Detox"})
    site.work(3)
    assert hospital.resources["Task/ref"]["status"] == "completed"
    assert of_type(hospital.resources.values(), "Observation") == []
    assert "Detox" not in str(hospital.resources)


@pytest.mark.parametrize("status", [403, pytest.param(404, marks=pytest.mark.long), 422])
def test_a_hospital_that_takes_no_such_record_gets_the_answer(
    site: IndirectSite, servers: tuple[FhirServer, FhirServer], status: int
) -> None:
    hospital, agency = servers
    home, *_ = found(agency)
    hospital.fault("POST", "Observation", status, times=9)
    completes(agency, home)
    site.work(3)
    assert hospital.resources["Task/ref"]["status"] == "completed"
    assert hospital.resources["Task/ref"]["output"]
    assert [(m.kind, m.code, m.reason) for m in site.messages(state="held")] == []
    (skipped,) = site.messages(partner="hospital", kind="assessment", state="skipped")
    assert skipped.code == "CB-305"


def test_our_own_copy_as_a_result_is_the_hospitals_own_record(
    site: IndirectSite, servers: tuple[FhirServer, FhirServer]
) -> None:
    hospital, agency = servers
    (need,) = of_type(agency.resources.values(), "Condition")
    completes(agency, need)
    site.work(3)
    assert [(m.kind, m.code, m.reason) for m in site.messages(state="held")] == []
    assert "Condition/hunger" in [f"{r['resourceType']}/{r['id']}" for r in named(hospital)]
    assert len(of_type(hospital.resources.values(), "Condition")) == 2
