"""What a FHIR server says of itself to anybody: its version, its software, the time it has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import httpx2

from casebridge import Step
from casebridge.core.errors import CaseBridgeError
from casebridge_fhir.examining.findings import Words, quoted, team_of
from casebridge_fhir.server import JSON, Answer, Server

APART = 30  # seconds between two clocks that are spoken of


class Metadata:
    """Asks for the CapabilityStatement without a word of who we are; ``statement`` is it, once it was read."""

    def __init__(self, server: Server, words: Words) -> None:
        self._server, self._words = server, words
        self.statement: dict[str, Any] = {}

    def steps(self) -> Iterator[Step]:
        """What it is, and what time it has."""
        try:
            answer = self._server.exchange(request(self._server, "GET", "metadata"))
        except CaseBridgeError as e:
            finding = "ours-refused" if e.code == "CB-114" else "silent"
            yield self._words.step("metadata", finding, said=e.message, code=e.code)
            return
        yield self._read(answer)
        yield self._clock(answer.headers.get("date", ""))

    def again(self, server: Server) -> Iterator[Step]:
        """The same asked signed in, where the server is closed to others."""
        self._server = server
        if not self.statement:
            yield from self.steps()

    def can(self, type_: str, interaction: str) -> bool | None:
        """Is the interaction (``search-type``, ``update``) offered for this type? None: nothing is said."""
        resources = [r for rest in _dicts(self.statement.get("rest")) for r in _dicts(rest.get("resource"))]
        own = [i.get("code") for r in resources if r.get("type") == type_ for i in _dicts(r.get("interaction"))]
        return interaction in own if own else False if resources else None

    def _read(self, answer: Answer) -> Step:
        if (finding := _unread(answer)) is not None:
            target = quoted(urljoin(self._server.base + "/", answer.headers.get("location", "")).partition("?")[0])
            return self._words.step("metadata", finding, status=answer.status, target=target)
        found = answer.resource() or {}
        software = found.get("software")
        named = software if isinstance(software, dict) else {}
        said = [quoted(named[part]) for part in ("name", "version") if isinstance(named.get(part), str)]
        self._words.facts["team"] = team_of(" ".join([*said, str(found.get("publisher", ""))]))
        spoken = quoted(found.get("fhirVersion", "of no version"))
        if not spoken.startswith("4.0"):
            return self._words.step("metadata", "other-version", fhir=spoken)
        self.statement = found
        return self._words.step("metadata", "read", fhir=spoken, software=" ".join(said) or "software not named")

    def _clock(self, told: str) -> Step:
        try:
            theirs = parsedate_to_datetime(told)
        except ValueError:
            return self._words.step("clock", "untold")
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        ahead = round((theirs - datetime.now(UTC)).total_seconds())
        if abs(ahead) < APART:
            return self._words.step("clock", "near", seconds=abs(ahead))
        direction = "ahead of" if ahead > 0 else "behind"
        return self._words.step("clock", "apart", seconds=abs(ahead), direction=direction)


def request(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> httpx2.Request:
    """A request below the server's base, or to an address of its own."""
    known = {"Accept": JSON, **({"Content-Type": JSON} if body else {}), **headers}
    address = path if "://" in path else f"{server.base}/{path}"
    return httpx2.Request(method, address, headers=known, content=body or None)


def _unread(answer: Answer) -> str | None:
    """The finding for an answer that is no CapabilityStatement."""
    if answer.status in (401, 403):
        return "locked"
    if 300 <= answer.status < 400:
        return "elsewhere"
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        return "busy"
    if answer.status >= 500:
        return "broken"
    known = answer.ok and (answer.resource() or {}).get("resourceType") in ("CapabilityStatement", "Conformance")
    return None if known else "not-fhir"


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
