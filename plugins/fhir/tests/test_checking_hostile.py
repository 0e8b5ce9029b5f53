"""Whatever stands in a payload, it is checked to its end or refused as a whole; nothing crashes, nothing is shown."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from casebridge_fhir.checking import structure
from casebridge_fhir.format import FhirR4
from casebridge_fhir.xml import to_xml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from right_referral import referral

from casebridge import Context, Finding
from casebridge.core.errors import RecordError, error_codes

STRANGE = st.sampled_from(
    [None, True, 0, -1, 1.5, "", " ", "x", "#", "urn:", "Patient/", "Jane Doe", [], {}, [None], [[]], [{}], {"x": 1},
     {"coding": "x"}, {"coding": [None, {"code": []}]}, {"reference": 7}, {"reference": []}, {"extension": {}},
     "a" * 300, "\u0000", {"resourceType": "Task"}, {"resourceType": []}]
)  # fmt: skip


def places(node: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [where, *(place for key, child in inner for place in places(child, (*where, key)))]


def planted(node: Any, where: tuple[Any, ...], value: Any) -> Any:
    if not where:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[where[0]] = planted(copy[where[0]], where[1:], value)
    return copy


PLACES = places(referral())[1:]


def checked(data: bytes, **more: Any) -> list[Finding]:
    format_ = FhirR4(FhirR4.Settings(**more), Context("hospital"))
    return list(format_.check(io.BytesIO(data)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), STRANGE)
def test_a_strange_value_anywhere_is_checked_to_the_end(where: tuple[Any, ...], value: Any) -> None:
    entries = [{"resource": one} for one in planted(referral(), where, value)]
    said = checked(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())
    assert all(isinstance(one, Finding) and one.code in error_codes() and one.do for one in said)
    assert "Jane" not in str(said)


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "CB-303"), (b"{", "CB-303"), (b"[]", "CB-303"), (b'{"a":' * 5000, "CB-303"), (b"\xff\xfe", "CB-303"),
     (b'{"resourceType": "Task", "id": "' + b"x" * 2000 + b'"}', "CB-304")],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_as_a_whole(data: bytes, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        checked(data, max_bytes=1024 if code == "CB-304" else 100_000)
    assert caught.value.code == code


def test_an_entry_that_is_no_resource_is_told_and_the_rest_goes_on() -> None:
    entries = [{"resource": {"no": "type"}}, {"resource": {"resourceType": "Patient", "id": "p1", "gender": "f"}}]
    first, second = checked(json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode())
    assert (first.code, first.field, first.position.pointer) == ("CB-303", "Bundle.entry.resource", "/entry/0")
    assert (first.message, second.field) == ("this entry holds no resource", "Patient.gender")


def test_a_resource_fhir_does_not_have_is_told() -> None:
    (only,) = checked(b'{"resourceType": "Referral", "id": "r1"}')
    assert (only.rule, only.message) == ("structure", "FHIR R4 has no resource of this type")


def test_numbers_keep_their_spelling_and_are_no_fault() -> None:
    quantity = b'{"value": 72.50, "unit": "kg"}'
    data = (b'{"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "weight"}, '
            b'"valueQuantity": ' + quantity + b"}")  # fmt: skip
    assert checked(data) == []


def test_xml_is_checked_as_json_is_and_a_wrong_document_is_refused() -> None:
    task = {**referral()[0], "status": "rejected"}
    (only,) = (one for one in checked(to_xml(task)) if one.level == "wrong")
    assert (only.rule, only.field) == ("status-reason", "Task.statusReason")
    for data, code in ((b"<Task", "CB-303"), (b'<Task xmlns="http://hl7.org/fhir"><colour/></Task>', "CB-301"),
                       (b'<!DOCTYPE x><Task xmlns="http://hl7.org/fhir"/>', "CB-303")):  # fmt: skip
        with pytest.raises(RecordError) as caught:
            checked(data)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("head", "known"),
    [(b'{"resourceType": "Task"', True), (b'\xef\xbb\xbf \n{"a": 1, "resourceType"', True), (b'{"a": 1}', False),
     (b'<?xml version="1.0"?><Task xmlns="http://hl7.org/fhir">', True), (b"<html>", False), (b"ISA*00*", False),
     (b"", False), (b'["resourceType"]', False)],
)  # fmt: skip
def test_a_file_is_recognised_by_how_it_begins(format_: FhirR4, head: bytes, known: bool) -> None:
    assert format_.recognises(head) is known


PLAN = {"resourceType": "CarePlan", "id": "p1", "status": "active", "intent": "plan", "colour": "red",
        "subject": {"reference": "Patient/p1"}}  # fmt: skip


def test_a_resource_that_is_not_in_our_table_is_held_against_the_models_of_fhir() -> None:
    (only,) = checked(json.dumps(PLAN).encode())
    assert (only.rule, only.message, only.field) == ("structure", "FHIR R4 has no such element here", "CarePlan.colour")
    fields = {(one.field, one.code) for one in checked(json.dumps({**PLAN, "created": "Jane Doe 1980"}).encode())}
    assert ("CarePlan.created", "CB-301") in fields
    without = {name: value for name, value in PLAN.items() if name not in ("intent", "colour")}
    assert [(one.field, one.code) for one in checked(json.dumps(without).encode())] == [("CarePlan.intent", "CB-302")]


def test_without_the_models_it_is_said_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fhir.resources.R4B", None)
    (only,) = checked(json.dumps(PLAN).encode())
    assert (only.level, only.do) == ("not-checked", structure.INSTALL)
    (known,) = checked(b'{"resourceType": "Patient", "id": "p1", "sex": "f"}')  # in our table: looked at all the same
    assert (known.level, known.field) == ("wrong", "Patient.sex")


@pytest.mark.parametrize(
    ("resource", "field", "pointer"),
    [
        ({"resourceType": "Patient", "deceasedBoolean": "no"}, "Patient.deceased", "/deceasedBoolean"),
        ({"resourceType": "Patient", "name": [{"given": ["Ada", ""]}]}, "Patient.name[0].given[1]", "/name/0/given/1"),
        ({"resourceType": "Patient", "birthDate": "x", "_birthDate": {"id": "1"}}, "Patient.birthDate", "/birthDate"),
        ({"resourceType": "Bundle", "type": "heap", "entry": []}, "Bundle.entry", "/entry"),
        ({"resourceType": "Bundle", "type": "heap"}, "Bundle.type", "/type"),
    ],
)
def test_the_place_is_told_as_fhirpath_and_as_json_pointer(resource: dict[str, Any], field: str, pointer: str) -> None:
    said = checked(json.dumps({"id": "p1", **resource}).encode())
    assert (field, pointer) in {(one.field, one.position.pointer) for one in said}
