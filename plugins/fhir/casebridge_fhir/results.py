"""What a recipient says was done: the resources that the outputs of our Tasks on its server name.

The rest around such a Task are copies that we made there ourselves: read back, they would be our own words as its.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from casebridge_fhir.references import RELATIVE, Entry, local_reference, localise
from casebridge_fhir.server import Server

log = logging.getLogger("casebridge.fhir")
_TAKEN = frozenset({"Procedure", "Observation", "Condition", "Goal", "DocumentReference", "QuestionnaireResponse"})


class Results:
    """Reads what the outputs of Tasks name, each resource once per poll."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[str, dict[str, Any] | None] = {}

    def expect(self, tasks: Sequence[dict[str, Any]]) -> None:
        """These Tasks come next; their results are few and are read one by one."""

    def of(self, task: dict[str, Any]) -> list[Entry]:
        """The results that ``task`` names and the server shows; what it does not have is left out."""
        found = [(address, self._read(address)) for address in dict.fromkeys(self._named(task))]
        return [Entry(f"{self._server.base}/{address}", "", resource) for address, resource in found if resource]

    def _named(self, task: dict[str, Any]) -> Iterator[str]:
        outputs = task.get("output")
        for output in outputs if isinstance(outputs, list) else []:
            value = output.get("valueReference") if isinstance(output, dict) else None
            text = value.get("reference") if isinstance(value, dict) else None
            match = RELATIVE.match(local_reference(text, self._server.base)) if isinstance(text, str) else None
            if match and match["type"] in _TAKEN:
                yield f"{match['type']}/{match['id']}"

    def _read(self, address: str) -> dict[str, Any] | None:
        if address not in self._known:
            answer = self._server.get(address)
            resource = answer.resource() if answer.ok else None
            if resource is None or f"{resource['resourceType']}/{resource.get('id')}" != address:
                log.warning("%s: the FHIR server answers %s; going on without it", address, answer.status)
                resource = None
            else:
                localise(Entry(f"{self._server.base}/{address}", "", resource))
            self._known[address] = resource
        return self._known[address]
