"""Whatever a server sends in place of what belongs there: an error of ours or a result, never a crash."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import httpx2
from casebridge_fhir.answers import ANSWERS
from casebridge_fhir.decimals import DECIMAL
from casebridge_fhir.format import FhirR4
from casebridge_fhir.link import FhirRest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from casebridge import Context, Native
from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import CaseBridgeError, RecordError, SetupError, TryAgain
from casebridge.mapping import OwnIds, load_set, with_converters

FOLDER = Path(__file__).resolve().parents[3] / "mappings"
MAPS = load_set("sdohcc", [FOLDER], converters=with_converters([ANSWERS, DECIMAL]))
BASE = "https://hospital.example/fhir"
SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
CODING = {"coding": [{"system": SDOHCC, "code": "food-insecurity", "display": "Food"}], "text": "Food"}
TO_PATIENT = {"reference": "Patient/p1", "display": "Ada"}
RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Task", "id": "t1", "meta": {"versionId": "1", "lastUpdated": "2026-11-20T08:00:00Z"},
     "status": "completed", "intent": "order", "statusReason": {"text": "x"}, "businessStatus": CODING,
     "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
     "for": TO_PATIENT, "focus": {"reference": "ServiceRequest/s1"}, "owner": {"reference": "Organization/o1"},
     "identifier": [{"system": "urn:x", "value": "1"}], "restriction": {"period": {"end": "2026-11-22"}},
     "output": [{"type": CODING, "valueReference": {"reference": "Procedure/x1"}}]},
    {"resourceType": "ServiceRequest", "id": "s1", "meta": {"security": [{"code": "R"}]}, "category": [CODING],
     "code": CODING, "note": [{"text": "n"}], "reasonReference": [{"reference": "Condition/c1"}],
     "supportingInfo": [{"reference": "Consent/k1"}], "occurrencePeriod": {"start": "2026", "end": "2026-12"}},
    {"resourceType": "Patient", "id": "p1", "active": True, "name": [{"family": "Moreno", "given": ["Ada"]}],
     "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-01-0001", "type": CODING}],
     "telecom": [{"system": "phone", "value": "555-0100"}], "address": [{"line": ["1 St"], "city": "X"}],
     "gender": "female", "birthDate": "1987-02", "deceasedBoolean": False,
     "communication": [{"language": CODING, "preferred": True}],
     "extension": [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                    "extension": [{"url": "ombCategory", "valueCoding": {"code": "2106-3"}}]}]},
    {"resourceType": "Consent", "id": "k1", "status": "active", "patient": TO_PATIENT, "dateTime": "2026-11-20",
     "policyRule": CODING, "provision": {"type": "permit", "purpose": [{"code": "TREAT"}], "period": {"end": "2027"},
                                         "actor": [{"role": CODING, "reference": {"reference": "Organization/o1"}}]}},
    {"resourceType": "Condition", "id": "c1", "clinicalStatus": CODING, "verificationStatus": CODING, "code": CODING,
     "category": [CODING], "subject": TO_PATIENT, "onsetDateTime": "2026", "note": [{"text": "n"}]},
    {"resourceType": "Procedure", "id": "x1", "status": "completed", "subject": TO_PATIENT, "code": CODING,
     "category": CODING, "performedPeriod": {"start": "2026", "end": "2026"}, "performer": [{"actor": TO_PATIENT}]},
    {"resourceType": "Organization", "id": "o1", "name": "Food", "telecom": [{"system": "phone", "value": "1"}]},
]  # fmt: skip


def places(node: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [where, *(place for key, child in inner for place in places(child, (*where, key)))]


def planted(node: Any, where: tuple[Any, ...], value: Any) -> Any:
    if not where:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[where[0]] = planted(copy[where[0]], where[1:], value)
    return copy


PLACES = places(RESOURCES)[1:]
STRANGE = st.sampled_from(
    [None, True, 0, -1, 1.5, "", " ", "x", "../..", "#", "Patient/", "Patient/p 1", "urn:uuid:1", "2026-13-45", [], {},
     [None], [[]], [{}], {"x": 1}, "http://[", "a" * 300, "\u0000", {"reference": 7}, {"reference": "http://[/Patient/1"}]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), STRANGE)
@example((0, "meta"), [])
@example((0, "id"), "../../x")
def test_a_strange_value_anywhere_is_a_result_or_an_error_of_ours(where: tuple[Any, ...], value: Any) -> None:
    entry = [{"resource": each} for each in planted(RESOURCES, where, value)]
    data = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entry}).encode()
    format_ = FhirR4(FhirR4.Settings(), Context("hospital"))
    format_.identity(io.BytesIO(data))
    for native in format_.parse(io.BytesIO(data), MAPS.shapes):
        assert isinstance(native, Native | RecordError)
        if isinstance(native, Native):
            with contextlib.suppress(CaseBridgeError):
                round_trip(native)


def round_trip(native: Native) -> None:
    found = MAPS.find(native.type, native.data)
    if found is None:
        return
    imported = found.read(native.data)
    for kind, _, record in records_of(imported.slice):
        validate_record(kind, record)
    assert found.write(imported.slice, OwnIds(), native.data).data == native.data


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), STRANGE, st.sampled_from(["link", "total", "type", "entry"]), STRANGE)
def test_a_strange_answer_never_crashes_the_link(where: tuple[Any, ...], value: Any, part: str, other: Any) -> None:
    resources = planted(RESOURCES, where, value)

    def serve(request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == "hospital.example"
        if request.url.path.endswith(("/Task", "/Consent")):
            bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}
            return httpx2.Response(200, json=bundle if part == "entry" else {**bundle, part: other})
        kind = request.url.path.split("/")[-2]
        known = [r for r in resources if isinstance(r, dict) and r.get("resourceType") == kind]
        return httpx2.Response(200, json=known[0]) if known else httpx2.Response(404)

    link = FhirRest(FhirRest.Settings(base_url=BASE, attempts=1), Context("hospital"), httpx2.MockTransport(serve))
    with contextlib.suppress(SetupError, TryAgain, RecordError):
        for payload in link.receive("2026-11-20T08:00:00Z"):
            assert json.loads(payload.stream.read())["entry"][0]["resource"]["resourceType"] == "Task"
    link.close()
