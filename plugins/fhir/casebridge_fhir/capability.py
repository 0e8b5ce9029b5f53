"""What one FHIR server can do: what its CapabilityStatement says, what our settings know better, what trying taught."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

from casebridge.core.errors import CaseBridgeError
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
KEPT = 24 * 3600.0  # seconds until a statement is read anew: servers are upgraded
ASKED_AGAIN = 900.0  # seconds until one that could not be read is asked for again


class Capability:
    """One server's abilities, for as long as a link lives. Whatever is not known to work is done the plain way."""

    def __init__(self, server: Server, settings: RestSettings) -> None:
        self._server, self._settings = server, settings
        self._statement: dict[str, Any] = {}
        self._until = 0.0
        self.refused: set[str] = set()  # what the server said no to: strict:Task, _include, batch, search:Patient ...
        self.sorts: bool | None = None  # does it heed _sort? None: not seen yet

    def statement(self) -> dict[str, Any]:
        """The server's CapabilityStatement; empty when it has none for us. Never raises."""
        if time.monotonic() >= self._until:
            try:
                answer = self._server.get("metadata")
                found = answer.resource() if answer.ok else None
            except CaseBridgeError as error:
                log.info("the FHIR server's CapabilityStatement cannot be read (%s)", error.code)
                found = None
            known = found is not None and found["resourceType"] == "CapabilityStatement"
            self._statement = found if found is not None and known else {}
            self._until = time.monotonic() + (KEPT if known else ASKED_AGAIN)
        return self._statement

    @property
    def batch(self) -> bool:
        """Can many reads be asked for in one request?"""
        if "batch" in self.refused:
            return False
        if self._settings.batch is not None:
            return self._settings.batch
        said = [interaction.get("code") for rest in self._rests() for interaction in _dicts(rest.get("interaction"))]
        return "batch" in said

    def _rests(self) -> Iterator[dict[str, Any]]:
        for rest in _dicts(self.statement().get("rest")):
            if rest.get("mode") in ("server", None):
                yield rest


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
