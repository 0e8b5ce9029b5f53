"""What a Task refers to, so that one payload tells the whole referral."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from casebridge_fhir.bundle import rank
from casebridge_fhir.logical import NEEDED, logical, mark, token
from casebridge_fhir.reading import Reading
from casebridge_fhir.references import RELATIVE, Entry, local_reference

log = logging.getLogger("casebridge.fhir")
# Only what the referral needs (minimum necessary): nothing of the chart beyond the reasons and what was sent along.
_FOLLOW = {
    "Task": ("focus", "for", "requester", "owner"),
    "ServiceRequest": ("requester", "reasonReference", "supportingInfo"),
    "PractitionerRole": ("practitioner", "organization"),
}
_INPUTS = {"Task": ("input",)}
_TAKEN = frozenset({
    "Organization", "Practitioner", "PractitionerRole", "HealthcareService", "Patient", "RelatedPerson", "Consent",
    "Condition", "ServiceRequest", "DocumentReference", "Observation", "QuestionnaireResponse",
})  # fmt: skip
MOST = 500  # resources around one Task
_SAME = frozenset({"replaced-by", "replaces"})  # Patient.link.type: two records of one person


class Companions:
    """The resources around Tasks."""

    def __init__(self, base: str, reading: Reading) -> None:
        self._base, self._reading = base, reading

    def expect(self, tasks: Sequence[dict[str, Any]]) -> None:
        """These Tasks come next: what they refer to is read together, level by level, where the server can."""
        patients = [patient for task in tasks if (patient := patient_of(task))]
        level = self._reading.ahead([a for task in tasks for a in _referred(task)], patients)
        while level:
            found = [resource for address in level if (resource := self._reading.resource(address))]
            level = self._reading.ahead([address for resource in found for address in _referred(resource)])

    def of(self, task: dict[str, Any]) -> list[Entry]:
        """The resources around ``task`` in dependency order; one that the server no longer has is left out."""
        gathered: dict[str, dict[str, Any]] = {}
        self._look_up(task)
        patient = patient_of(task)
        waiting = [*_referred(task), *(self._reading.consents(patient) if patient else [])]
        while waiting:
            address = waiting.pop()
            if len(gathered) >= MOST:
                log.warning("a Task refers to more than %d resources; the rest is left out", MOST)
                break
            resource = None if address in gathered else self._reading.resource(address)
            if resource is not None:
                gathered[address] = resource
                self._look_up(resource)
                waiting += _referred(resource)
                waiting += self._reading.consents(address) if resource["resourceType"] == "Patient" else []
        found = [Entry(f"{self._base}/{address}", "", resource) for address, resource in gathered.items()]
        return sorted(found, key=lambda entry: (rank(entry), entry.external_id))


    def _look_up(self, resource: dict[str, Any]) -> None:
        """Find what it names by an identifier alone."""
        kind = str(resource.get("resourceType"))
        for name, reference, type_ in logical(resource, (*_FOLLOW.get(kind, ()), *_INPUTS.get(kind, ()))):
            if type_ in _TAKEN or name in NEEDED:
                mark(reference, self._reading.identified(type_, token(reference)) if type_ in _TAKEN else [])


def patient_of(task: dict[str, Any]) -> str:
    """``Patient/id``, whom a Task is for; nothing when that is somebody else or on another server."""
    address = _address(task.get("for"))
    return address if address.startswith("Patient/") else ""


def _referred(resource: dict[str, Any]) -> Iterator[str]:
    kind = str(resource.get("resourceType"))
    for name in _FOLLOW.get(kind, ()):
        value = resource.get(name)
        for reference in value if isinstance(value, list) else [value]:
            if address := _address(reference):
                yield address
    for item in _inputs(resource) if kind == "Task" else ():  # what was sent along: SDOHCC, content-rich referral
        if address := _address(item.get("valueReference")):
            yield address
    yield from same_person(resource) if kind == "Patient" else ()


def _inputs(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    inputs = task.get("input")
    yield from (item for item in (inputs if isinstance(inputs, list) else []) if isinstance(item, dict))


def same_person(patient: dict[str, Any]) -> Iterator[str]:
    """The addresses of the other records of this patient: what it replaces, and what it was replaced by."""
    links = patient.get("link")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("type") in _SAME:
            address = _address(link.get("other"))
            if address.startswith("Patient/"):
                yield address


def _address(reference: Any) -> str:
    """``Type/id`` of a reference on this server, of a type we take; else nothing."""
    text = reference.get("reference") if isinstance(reference, dict) else None
    match = RELATIVE.match(local_reference(text)) if isinstance(text, str) else None
    return match.group() if match and match["type"] in _TAKEN else ""
