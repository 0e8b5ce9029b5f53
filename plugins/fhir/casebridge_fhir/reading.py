"""Resources of one server by their addresses, each read once per poll: many in one request where the server can."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from casebridge.core.errors import SetupError, TryAgain
from casebridge.core.jsontext import dumps
from casebridge_fhir.capability import Capability
from casebridge_fhir.references import Entry, identifiers, localise
from casebridge_fhir.searching import Search, has_more, matches
from casebridge_fhir.server import Forbidden, Server

log = logging.getLogger("casebridge.fhir")
Resource = dict[str, Any]
WORTH_A_BATCH = 3  # reads; fewer are as quick one by one
NEEDED = frozenset({"Patient", "ServiceRequest"})  # without the right to read these no referral is understood
LONGEST = 500  # characters of an identifier that is looked up: it goes into an address
BATCH = 50  # reads in one request
_MOST_CONSENT_PAGES = 20


class Reading:
    """What was read so far; ``known`` may have more from elsewhere."""

    def __init__(self, server: Server, known: dict[str, Resource], capability: Capability) -> None:
        self._server, self._known, self._capability = server, known, capability
        self._missing: set[str] = set()
        self._consents: dict[str, list[str]] = {}
        self._identified: dict[tuple[str, str], list[str]] = {}

    def resource(self, address: str) -> Resource | None:
        """The resource at ``Type/id``; None when the server does not have it (any more)."""
        if address in self._known or address in self._missing:
            return self._known.get(address)
        try:
            answer = self._server.get(address)
        except Forbidden:
            if address.partition("/")[0] in NEEDED:
                raise
            return self._keep(address, None, 403)
        return self._keep(address, answer.resource() if answer.ok else None, answer.status)

    def is_now(self, address: str, resource: Resource) -> None:
        """The resource was found elsewhere, and need not be read."""
        self._keep(address, resource, 200)

    def consents(self, patient: str) -> list[str]:
        """The addresses of every consent of ``Patient/id``, whatever its status: a revoked one must be heard of too."""
        if patient not in self._consents:
            pages = [entry for page in self._consent_pages(patient) for entry in matches(page, self._server.base)]
            self._keep_consents(patient, pages)
        return self._consents[patient]

    def identified(self, kind: str, token: str) -> list[str]:
        """The addresses of the resources of this type that carry an identifier (``system|value``); none where the
        server cannot be asked so: a list of everybody is not read through for one of them."""
        if not token or len(token) > LONGEST:
            return []
        if (kind, token) not in self._identified:
            self._identified[kind, token] = [self._found(entry) for entry in self._carriers(kind, token)]
        return self._identified[kind, token]

    def _carriers(self, kind: str, token: str) -> list[Entry]:
        system, _, value = token.rpartition("|")
        search = Search(self._server, self._capability, kind)
        try:
            page = search.first([("identifier", token)])
        except SetupError as e:
            if e.code == "CB-106":
                raise
            log.warning("the FHIR server does not look %s up by identifier", kind)
            return []
        if "identifier" in search.dropped:
            log.warning("the FHIR server ignores the identifier of a %s", kind)
            return []
        found = {e.external_id: e for e in matches(page, self._server.base) if e.type == kind}
        same = {"system": system, "value": value}
        return [e for e in found.values() if any(same.items() <= one.items() for one in identifiers(e.resource))]

    def _found(self, entry: Entry) -> str:
        self._known.setdefault(entry.external_id, entry.resource)
        return entry.external_id

    def ahead(self, addresses: Iterable[str], patients: Iterable[str] = ()) -> list[str]:
        """Read all of these together if that saves requests: the addresses that are known only since now."""
        searches = [f"Consent?patient={p}" for p in dict.fromkeys(patients) if p not in self._consents]
        wanted = [a for a in dict.fromkeys(addresses) if a not in self._known and a not in self._missing] + searches
        if len(wanted) < WORTH_A_BATCH or not self._capability.batch:
            return []
        for begin in range(0, len(wanted), BATCH):
            self._batch(wanted[begin : begin + BATCH])
        return [address for address in wanted if address in self._known]

    def _batch(self, wanted: Sequence[str]) -> None:
        """What a batch leaves open for whatever reason is read by itself when it is needed."""
        asked = [{"request": {"method": "GET", "url": url}} for url in wanted]
        try:
            answer = self._server.ask(dumps({"resourceType": "Bundle", "type": "batch", "entry": asked}))
        except TryAgain as error:
            if error.code != "CB-401":
                raise
            return
        bundle = answer.resource()
        if not answer.ok or bundle is None or bundle.get("type") != "batch-response":
            log.warning("the FHIR server answers %s to many reads at once; reading one by one", answer.status)
            self._capability.refused.add("batch")
            return
        entries = bundle.get("entry")
        for url, entry in zip(wanted, entries if isinstance(entries, list) else [], strict=False):
            self._taken(url, entry if isinstance(entry, dict) else {})

    def _taken(self, url: str, entry: Resource) -> None:
        response, resource = entry.get("response"), entry.get("resource")
        status = str(response.get("status", "")) if isinstance(response, dict) else ""
        if url.startswith("Consent?"):
            found = resource if isinstance(resource, dict) and resource.get("resourceType") == "Bundle" else None
            if status.startswith("2") and found is not None and not has_more(found):
                self._keep_consents(url.partition("=")[2], list(matches(found, self._server.base)))
        elif status.startswith("2") and isinstance(resource, dict) and _address(resource) == url:
            self._keep(url, resource, 200)
        elif status[:3] in ("404", "410"):
            self._keep(url, None, int(status[:3]))

    def _keep(self, address: str, resource: Resource | None, status: int) -> Resource | None:
        if resource is None or _address(resource) != address:
            log.warning("%s: the FHIR server answers %s; going on without it", address, status)
            self._missing.add(address)
            return None
        localise(Entry(f"{self._server.base}/{address}", "", resource))
        self._known[address] = resource
        return resource

    def _keep_consents(self, patient: str, found: Sequence[Entry]) -> None:
        mine = [e for e in found if e.type == "Consent" and _names(e.resource.get("patient"), patient)]
        self._known.update((entry.external_id, entry.resource) for entry in mine)
        self._consents[patient] = [entry.external_id for entry in mine]

    def _consent_pages(self, patient: str) -> Iterator[Resource]:
        try:
            search = Search(self._server, self._capability, "Consent")
            yield from search.pages([("patient", patient)], _MOST_CONSENT_PAGES)
        except SetupError as e:
            if e.code == "CB-106":
                raise
            log.warning("the FHIR server does not list consents; none is taken from it")


def _address(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _names(reference: Any, address: str) -> bool:
    return isinstance(reference, dict) and reference.get("reference") == address
