"""Records that belong together agree: a task and its order, a part and its whole, a person's race told twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from casebridge import Finding
from casebridge_fhir.checking.demands import type_of
from casebridge_fhir.checking.findings import finding
from casebridge_fhir.checking.places import Place
from casebridge_fhir.checking.resolving import Addresses
from casebridge_fhir.references import Entry

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
STATED = {"72826-1": ("char-1", f"{US_CORE}us-core-race"), "69490-1": ("char-2", f"{US_CORE}us-core-ethnicity")}


def check_task(entry: Entry, root: Place, addresses: Addresses) -> Iterator[Finding]:
    """A referral's order is about the same person, and based on the order of the task that this one is a part of."""
    order = addresses.find(entry.resource.get("focus"), entry)
    if order is None:
        return
    for place in root.member("for"):
        if _differ(place.value, order.get("subject"), entry, addresses):
            yield finding("wrong", "task-subject", "CB-351", "the task and its order are about two different people",
                          place, expected="the subject of the order",
                          do="Correct Task.for or the subject of the order.")  # fmt: skip
    for place in root.member("partOf"):
        yield from _check_whole(place, entry, order, addresses)


def _differ(one: Any, other: Any, entry: Entry, addresses: Addresses) -> bool:
    if not _address(one) or _address(one) == _address(other) or type_of(one) != type_of(other):
        return False
    found = addresses.find(one, entry)
    return found is None or found is not addresses.find(other, entry)


def _check_whole(place: Place, entry: Entry, order: Mapping[str, Any], addresses: Addresses) -> Iterator[Finding]:
    whole = addresses.find(place.value, entry)
    if whole is entry.resource:
        yield finding("wrong", "task-part-of", "CB-351", "a task is not a part of itself", place,
                      expected="another task")  # fmt: skip
        return
    first = addresses.find(whole.get("focus"), entry) if whole else None
    if first is None or first is order:
        return
    based = order.get("basedOn")
    origins = [addresses.find(one, entry) for one in based] if isinstance(based, list) else []
    if not any(origin is first for origin in origins):
        yield finding("wrong", "refer-1", "CB-351", "the order of a part is not based on the order of the whole", place,
                      expected="ServiceRequest.basedOn of this task's order",
                      do="Point basedOn of this task's order to the order of the task it is a part of.")  # fmt: skip


def check_stated(entries: list[tuple[Entry, Place]], addresses: Addresses) -> Iterator[Finding]:
    """char-1, char-2: the race and ethnicity in a Patient are among those that observations state of this person."""
    for code, (rule, url) in STATED.items():
        stated: dict[int, set[str]] = {}
        for entry, _ in entries:
            patient = addresses.find(entry.resource.get("subject"), entry)
            if entry.type == "Observation" and patient is not None and code in _codes(entry.resource.get("code")):
                found = stated.setdefault(id(patient), set())
                found.update(c for part in _list(entry.resource.get("component"))
                             for c in _codes(part.get("valueCodeableConcept")))  # fmt: skip
        for entry, root in entries:
            known = stated.get(id(entry.resource))
            if known and not _omb(entry.resource, url) <= known:
                says = "the Patient says otherwise than the observations about them"
                yield finding("wrong", rule, "CB-351", says, root, expected="a value that an observation states too",
                              do="Correct the Patient's extension or the observations.")  # fmt: skip


def _omb(patient: Mapping[str, Any], url: str) -> set[str]:
    parts = [part for one in _list(patient.get("extension")) if one.get("url") == url
             for part in _list(one.get("extension")) if part.get("url") == "ombCategory"]  # fmt: skip
    return {str(part["valueCoding"].get("code")) for part in parts if isinstance(part.get("valueCoding"), dict)}


def _codes(concept: Any) -> set[str]:
    listed = concept.get("coding") if isinstance(concept, dict) else None
    return {one["code"] for one in _list(listed) if isinstance(one.get("code"), str)}


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _address(reference: Any) -> str:
    address = reference.get("reference") if isinstance(reference, dict) else None
    return address if isinstance(address, str) else ""
