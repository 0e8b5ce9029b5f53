"""The native records ``fhir-r4/<Resource>``: which elements a FHIR R4 resource has, for maps to be checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from casebridge import Natives
from casebridge.core.native import Element, ElementType
from casebridge_fhir.r4 import ANY_RESOURCE, table

_PRIMITIVES: dict[str, ElementType] = {
    "boolean": "boolean", "integer": "number", "decimal": "number", "positiveInt": "number", "unsignedInt": "number",
    "date": "date", "dateTime": "moment", "instant": "moment",
}  # fmt: skip
_RESOURCES = (
    "Condition", "Consent", "Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse", "Device",
    "DocumentReference", "Goal", "Group", "HealthcareService", "Location", "Observation", "Organization", "Patient",
    "Practitioner", "PractitionerRole", "Procedure", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Task",
)  # fmt: skip
_SOURCE = "HL7 FHIR R4"


@cache
def fields_of(type_: str) -> Mapping[str, Element]:
    """The elements of a resource or data type by name; ``_birthDate`` and the like hold a primitive's extensions."""
    found: dict[str, Element] = {}
    for row in table()[type_].values():
        source = f"{_SOURCE} {type_}.{row.name}"
        if row.of == ANY_RESOURCE:
            found[row.name] = Element("any", row.many, source=source)
            continue
        if not row.primitive:
            found[row.name] = _group(row.of, source, row.many, row.required)
            continue
        kind = _PRIMITIVES.get(row.of, "text")
        found[row.name] = Element(kind, row.many, row.codes, row.required, about=row.of, source=source)
        if row.of != "xhtml":
            found[f"_{row.name}"] = _group("Element", source, row.many)
    if type_ in _RESOURCES:
        found["resourceType"] = Element(codes=frozenset({type_}), required=True, source=f"{_SOURCE} JSON")
    return found


def _group(type_: str, source: str, many: bool = False, required: bool = False) -> Element:
    if type_ == "Element":
        return Element("group", many, about="Element", source=source, children=_element)
    return Element("group", many, required=required, about=type_, source=source, children=lambda: fields_of(type_))


def _element() -> Mapping[str, Element]:
    whole = fields_of("Extension")
    return {"id": whole["id"], "extension": whole["extension"]}


def element(record: str, shape: Mapping[str, Any], folder: Path) -> Element | None:
    """The schema of ``record``, with the parents that ``shape`` joins under their names; None for others."""
    if record not in _RESOURCES:
        return None
    joined = {name: _parent(said) for name, said in (shape.get("parents") or {}).items()}
    source = f"{_SOURCE} {record}"
    return Element("group", about=record, source=source, children=lambda: {**fields_of(record), **joined})


def _parent(said: Mapping[str, Any]) -> Element:
    """A parent is the partner's unless the shape says that it is ours."""
    type_ = str(said.get("type"))
    if type_ not in _RESOURCES:
        return Element("any", owner=_owner(said), about=type_)
    return replace(_group(type_, f"{_SOURCE} {type_}"), owner=_owner(said))


def _owner(said: Mapping[str, Any]) -> Any:
    return "ours" if said.get("owner") == "ours" else "theirs"


NATIVES = Natives("fhir-r4", _RESOURCES, element)
