"""The maps mappings/sdohcc: what of the guide's examples is read, and what goes back."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.decimals import DECIMAL
from casebridge_fhir.format import FhirR4, outgoing
from casebridge_fhir.ssn import SSN_USABLE

from casebridge import Native
from casebridge.core.case import records_of, validate_record
from casebridge.core.released import _issue
from casebridge.mapping import Imported, Map, MapSet, OwnIds, load_set, with_converters

MAPS = Path(__file__).resolve().parents[3] / "mappings"
SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
NO_MAP = {"Device", "Group", "ServiceRequest"}
Task = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def maps() -> MapSet:
    return load_set("sdohcc", [MAPS], converters=with_converters([DECIMAL, SSN_USABLE]))


@pytest.fixture
def natives(maps: MapSet, examples: dict[str, Path], format_: FhirR4) -> Iterator[Native]:
    def each() -> Iterator[Native]:
        for path in examples.values():
            for native in format_.parse(io.BytesIO(path.read_bytes()), maps.shapes):
                assert isinstance(native, Native)
                yield native

    return each()


def test_the_examples_inside_the_maps_hold(maps: MapSet) -> None:
    assert {m.name: failed for m in maps if (failed := m.run_examples())} == {}
    assert [m.name for m in maps if not m.definition.examples] == []


def test_each_example_of_the_guide_is_read_or_counted_as_not_for_us(maps: MapSet, natives: Iterator[Native]) -> None:
    counted = Counter("read" if maps.find(n.type, n.data) else n.type.split("/")[1] for n in natives)
    # The four Tasks without a map are a patient's own (make contact, answer, review), not referrals.
    assert counted == {"read": 57, "ServiceRequest": 4, "Task": 4, "Device": 1, "Group": 1}


def test_what_is_read_is_valid_and_goes_back_leaf_by_leaf(maps: MapSet, natives: Iterator[Native]) -> None:
    for native in natives:
        found = maps.find(native.type, native.data)
        if found is None:
            continue
        imported = found.read(native.data)
        for kind, _, record in records_of(imported.slice):
            validate_record(kind, record)
        exported = found.write(imported.slice, OwnIds(), native.data)
        assert exported.data == native.data, native.external_id
        if found.definition.only != "import":
            assert exported.no_room == [], native.external_id


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
    assert imported.slice["referral"]["labels"] == ["R", "42CFRPart2", "SUD"]
    _, imported = read(maps, task(order=order(meta={"security": walls})))
    assert imported.slice["referral"]["labels"] == ["42CFRPart2", "SUD"]


def test_a_make_contact_task_is_no_referral(maps: MapSet, task: Task) -> None:
    asking = task(code={"coding": [{"system": SDOHCC, "code": "make-contact"}]})
    assert maps.find("fhir-r4/Task", asking) is None


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


def test_an_ended_consent_is_not_active(maps: MapSet) -> None:
    consent = {"resourceType": "Consent", "id": "c1", "status": "inactive"}
    assert maps.for_native("fhir-r4/Consent", consent).read(consent).slice["consent"] == {"status": "revoked"}
