"""What is wrong with a resource: every kind of problem, its place in FHIRPath, and that nothing of a person is told."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.r4 import resource_types
from casebridge_fhir.structure import MOST_PROBLEMS, Problem, problems
from casebridge_fhir.xml import from_xml, to_xml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from r4_resources import resources

from casebridge.core.jsontext import Number, loads

NO_SUCH = "FHIR R4 has no such element here"
PATIENT = {"resourceType": "Patient"}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'


@pytest.mark.parametrize(
    ("resource", "path", "text", "code"),
    [
        ({}, "resourceType", "not a resource of FHIR R4 that is supported", "not-supported"),
        ({"resourceType": "Spaceship"}, "resourceType", "not a resource of FHIR R4", "not-supported"),
        ({"resourceType": "HumanName"}, "resourceType", "not a resource of FHIR R4", "not-supported"),
        ({**PATIENT, "born": "1980"}, "Patient.born", NO_SUCH, "structure"),
        ({**PATIENT, "_born": {"id": "a"}}, "Patient._born", NO_SUCH, "structure"),
        ({**PATIENT, "_name": [{"id": "a"}]}, "Patient._name", NO_SUCH, "structure"),
        ({**PATIENT, "name": [{"first": "Ann"}]}, "Patient.name[0].first", NO_SUCH, "structure"),
        ({**PATIENT, "name": [{"resourceType": "HumanName"}]}, "Patient.name[0].resourceType", NO_SUCH, "structure"),
        ({**PATIENT, "name": {"text": "Ann"}}, "Patient.name", "must be a list", "structure"),
        ({**PATIENT, "birthDate": ["1980"]}, "Patient.birthDate", "must not be a list", "structure"),
        ({**PATIENT, "_birthDate": [{"id": "a"}]}, "Patient.birthDate", "must not be a list", "structure"),
        ({**PATIENT, "name": []}, "Patient.name", "list is empty", "structure"),
        ({**PATIENT, "name": [{}]}, "Patient.name[0]", "is empty", "structure"),
        ({**PATIENT, "name": [None]}, "Patient.name[0]", "is empty", "structure"),
        ({**PATIENT, "name": ["Ann"]}, "Patient.name[0]", "must be an object", "structure"),
        ({**PATIENT, "managingOrganization": None}, "Patient.managingOrganization", "is empty", "structure"),
        ({**PATIENT, "_birthDate": {}}, "Patient.birthDate", "is empty", "structure"),
        ({**PATIENT, "birthDate": None, "_birthDate": {"id": "a"}}, "Patient.birthDate", "is empty", "structure"),
        ({**PATIENT, "birthDate": "1980", "_birthDate": None}, "Patient.birthDate", "is empty", "structure"),
        ({**PATIENT, "managingOrganization": [{}]}, "Patient.managingOrganization", "not be a list", "structure"),
        ({**PATIENT, "name": [{"given": ["A", None]}]}, "Patient.name[0].given[1]", "is empty", "structure"),
        ({**PATIENT, "name": [{"given": ["A", None], "_given": [None, {}]}]}, "Patient.name[0].given[1]", "is empty",
         "structure"),
        ({**PATIENT, "name": [{"given": ["A", "B"], "_given": [{"id": "a"}]}]}, "Patient.name[0].given",
         "not of the same number", "structure"),
        ({**PATIENT, "birthDate": "1980", "_birthDate": {"extension": [{"valueCode": "a"}]}},
         "Patient.birthDate.extension[0].url", "required", "required"),
        ({**PATIENT, "name": [{"_id": {"id": "a"}}]}, "Patient.name[0]._id", NO_SUCH, "structure"),
        ({**PATIENT, "active": "true"}, "Patient.active", "must be true or false", "value"),
        ({**PATIENT, "active": 1}, "Patient.active", "must be true or false", "value"),
        ({**PATIENT, "gender": "M"}, "Patient.gender", "one of: female, male, other, unknown", "code-invalid"),
        ({**PATIENT, "deceasedBoolean": False, "deceasedDateTime": "2026"}, "Patient.deceased", "only one deceased[x]",
         "structure"),
        ({**OBSERVATION, "valueString": "a", "effectiveInstant": "2026-01-01T00:00:00Z", "valueInteger": 1},
         "Observation.value", "only one value[x]", "structure"),
        ({**OBSERVATION, "valueString": "a", "_valueInteger": {"id": "a"}}, "Observation.value", "only one value[x]",
         "structure"),
        ({**OBSERVATION, "component": [{"code": {"text": "a"}, "valueQuantity": {"value": "5"}}]},
         "Observation.component[0].value.value", "must be a number, without quotes", "value"),
        ({"resourceType": "Observation", "code": {"text": "a"}}, "Observation.status", "required", "required"),
        ({**TASK, "input": [{"type": {"text": "a"}}]}, "Task.input[0].value", "required", "required"),
        ({**TASK, "for": {"reference": "Patient/1", "referenc": "x"}}, "Task.for.referenc", NO_SUCH, "structure"),
        ({**PATIENT, "contained": [{"resourceType": "Patient", "born": 1}]}, "Patient.contained[0].born", NO_SUCH,
         "structure"),
        ({**PATIENT, "contained": [{"id": "a"}]}, "Patient.contained[0].resourceType", "not the name of a resource",
         "required"),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {**TASK, "status": "done"}}]},
         "Bundle.entry[0].resource.status", "one of: accepted, cancelled, ", "code-invalid"),
        ({**PATIENT, "text": {"status": "generated", "div": "<p>a</p>"}}, "Patient.text.div", "well-formed XHTML",
         "value"),
        ({**PATIENT, "text": {"status": "generated"}}, "Patient.text.div", "required", "required"),
        ({**PATIENT, "Jane Doe 1980-01-01": True}, "Patient.Aaaa Aaa 9999-99-99", NO_SUCH, "structure"),
    ],
)  # fmt: skip
def test_each_kind_of_problem_has_its_place_and_says_what_is_expected(
    resource: dict[str, Any], path: str, text: str, code: str
) -> None:
    found = problems(resource)
    assert [problem.path for problem in found] == [path]
    assert text in found[0].text
    assert found[0].code == code


@pytest.mark.parametrize(
    ("type_", "good", "wrong"),
    [
        ("Date", ["1980", "1980-02", "2024-02-29"],
         ["80", "1980-13", "2023-02-29", "0000", "1980-2-1", "1980-02-01T00:00:00Z", "1980 ", "", 1980, None]),
        ("DateTime", ["1980", "1980-02", "1980-02-01", "2026-11-22T08:00:00Z", "2026-11-22T08:00:60.123-05:00"],
         ["2026-11-22T08:00Z", "2026-11-22T08:00:00", "2026-11-22 08:00:00Z", "2026-02-30T08:00:00Z",
          "2026-11-22T25:00:00Z", "2026-11-22T08:00:00+15:00", "2026-11T08:00:00Z"]),
        ("Instant", ["2026-11-22T08:00:00Z", "2026-11-22T08:00:00.000+14:00"], ["2026-11-22", "2026"]),
        ("Time", ["08:00:00", "23:59:59.9"], ["8:00:00", "08:00", "24:00:00"]),
        ("Boolean", [True, False], ["true", 1, 0]),
        ("Integer", [0, -1, 2**31 - 1], [2**31, Number("1.0"), "1", True]),
        ("UnsignedInt", [0, 5], [-1, False]),
        ("PositiveInt", [1], [0, Number("1e2")]),
        ("Decimal", [1, Number("1.50"), Number("1e-7")], ["1.5", True, None]),
        ("Id", ["a", "A-1.b", "a" * 64], ["", "a_b", "a" * 65, "a/b", "ä"]),
        ("Code", ["a", "in-progress", "a b", "<="], ["", " a", "a ", "a  b", "a\x00", 1]),
        ("Uri", ["urn:x", "Patient/1", "http://a/b|1.0", "é"], ["", "a b", "a\n", "a\u00a0b", "\x00"]),
        ("Canonical", ["http://a/b|1.0"], ["a b"]),
        ("Oid", ["urn:oid:1.2.3"], ["1.2.3", "urn:oid:1.02", "urn:oid:3.1"]),
        ("Uuid", ["urn:uuid:C757873D-ec9a-4326-a141-556f43239520"], ["c757873d-ec9a-4326-a141-556f43239520"]),
        ("Base64Binary", ["QQ==", "QUJD\nQUJD"], ["", "a-b", "$"]),
        ("String", ["a", " a ", "a\tb\nc", "\U0001f600"], ["", "\x00", "a\x0bb", "\ufffe", 1, True]),
        ("Markdown", ["# a"], ["", 1]),
    ],
)  # fmt: skip
def test_primitive_values_are_spelled_as_fhir_has_them(type_: str, good: list[Any], wrong: list[Any]) -> None:
    def made(value: Any) -> dict[str, Any]:
        return {**PATIENT, "extension": [{"url": "urn:x", f"value{type_}": value}]}

    assert [value for value in good if problems(made(value))] == []
    assert [value for value in wrong if not problems(made(value))] == []
    assert {problem.path for value in wrong for problem in problems(made(value))} == {"Patient.extension[0].value"}


@pytest.mark.parametrize(
    "resource",
    [
        {**PATIENT, "_birthDate": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}},
        {**PATIENT, "_id": {"id": "x"}},
        {**PATIENT, "name": [{"given": ["A", None], "_given": [None, {"id": "a"}]}]},
        {**PATIENT, "name": [{"_given": [{"id": "a"}]}]},
        {**PATIENT, "contained": [{"resourceType": "Encounter", "status": "finished"}]},
        {**PATIENT, "text": {"status": "generated", "div": DIV}},
        {"resourceType": "Observation", "_status": {"id": "a"}, "code": {"text": "a"}},
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]},
    ],
)
def test_what_r4_allows_is_no_problem(resource: dict[str, Any]) -> None:
    assert problems(resource) == []


def test_the_examples_of_the_guide_have_no_problem(examples: dict[str, Path]) -> None:
    found = {name: problems(loads(path.read_bytes())) for name, path in examples.items()}
    assert {name: said for name, said in found.items() if said} == {}


def test_a_resource_full_of_problems_names_the_first_of_them() -> None:
    found = problems({**PATIENT, "name": [{"x": 1}] * 1000})
    assert len(found) == MOST_PROBLEMS
    assert found[0] == Problem("Patient.name[0].x", NO_SUCH, "structure")


@given(resource=resources())
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_resource_made_from_the_table_has_no_problem(resource: dict[str, Any]) -> None:
    assert problems(resource) == []


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=4), st.just("2026-11-22"))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from(["id", "url"]), SCALARS))


@given(resource=resources(), data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_has_no_problem_passes_through_xml(resource: dict[str, Any], data: st.DataObject) -> None:
    """Spoil one place: it is either told, or the resource is still one that XML holds to the letter."""
    spoiled = copy.deepcopy(resource)
    holder, key = data.draw(st.sampled_from(list(_places(spoiled))))
    holder[key] = data.draw(VALUES)
    if not problems(spoiled) and _all_known(spoiled):
        assert from_xml(to_xml(spoiled)) == spoiled


def _places(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield value, key
        yield from _places(item)


def _all_known(value: Any) -> bool:
    """Whether every nested resource is of a type we know, without lists that hold nothing but null."""
    if isinstance(value, dict):
        return value.get("resourceType", "Task") in resource_types() and all(map(_all_known, value.values()))
    return not isinstance(value, list) or (any(item is not None for item in value) and all(map(_all_known, value)))
