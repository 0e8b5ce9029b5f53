"""The elements of FHIR R4 as maps see them, against the profiles' own StructureDefinitions where they are at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.natives import NATIVES, element, fields_of

from casebridge.core.native import Element

SAMPLES = Path(os.environ.get("CASEBRIDGE_SAMPLES", Path(__file__).resolve().parents[3] / "../shared/samples"))
PROFILES = sorted((SAMPLES / "fhir" / "profiles").glob("*.json"))
NOT_R4 = {"offeredIn"}  # the snapshots of HealthcareService take it from R5; that of Condition adds to meta
HERE = Path()


def at(record: str, path: str, shape: dict[str, Any] | None = None) -> Element | None:
    found = element(record, shape or {}, HERE)
    for step in path.split("."):
        found = found.fields.get(step) if found else None
    return found


@pytest.mark.parametrize(
    ("record", "path", "type_", "many", "required"),
    [
        ("Patient", "birthDate", "date", False, False),
        ("Patient", "name", "group", True, False),
        ("Patient", "name.given", "text", True, False),
        ("Patient", "deceasedBoolean", "boolean", False, False),
        ("Patient", "deceasedDateTime", "moment", False, False),
        ("Patient", "_birthDate.extension.url", "text", False, True),
        ("Patient", "extension.extension.extension.extension.valueCoding.code", "text", False, False),
        ("Patient", "contained", "any", True, False),
        ("Task", "status", "text", False, True),
        ("Task", "output.valueReference.identifier.assigner.identifier.value", "text", False, False),
        ("Condition", "subject", "group", False, True),
        ("Observation", "component.valueQuantity.value", "number", False, False),
    ],
)
def test_an_element_has_the_type_and_cardinality_of_the_specification(
    record: str, path: str, type_: str, many: bool, required: bool
) -> None:
    found = at(record, path)
    assert found is not None
    assert (found.type, found.many, found.required) == (type_, many, required)


@pytest.mark.parametrize("path", ["birthdate", "name.first", "deceased", "value", "output", "extension.value"])
def test_what_the_specification_does_not_have_is_not_there(path: str) -> None:
    assert at("Patient", path) is None


def test_only_required_bindings_close_a_list_of_codes() -> None:
    assert at("Task", "status").codes >= {"requested", "received", "ready", "entered-in-error"}  # type: ignore[union-attr,operator]
    assert at("Patient", "gender").codes == {"male", "female", "other", "unknown"}  # type: ignore[union-attr]
    assert at("Task", "businessStatus.coding.code").codes is None  # type: ignore[union-attr]
    assert at("Task", "resourceType").codes == {"Task"}  # type: ignore[union-attr]


def test_parents_of_the_shape_stand_under_their_names_and_are_theirs_unless_it_says_ours() -> None:
    shape = {"parents": {"order": {"type": "ServiceRequest"}, "made": {"type": "Procedure", "owner": "ours"}}}
    order, made = at("Task", "order", shape), at("Task", "made", shape)
    assert order is not None
    assert made is not None
    assert (order.owner, made.owner) == ("theirs", "ours")
    assert at("Task", "order.reasonReference.reference", shape) is not None
    assert at("Task", "order.nothing", shape) is None
    assert at("Task", "order") is None


def test_a_resource_we_do_not_know_has_no_schema() -> None:
    assert element("Spaceship", {}, HERE) is None
    assert all(element(name, {}, HERE) is not None for name in NATIVES.records)


def claims(profile: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The elements of a StructureDefinition below its resource, slices and choices apart."""
    for said in profile["snapshot"]["element"]:
        _, _, path = said["path"].partition(".")
        if path and "[x]" not in path and ":" not in said["id"] and path not in NOT_R4 and path[:5] != "meta.":
            yield path, said


@pytest.mark.skipif(not PROFILES, reason="no StructureDefinitions (CASEBRIDGE_SAMPLES)")
def test_the_elements_are_those_of_the_structure_definitions() -> None:
    checked = 0
    for file in PROFILES:
        profile = json.loads(file.read_text(encoding="utf-8"))
        if profile["type"] not in NATIVES.records:
            continue
        for path, said in claims(profile):
            found = at(profile["type"], path)
            assert found is not None, f"{profile['type']}.{path}"
            assert found.many is (said["base"]["max"] == "*"), f"{profile['type']}.{path}"
            if "." not in path:
                assert not found.required or said["base"]["min"] == 1, f"{profile['type']}.{path}"
                assert found.required or said["base"]["min"] == 0, f"{profile['type']}.{path}"
            checked += 1
    assert checked > 500


@pytest.mark.skipif(not PROFILES, reason="no StructureDefinitions (CASEBRIDGE_SAMPLES)")
def test_every_choice_of_a_value_is_there() -> None:
    for file in PROFILES:
        profile = json.loads(file.read_text(encoding="utf-8"))
        if profile["type"] not in NATIVES.records:
            continue
        for said in profile["snapshot"]["element"]:
            names = [said["path"].removesuffix("[x]").split(".")[-1] + t["code"][0].upper() + t["code"][1:]
                     for t in said.get("type", ()) if said["path"].endswith("[x]")]  # fmt: skip
            parent = said["path"].split(".")[1:-1]
            for name in names if "[x]" not in "".join(parent) else ():
                assert at(profile["type"], ".".join([*parent, name])) is not None, f"{said['path']} {name}"


def test_the_table_is_read_lazily_and_types_are_shared() -> None:
    assert fields_of("Extension")["extension"].fields is fields_of("Extension")
