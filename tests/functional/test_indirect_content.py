"""SDOHCC, content-rich referral: what a hospital sends along goes on to the recipient, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import IndirectSite, hospitals, of_type, parties
from sites import SDOH

CONFIDENTIAL = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUD"}


@pytest.fixture
def hospital() -> Iterator[FhirServer]:
    with fhir_server() as state:
        yield state


@pytest.fixture
def agency() -> Iterator[FhirServer]:
    with fhir_server() as state:
        state.put(*parties())
        yield state


def letter(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "DocumentReference", "id": id_, "status": "current",
            "subject": {"reference": "Patient/ada"},
            "type": {"coding": [{"system": "http://loinc.org", "code": "57133-1"}]}, "date": "2026-11-20T08:00:00Z",
            "content": [{"attachment": {"contentType": "text/plain", "title": id_, "data": "VHdvIGNoaWxkcmVu"}}],
            **more}  # fmt: skip


def height() -> dict[str, Any]:
    vital = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {"resourceType": "Observation", "id": "height", "status": "final", "subject": {"reference": "Patient/ada"},
            "category": [{"coding": [{"system": vital, "code": "vital-signs"}]}], "effectiveDateTime": "2026-11-19",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "Body height"}]},
            "valueQuantity": {"value": 80, "unit": "cm"}}  # fmt: skip


def form(id_: str, **more: Any) -> dict[str, Any]:
    often = {"system": "http://loinc.org", "code": "LA28397-0", "display": "Often true"}
    return {"resourceType": "QuestionnaireResponse", "id": id_, "status": "completed",
            "questionnaire": "http://hospital.example/Questionnaire/hunger",
            "_questionnaire": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/display",
                                              "valueString": "Hunger Vital Sign"}]},
            "subject": {"reference": "Patient/ada"}, "authored": "2026-11-19", "author": {"display": "Dr. Jan Water"},
            "source": {"reference": "Patient/ada", "display": "ADA MORENO"},
            "item": [{"linkId": "food", "text": "Food", "item": [
                {"linkId": "/88122-7", "text": "Did you worry about food?", "answer": [{"valueCoding": often}]},
                {"linkId": "who", "answer": [{"valueReference": {"reference": "Practitioner/jan"}}]}]}],
            **more}  # fmt: skip


def sent_along(*references: str) -> list[dict[str, Any]]:
    kind = {"coding": [{"system": SDOH, "code": "additional-content"}]}
    return [{"type": kind, "valueReference": {"reference": one, "display": one}} for one in references]


def refer(hospital: FhirServer, *along: dict[str, Any], order: tuple[str, ...] = ()) -> None:
    info = {"supportingInfo": [{"reference": reference} for reference in order]} if order else {}
    *rest, task = hospitals(**info)
    names = [f"{r['resourceType']}/{r['id']}" for r in along]
    hospital.put(*along, *rest, {**task, "input": sent_along(*(n for n in names if n not in order))})


def made(agency: FhirServer, kind: str) -> list[dict[str, Any]]:
    return [r for r in of_type(agency.resources.values(), kind) if r["id"].startswith("made-")]


@pytest.fixture
def site(tmp_path: Path, hospital: FhirServer, agency: FhirServer) -> Iterator[IndirectSite]:
    one = IndirectSite(tmp_path, hospital.base, agency.base)
    yield one
    one.bridge.close()


def test_what_was_sent_along_is_there_before_the_task(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    refer(hospital, letter("letter"), height(), letter("scan"), order=("DocumentReference/scan",))
    site.work()
    assert site.messages(state="held") == []
    (task,), (order,) = made(agency, "Task"), made(agency, "ServiceRequest")
    named = [one["valueReference"]["reference"] for one in task["input"]]
    first, second = (agency.resources[reference] for reference in named)
    assert first["content"][0]["attachment"]["data"] == "VHdvIGNoaWxkcmVu"
    assert (second["code"]["coding"][0]["code"], second["valueQuantity"]["value"]) == ("8302-2", 80)
    assert agency.resources[order["supportingInfo"][0]["reference"]]["content"][0]["attachment"]["title"] == "scan"
    assert {r["subject"]["reference"] for r in (first, second)} == {task["for"]["reference"]}


def test_what_may_not_be_told_is_not_even_named(site: IndirectSite, hospital: FhirServer, agency: FhirServer) -> None:
    refer(hospital, letter("letter"), letter("detox", meta={"security": [CONFIDENTIAL]}))
    site.work()
    assert site.messages(state="held") == []
    (task,) = made(agency, "Task")
    assert len(task["input"]) == len(made(agency, "DocumentReference")) == 1
    assert "detox" not in str(agency.resources)


def test_a_form_that_was_filled_in_goes_along(site: IndirectSite, hospital: FhirServer, agency: FhirServer) -> None:
    refer(hospital, form("screening"), form("hidden", meta={"security": [CONFIDENTIAL]}), form("asked"),
          order=("QuestionnaireResponse/asked",))  # fmt: skip
    site.work()
    assert site.messages(state="held") == []
    (task,), (order,) = made(agency, "Task"), made(agency, "ServiceRequest")
    copies = made(agency, "QuestionnaireResponse")
    assert len(copies) == 2
    (named,), (asked,) = task["input"], order["supportingInfo"]
    copy = agency.resources[named["valueReference"]["reference"]]
    assert copy["item"] == [{"linkId": "food", "text": "Food", "item": [
        {"linkId": "/88122-7", "text": "Did you worry about food?",
         "answer": [{"valueCoding": {"system": "http://loinc.org", "code": "LA28397-0", "display": "Often true"}}]},
        {"linkId": "who"}]}]  # fmt: skip
    assert copy["questionnaire"] == "http://hospital.example/Questionnaire/hunger"
    assert copy["subject"]["reference"] == task["for"]["reference"]
    assert agency.resources[asked["reference"]]["item"] == copy["item"]
    assert "Jan Water" not in str(copies)
    agency.writes.clear()
    hospital.put({**hospital.resources["Task/ref"], "restriction": {"period": {"end": "2026-12-24"}}})
    site.work(2)
    assert agency.writes == [f"PUT Task/{task['id']}"], "a copy that says the same already is left alone"


def test_an_answer_points_to_the_form_it_stands_on(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    answer = {**height(), "derivedFrom": [{"reference": "QuestionnaireResponse/screening"},
                                          {"reference": "QuestionnaireResponse/elsewhere"}]}  # fmt: skip
    refer(hospital, answer, form("screening"))
    site.work()
    assert site.messages(state="held") == []
    (copy,), (screening,) = made(agency, "Observation"), made(agency, "QuestionnaireResponse")
    assert copy["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{screening['id']}"}]


def test_nothing_else_of_the_chart_is_read(site: IndirectSite, hospital: FhirServer, agency: FhirServer) -> None:
    refer(hospital, letter("letter"))
    hospital.put(letter("other"), {**height(), "id": "other"})
    site.work()
    assert not {"GET DocumentReference/other", "GET Observation/other"} & set(hospital.asked)


def test_without_an_agreement_or_consent_nothing_goes(tmp_path: Path, hospital: FhirServer, agency: FhirServer) -> None:
    refer(hospital, letter("letter"))
    site = IndirectSite(tmp_path, hospital.base, agency.base, agreement="")
    site.work()
    waiting = site.messages(state="held")
    assert {m.partner for m in waiting} == {"agency"}
    assert all(m.remedy for m in waiting)
    assert set(agency.writes) <= {"POST Organization"}
    site.bridge.close()


def consent(status: str) -> dict[str, Any]:
    act, roles = "http://terminology.hl7.org/CodeSystem/v3-ActReason", "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    return {"resourceType": "Consent", "id": "shares", "status": status, "patient": {"reference": "Patient/ada"},
            "dateTime": "2026-11-01", "performer": [{"reference": "Patient/ada"}],
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
                                  "code": "patient-privacy"}]},
            "provision": {"type": "permit", "purpose": [{"system": act, "code": "TREAT"}], "actor": [
                {"role": {"coding": [{"system": roles, "code": "PRCP"}]},
                 "reference": {"reference": "Organization/harbor"}}]}}  # fmt: skip


def test_a_consent_that_is_revoked_stops_later_updates(
    tmp_path: Path, hospital: FhirServer, agency: FhirServer
) -> None:
    hospital.put(consent("active"))
    refer(hospital, letter("letter"))
    site = IndirectSite(tmp_path, hospital.base, agency.base, agreement="")
    site.work()
    assert site.messages(state="held") == []
    (task,) = made(agency, "Task")
    agency.put({**task, "status": "accepted"})
    site.work()
    hospital.put(consent("inactive"), {**hospital.resources["Patient/ada"],
                                       "telecom": [{"system": "phone", "value": "555-0199"}]})  # fmt: skip
    hospital.put({**hospital.resources["Task/ref"], "restriction": {"period": {"end": "2026-12-24"}}})
    agency.writes.clear()
    site.work(2)
    assert "555-0199" not in str(agency.resources), "it was taken back before this was known"
    assert agency.writes == []
    (referral,) = site.referrals()
    effects = [d["effect"] for d in site.disclosures(referral.id) if d["recipient"] == "agency"]
    assert effects[0] == "released"
    assert "refused" in effects
    site.bridge.close()
