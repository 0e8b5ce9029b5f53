"""One export on one FHIR server: asked for, waited for, read, deleted (Bulk Data Access 2.0.0, "Bulk Data Export")."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from casebridge import Headway, Population
from casebridge.core.errors import CaseBridgeError, SetupError, TryAgain
from casebridge.core.jsontext import loads
from casebridge_fhir.bulk.files import NDJSON, Gone
from casebridge_fhir.bundle import ORDER
from casebridge_fhir.examining.server_steps import request
from casebridge_fhir.outcomes import codes
from casebridge_fhir.server import Answer, Server, Unanswered, retry_after
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
LONGEST_PAUSE = 300.0
"""Seconds between two questions whether it is ready, whatever the server asks for."""
_PARTS = ("output", "deleted", "error")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a manifest: ``part`` is output, deleted or error; ``count`` its resources, where that is said."""

    part: str
    type: str
    url: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was exported. ``digest`` tells whether it is still the same when it is asked for again."""

    files: tuple[File, ...]  # in the order in which they are read
    needs_token: bool
    moment: str  # transactionTime: ask for changes since then the next time

    @property
    def digest(self) -> str:
        """Of the names of the files: their addresses may be signed anew each time."""
        names = "\n".join(f"{file.part} {file.type} {file.url.partition('?')[0]}" for file in self.files)
        return hashlib.sha256(names.encode()).hexdigest()[:16]


class Export:
    """Exports at one server. Waiting is done here."""

    def __init__(self, settings: RestSettings, server: Server) -> None:
        self._settings, self._server = settings, server

    def begin(self, wanted: Population) -> str:
        """Ask for one; its status address. SetupError CB-109 when the server cannot or will not, TryAgain for later."""
        answer = self._server.retried(lambda: self._answered("GET", self._address(wanted), Prefer="respond-async"))
        if answer.status != 202:
            said = codes(answer.resource()) or "nothing more"
            remedy = "Ask the partner whether it offers Bulk Data export for this group, and to our client id."
            raise SetupError("CB-109", f"the server answers {answer.status} to $export ({said})", remedy=remedy)
        url = self._server.absolute(answer.headers.get("content-location", ""))
        if not answer.headers.get("content-location") or not self._server.same_origin(url):
            raise SetupError("CB-109", "the server does not say at its own address where the export can be asked for")
        return url

    def awaited(self, url: str) -> Iterator[Headway | Manifest]:
        """Asks until it is ready; the last one given is the Manifest. Raises Gone, TryAgain, SetupError CB-109."""
        until, pause = time.monotonic() + 3600 * self._settings.load_hours, 1.0
        while True:
            answer = self._server.retried(lambda: self._answered("GET", url, Accept="application/json"))
            if answer.status == 200:
                yield _manifest(answer)
                return
            if answer.status != 202:
                raise SetupError("CB-109", f"the export failed: the server answers {answer.status} "
                                           f"({codes(answer.resource()) or 'nothing more'})")  # fmt: skip
            yield Headway(f"the server is making the export{_progress(answer)}")
            if time.monotonic() > until:
                raise TryAgain("CB-401", f"the export is not ready after {self._settings.load_hours:g} hours")
            time.sleep(_asked_pause(answer, pause))
            pause = min(2 * pause, 60.0)

    def delete(self, url: str) -> None:
        """Tell the server that it may throw the files away; it does so sooner or later in any case."""
        try:
            status = self._server.exchange(request(self._server, "DELETE", url)).status
        except CaseBridgeError as e:
            log.info("the export could not be deleted there (%s)", e.code)
            return
        if status not in (200, 202, 204, 404, 410):
            log.info("the server answers %s to the deletion of the export", status)

    def _address(self, wanted: Population) -> str:
        query = [("_outputFormat", NDJSON), ("_since", wanted.since)]
        query.append(("_type", ",".join(wanted.types)))
        level = f"Group/{wanted.group}/" if wanted.group else "" if wanted.everything else "Patient/"
        return f"{level}$export?{urlencode([(name, value) for name, value in query if value])}"

    def _answered(self, method: str, url: str, **headers: str) -> Answer:
        """One request; 429 and 503 with Retry-After are waited out, as the server asks, up to the limit."""
        for _ in range(10):
            answer = self._server.exchange(request(self._server, method, url, b"", **headers))
            if answer.status not in (429, 503) or "retry-after" not in answer.headers:
                break
            time.sleep(_asked_pause(answer, 1.0))
        if answer.status in (401, 403):
            raise SetupError("CB-106", f"the FHIR server answers {answer.status} to our export")
        if answer.status in (404, 410) and "://" in url:
            raise Gone
        if answer.status == 429:
            raise TryAgain("CB-402", "the FHIR server asks us to wait before it exports")
        if answer.status in (502, 503, 504) or (answer.status >= 500 and "transient" in codes(answer.resource())):
            raise Unanswered(f"status {answer.status}")
        return answer


def _asked_pause(answer: Answer, otherwise: float) -> float:
    asked = retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC))
    seconds = (asked - datetime.now(UTC)).total_seconds() if asked else otherwise
    return min(LONGEST_PAUSE, max(0.1, seconds))


def _progress(answer: Answer) -> str:
    """``X-Progress`` where it is a percentage: other words are the server's own."""
    said = answer.headers.get("x-progress", "").strip()
    number = said.removesuffix("%").strip()
    return f" ({number}%)" if said.endswith("%") and number.isascii() and number.isdigit() else ""


def _manifest(answer: Answer) -> Manifest:
    try:
        found = loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("output"), list):
        raise SetupError("CB-109", "the server says that the export is ready and gives no list of its files")
    files = tuple(file for part in _PARTS for file in sorted(_files(part, found.get(part)), key=_rank))
    return Manifest(files, found.get("requiresAccessToken") is not False, str(found.get("transactionTime", "")))


def _rank(file: File) -> int:
    """What others refer to comes first."""
    return ORDER.index(file.type) if file.type in ORDER else len(ORDER)


def _files(part: str, listed: Any) -> Iterator[File]:
    for each in listed if isinstance(listed, list) else ():
        if not isinstance(each, dict) or not isinstance(each.get("url"), str):
            raise SetupError("CB-109", f"the server's list of exported files has an entry without an address ({part})")
        count = each.get("count")
        yield File(part, str(each.get("type", "")), each["url"], count if isinstance(count, int) else 0)
