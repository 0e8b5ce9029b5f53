"""What a Task refers to, so that one payload tells the whole referral."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from casebridge.core.errors import SetupError
from casebridge_fhir.bundle import rank
from casebridge_fhir.capability import Capability
from casebridge_fhir.references import RELATIVE, Entry, local_reference, localise
from casebridge_fhir.searching import Search, matches
from casebridge_fhir.server import Server

log = logging.getLogger("casebridge.fhir")
# Only what the referral needs (minimum necessary): not the Task's inputs, nor anything of the chart beyond the reasons.
_FOLLOW = {
    "Task": ("focus", "for", "requester", "owner"),
    "ServiceRequest": ("requester", "reasonReference", "supportingInfo"),
    "PractitionerRole": ("practitioner", "organization"),
}
_TAKEN = frozenset({
    "Organization", "Practitioner", "PractitionerRole", "HealthcareService", "Patient", "RelatedPerson", "Consent",
    "Condition", "ServiceRequest",
})  # fmt: skip
_MOST_CONSENT_PAGES = 20


class Companions:
    """Reads what Tasks refer to, each resource once per poll."""

    def __init__(self, server: Server, known: dict[str, dict[str, Any]], capability: Capability) -> None:
        self._server, self._known, self._capability = server, known, capability
        self._missing: set[str] = set()
        self._consents: dict[str, list[str]] = {}

    def expect(self, tasks: Sequence[dict[str, Any]]) -> None:
        """These Tasks come next."""

    def of(self, task: dict[str, Any]) -> list[Entry]:
        """The resources around ``task`` in dependency order; one that the server no longer has is left out."""
        gathered: dict[str, dict[str, Any]] = {}
        waiting = list(_referred(task))
        patient = _address(task.get("for"))
        if patient.startswith("Patient/"):
            waiting += self._consents_of(patient)
        while waiting:
            address = waiting.pop()
            resource = None if address in gathered else self._read(address)
            if resource is not None:
                gathered[address] = resource
                waiting += _referred(resource)
        found = [Entry(f"{self._server.base}/{address}", "", resource) for address, resource in gathered.items()]
        return sorted(found, key=lambda entry: (rank(entry), entry.external_id))

    def _read(self, address: str) -> dict[str, Any] | None:
        if address in self._known or address in self._missing:
            return self._known.get(address)
        answer = self._server.get(address)
        resource = answer.resource() if answer.ok else None
        if resource is None or f"{resource['resourceType']}/{resource.get('id')}" != address:
            log.warning("%s: the FHIR server answers %s; going on without it", address, answer.status)
            self._missing.add(address)
            return None
        localise(Entry(f"{self._server.base}/{address}", "", resource))
        self._known[address] = resource
        return resource

    def _consents_of(self, patient: str) -> list[str]:
        """Every consent, whatever its status: one revoked since must be heard of too."""
        if patient not in self._consents:
            found = [e for page in self._consent_pages(patient) for e in matches(page, self._server.base)]
            mine = [e for e in found if e.type == "Consent" and _address(e.resource.get("patient")) == patient]
            self._known.update((entry.external_id, entry.resource) for entry in mine)
            self._consents[patient] = [entry.external_id for entry in mine]
        return self._consents[patient]

    def _consent_pages(self, patient: str) -> Iterator[dict[str, Any]]:
        try:
            search = Search(self._server, self._capability, "Consent")
            yield from search.pages([("patient", patient)], _MOST_CONSENT_PAGES)
        except SetupError as e:
            if e.code == "CB-106":
                raise
            log.warning("the FHIR server does not list consents; none is taken from it")


def _referred(resource: dict[str, Any]) -> Iterator[str]:
    for name in _FOLLOW.get(str(resource.get("resourceType")), ()):
        value = resource.get(name)
        for reference in value if isinstance(value, list) else [value]:
            if address := _address(reference):
                yield address


def _address(reference: Any) -> str:
    """``Type/id`` of a reference on this server, of a type we take; else nothing."""
    text = reference.get("reference") if isinstance(reference, dict) else None
    match = RELATIVE.match(local_reference(text)) if isinstance(text, str) else None
    return match.group() if match and match["type"] in _TAKEN else ""
