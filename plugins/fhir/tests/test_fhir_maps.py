"""The maps mappings/sdohcc on records of our own (the guide's examples: test_fhir_guide.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.answers import ANSWERS
from casebridge_fhir.decimals import DECIMAL
from casebridge_fhir.format import outgoing

from casebridge.core.case import validate_record
from casebridge.core.jsontext import Number, dumps
from casebridge.core.released import _issue
from casebridge.mapping import Imported, Map, MapSet, OwnIds, load_set, with_converters

MAPS = Path(__file__).resolve().parents[3] / "mappings"
SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
Task = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def maps() -> MapSet:
    return load_set("sdohcc", [MAPS], converters=with_converters([ANSWERS, DECIMAL]))


def test_the_examples_inside_the_maps_hold(maps: MapSet) -> None:
    assert {m.name: failed for m in maps if (failed := m.run_examples())} == {}
    assert [m.name for m in maps if not m.definition.examples] == []


# --- referrals ---------------------------------------------------------------------------------------------------


def order(**more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "urn:casebridge:service", "code": "emergency-shelter"}], "text": "A bed"}
    category = [
        {"coding": [{"system": "http://snomed.info/sct", "code": "410606002"}]},
        {"coding": [{"system": SDOHCC, "code": "homelessness"}]},
    ]
    return {"resourceType": "ServiceRequest", "id": "s1", "code": code, "category": category, **more}


def read(maps: MapSet, task: dict[str, Any]) -> tuple[Map, Imported]:
    found = maps.for_native("fhir-r4/Task", task)
    imported = found.read(task)
    validate_record("referral", imported.slice["referral"])
    return found, imported


def test_a_shelter_referral_is_recognised_by_our_own_service_code(maps: MapSet, task: Task) -> None:
    _, imported = read(maps, task(order=order()))
    referral = imported.slice["referral"]
    assert (referral["category"], referral["domain"]) == ("emergency-shelter", "homelessness")
    assert referral["service"] == {"system": "urn:casebridge:service", "code": "emergency-shelter"}
    assert referral["at"] == "2026-11-20T08:00:00.000Z"


@pytest.mark.parametrize(
    ("code", "service", "category"),
    [
        ({"text": "Help with a bed"}, {"display": "Help with a bed"}, None),
        ({"coding": [{"system": "urn:x", "code": "7"}]}, {"system": "urn:x", "code": "7"}, None),
        (
            {"coding": [{"system": "urn:x", "code": "7"}, {"system": "http://snomed.info/sct", "code": "710925007"}]},
            {"system": "http://snomed.info/sct", "code": "710925007"},
            "food-pantry",
        ),
    ],
)
def test_the_service_is_the_snomed_code_or_what_there_is(
    maps: MapSet, task: Task, code: dict[str, Any], service: dict[str, Any], category: str | None
) -> None:
    _, imported = read(maps, task(order=order(code=code)))
    assert imported.slice["referral"]["service"] == service
    assert imported.slice["referral"].get("category") == category


def test_the_labels_of_the_order_bind_the_referral(maps: MapSet, task: Task) -> None:
    walls = [{"code": "42CFRPart2"}, {"code": "SUD"}]
    _, imported = read(maps, task(meta={"security": [{"code": "R"}]}, order=order(meta={"security": walls})))
    assert imported.slice["referral"]["labels"] == [{"code": "R"}, *walls]
    _, imported = read(maps, task(order=order(meta={"security": walls})))
    assert imported.slice["referral"]["labels"] == walls


def test_an_input_whose_type_is_only_words_does_not_hold_the_referral(maps: MapSet, task: Task) -> None:
    _, imported = read(maps, task(input=[{"type": {"text": "A letter"}, "valueString": "x"}]))
    assert imported.slice["referral"]["inputs"] == [{"code": {"display": "A letter"}}]


def test_a_patients_own_task_is_an_activity_and_no_referral(maps: MapSet, task: Task) -> None:
    asking = task(code={"coding": [{"system": SDOHCC, "code": "make-contact"}]}, description="Please call us")
    imported = maps.for_native("fhir-r4/Task", asking).read(asking)
    assert set(imported.slice) == {"activity"}
    assert imported.slice["activity"]["activity_kind"] == "patient_task"
    assert imported.slice["activity"]["status"] == "planned"


@pytest.mark.parametrize("code", [{"coding": [{"system": SDOHCC, "code": "something-else"}]}, {"text": "Call"}, {}])
def test_a_task_that_is_neither_has_no_map(maps: MapSet, task: Task, code: dict[str, Any]) -> None:
    assert maps.find("fhir-r4/Task", task(code=code)) is None


def test_the_name_of_a_patient_beside_a_reference_is_not_taken_over(maps: MapSet, task: Task) -> None:
    named = task(**{"for": {"reference": "Patient/p1", "display": "ADA MORENO"}})
    found, imported = read(maps, named)
    assert imported.slice["referral"]["subject"] == {"kind": "person", "external_id": "Patient/p1"}
    assert "for.display" in imported.left_over
    assert found.write(imported.slice, OwnIds(), named).data == named


@pytest.mark.parametrize("requester", [{"display": "Ruth Okoye"}, {"reference": "Device/d1", "display": "Tablet"}])
def test_a_requester_we_cannot_follow_does_not_hold_the_referral(
    maps: MapSet, task: Task, requester: dict[str, str]
) -> None:
    _, imported = read(maps, task(requester=requester))
    assert "requester" not in imported.slice["referral"]


class OurIds:
    """The id ledger for one activity that the hospital already holds as a Procedure."""

    def theirs(self, ref: dict[str, Any]) -> str | None:
        return "Procedure/x1" if ref.get("id") == "01ACTIVITY" else ref.get("external_id")


def test_a_completed_referral_goes_back_onto_their_task_and_nothing_else_changes(maps: MapSet, task: Task) -> None:
    theirs = task(
        order=order(), identifier=[{"system": "urn:h", "value": "7"}], restriction={"repetitions": 1},
        statusReason={"text": "waiting"}, note=[{"text": "theirs"}],
    )  # fmt: skip
    found, imported = read(maps, theirs)
    activity = {"kind": "activity", "id": "01ACTIVITY"}
    done = {"code": "resulting-activity", "value": "A bed for two nights", "ref": activity}
    news = {"status": "completed", "detail": "service-started", "correlation": "01REF", "outputs": [done]}
    referral = {**imported.slice["referral"], **news}
    del referral["reason"]
    exported = found.write({"referral": referral}, OurIds(), theirs)
    expected = {
        **{name: value for name, value in theirs.items() if name != "statusReason"},
        "status": "completed",
        "identifier": [{"system": "urn:h", "value": "7"}, {"system": "urn:casebridge:referral", "value": "01REF"}],
        "businessStatus": {"coding": [{"system": "urn:casebridge:detail", "code": "service-started"}]},
        "output": [
            {
                "type": {"coding": [{"system": SDOHCC, "code": "resulting-activity"}]},
                "valueReference": {"reference": "Procedure/x1", "display": "A bed for two nights"},
            }
        ],
    }
    assert exported.data == expected
    assert exported.no_room == []
    made = _issue(document=exported.data, recipient="h", purpose="x", policy="1", native_type="fhir-r4/Task")
    assert outgoing(made) == {name: value for name, value in expected.items() if name != "order"}


def test_what_is_withheld_leaves_theirs_alone(maps: MapSet, task: Task) -> None:
    theirs = task(order=order(), statusReason={"text": "theirs"}, businessStatus={
        "coding": [{"system": "urn:casebridge:detail", "code": "seen"}]})  # fmt: skip
    withheld = {"absent": "withheld"}
    found, imported = read(maps, theirs)
    referral = {**dict.fromkeys(imported.slice["referral"], withheld), "status": "accepted"}
    assert found.write({"referral": referral}, OwnIds(), theirs).data == {**theirs, "status": "accepted"}


def test_a_status_the_guide_leaves_out_is_understood_and_kept(maps: MapSet, task: Task) -> None:
    received = task(status="received")
    found, imported = read(maps, received)
    assert imported.slice["referral"]["status"] == "requested"
    assert found.write(imported.slice, OwnIds(), received).data == received


# --- people and consents -----------------------------------------------------------------------------------------


def test_an_unidentified_patient_is_a_person_all_the_same(maps: MapSet) -> None:
    patient = {"resourceType": "Patient", "id": "p9", "active": True}
    imported = maps.for_native("fhir-r4/Patient", patient).read(patient)
    assert imported.slice == {"person": {"status": "active"}}


def test_a_social_security_number_is_compared_as_digits_and_kept_as_written(maps: MapSet) -> None:
    number = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-01-0001"}
    patient = {"resourceType": "Patient", "id": "p9", "identifier": [number]}
    found = maps.for_native("fhir-r4/Patient", patient)
    imported = found.read(patient)
    assert imported.slice["person"]["identifiers"] == [{**number, "value": "999010001", "scope": "person"}]
    assert found.write(imported.slice, OwnIds(), patient).data == patient


@pytest.mark.parametrize("written", ["xxx-xx-1234", "1234", "000-00-0000", "999-99-9999", "123-00-4567", "unknown", ""])
def test_a_number_that_is_none_links_nobody_and_stays_as_written(maps: MapSet, written: str) -> None:
    number = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": written}
    patient = {"resourceType": "Patient", "id": "p9", "identifier": [number]}
    found = maps.for_native("fhir-r4/Patient", patient)
    imported = found.read(patient)
    assert [i for i in imported.slice["person"]["identifiers"] if i.get("value")] == []
    assert found.write(imported.slice, OwnIds(), patient).data == patient


@pytest.mark.parametrize(
    ("provision", "decision"),
    [
        ({"type": "permit"}, "permit"),
        ({"type": "permit", "action": [{"coding": [{"code": "disclose"}]}]}, "permit"),
        ({"type": "permit", "action": [{"coding": [{"code": "collect"}]}]}, None),
        ({"type": "permit", "provision": [{"type": "deny"}]}, None),
        ({"type": "permit", "class": [{"code": "Condition"}]}, None),
        ({"type": "permit", "data": [{"meaning": "instance"}]}, None),
        ({"type": "deny", "class": [{"code": "Condition"}]}, "deny"),
        ({}, None),
    ],
)
def test_a_consent_permits_only_what_a_machine_can_read(
    maps: MapSet, provision: dict[str, Any], decision: str | None
) -> None:
    consent = {"resourceType": "Consent", "id": "c1", "status": "active", "provision": provision}
    imported = maps.for_native("fhir-r4/Consent", consent).read(consent)
    assert imported.slice["consent"].get("decision") == decision


CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"


@pytest.mark.parametrize(
    ("scope", "decision"),
    [
        ({"system": CONSENT_SCOPE, "code": "patient-privacy"}, "permit"),
        ({"code": "patient-privacy"}, "permit"),
        ({"system": CONSENT_SCOPE, "code": "treatment"}, None),
        ({"system": CONSENT_SCOPE, "code": "research"}, None),
        ({"system": CONSENT_SCOPE, "code": "adr"}, None),
    ],
)
def test_a_permission_of_another_scope_permits_no_disclosure(
    maps: MapSet, scope: dict[str, str], decision: str | None
) -> None:
    for said in ("permit", "deny"):
        consent = {"resourceType": "Consent", "status": "active", "scope": {"coding": [scope]}}
        consent["provision"] = {"type": said}
        found = maps.for_native("fhir-r4/Consent", consent)
        imported = found.read(consent)
        assert imported.slice["consent"].get("decision") == (decision if said == "permit" else "deny")
        assert found.write(imported.slice, OwnIds(), consent).data == consent


def test_a_law_is_written_with_the_system_of_its_code(maps: MapSet) -> None:
    (found,) = maps.writing("consent")
    written = found.write({"consent": {"status": "active", "law": "Part2-specific"}}, OwnIds()).data
    (coding,) = written["policyRule"]["coding"]
    assert coding == {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}


def test_an_ended_consent_is_not_active(maps: MapSet) -> None:
    consent = {"resourceType": "Consent", "id": "c1", "status": "inactive"}
    assert maps.for_native("fhir-r4/Consent", consent).read(consent).slice["consent"] == {"status": "revoked"}


# --- needs and answers -------------------------------------------------------------------------------------------


def condition(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, **more}


def said(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/condition-{system}", "code": code}]}


@pytest.mark.parametrize(
    ("clinical", "verification", "status"),
    [
        ("active", "unconfirmed", "identified"),
        ("recurrence", "provisional", "identified"),
        ("active", "confirmed", "confirmed"),
        (None, "confirmed", "confirmed"),
        ("active", None, "identified"),
        ("resolved", "confirmed", "resolved"),
        ("remission", "unconfirmed", "resolved"),
        ("inactive", None, "resolved"),
        (None, "refuted", "refuted"),
        ("inactive", "refuted", "refuted"),
        (None, "entered-in-error", "entered-in-error"),
        (None, None, None),
    ],
)
def test_the_state_of_a_need_is_read_from_two_statuses_and_put_back_as_it_was(
    maps: MapSet, clinical: str | None, verification: str | None, status: str | None
) -> None:
    theirs = condition()
    if clinical:
        theirs["clinicalStatus"] = said("clinical", clinical)
    if verification:
        theirs["verificationStatus"] = said("ver-status", verification)
    found = maps.for_native("fhir-r4/Condition", theirs)
    imported = found.read(theirs)
    validate_record("need", imported.slice["need"])
    assert imported.slice["need"].get("status") == status
    assert found.write(imported.slice, OwnIds(), theirs).data == theirs


def test_a_need_that_is_resolved_goes_back_as_resolved(maps: MapSet) -> None:
    theirs = condition(clinicalStatus=said("clinical", "active"), verificationStatus=said("ver-status", "confirmed"))
    found = maps.for_native("fhir-r4/Condition", theirs)
    need = {**found.read(theirs).slice["need"], "status": "resolved"}
    data = found.write({"need": need}, OwnIds(), theirs).data
    assert data == {**theirs, "clinicalStatus": said("clinical", "resolved")}


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "63504-5"}]}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"valueBoolean": False}, {"value_type": "flag", "value": False}),
        ({"valueString": "No"}, {"value_type": "text", "value": "No"}),
        ({"valueCodeableConcept": {"text": "No home"}}, {"value_type": "text", "value": "No home"}),
        ({"valueInteger": 3}, {"value_type": "number", "value": "3"}),
        ({"valueDateTime": "2026-11"}, {"value_type": "time", "value": "2026-11"}),
        ({"valueQuantity": {"value": Number("10.50"), "unit": "kg"}},
         {"value_type": "quantity", "amount": "10.50", "unit": "kg"}),
        ({"dataAbsentReason": {"text": "asked"}}, None),
    ],
)  # fmt: skip
def test_an_answer_keeps_its_type_and_its_zeros(
    maps: MapSet, answer: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    theirs = observation(**answer)
    found = maps.for_native("fhir-r4/Observation", theirs)
    imported = found.read(theirs)
    assessment = imported.slice["assessment"]
    validate_record("assessment", assessment)
    code = {"system": "http://loinc.org", "code": "63504-5"}
    assert assessment.get("items") == ([{"code": code, **expected}] if expected else None)
    assert dumps(found.write(imported.slice, OwnIds(), theirs).data) == dumps(theirs)
    made = found.write(imported.slice, OwnIds()).data
    assert {k: v for k, v in made.items() if k[:5] == "value"} == {
        "valueString" if k == "valueCodeableConcept" else k: v["text"] if k == "valueCodeableConcept" else v
        for k, v in answer.items() if k[:5] == "value"
    }  # fmt: skip


def test_a_question_without_a_code_does_not_hold_the_record(maps: MapSet) -> None:
    theirs = observation(code={"text": "How is home?"}, valueString="Cold")
    imported = maps.for_native("fhir-r4/Observation", theirs).read(theirs)
    validate_record("assessment", imported.slice["assessment"])
    assert imported.slice["assessment"]["items"][0]["code"] == {"display": "How is home?"}


def test_what_somebody_states_of_a_person_makes_no_second_person(maps: MapSet) -> None:
    category = [{"coding": [{"system": SDOHCC, "code": "personal-characteristic"}]}]
    pronouns = {"coding": [{"system": "http://loinc.org", "code": "LA29518-0"}]}
    stated = observation(category=category, valueCodeableConcept=pronouns)
    imported = maps.for_native("fhir-r4/Observation", stated).read(stated)
    assert set(imported.slice) == {"assessment"}
    assert imported.slice["assessment"]["domains"] == ["personal-characteristic"]


def test_not_enrolled_is_told_apart_from_enrolled_and_waiting(maps: MapSet) -> None:
    category = [{"coding": [{"system": SDOHCC, "code": "program-enrollment"}]}]
    found = {}
    for code in ("enrolled", "not-enrolled", "not-enrolled-on-waitlist"):
        theirs = observation(category=category, valueCodeableConcept={"coding": [{"system": SDOHCC, "code": code}]})
        map_ = maps.for_native("fhir-r4/Observation", theirs)
        imported = map_.read(theirs)
        found[code] = imported.slice["participation"]["status"]
        assert map_.write(imported.slice, OwnIds(), theirs).data == theirs
    assert found == {"enrolled": "enrolled", "not-enrolled": "ended", "not-enrolled-on-waitlist": "waitlisted"}


def test_an_order_on_its_own_is_a_document_that_is_never_written(maps: MapSet) -> None:
    found = maps.for_native("fhir-r4/ServiceRequest", order())
    assert set(found.read(order()).slice) == {"document"}
    assert maps.writing("document", {"intent": "order"}) == []
