"""What a Task refers to on the partner's own FHIR server (SDOHCC 3.0.0, Direct Referral, steps 1 and 2)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

from casebridge import Context
from casebridge.core.errors import RecordError, SetupError, TryAgain
from casebridge.core.signing_keys import SigningKey
from casebridge.core.steps import Step
from casebridge_fhir.capability import Capability
from casebridge_fhir.companions import Companions
from casebridge_fhir.door.refusals import Refusal
from casebridge_fhir.reading import NEEDED, Reading, Resource
from casebridge_fhir.references import RELATIVE, Entry, local_reference, references_in
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in import SignIn
from casebridge_fhir.sign_in_steps import sign_in_steps
from casebridge_fhir.tls import expiries

log = logging.getLogger("casebridge.fhir")
EACH, ALL = 10.0, 20.0
"""Seconds for one answer, and after which no more is asked for: the hospital waits for ours meanwhile."""
MOST = 200  # reads for one request
AT_ONCE = 4
"""Requests of one partner that may wait for its server: each holds a thread of the door."""
SILENT = "Your FHIR server does not answer as it should, and this Task refers to it"
BUSY = "Your FHIR server is being read for other Tasks of yours"
ODD = "What this Task refers to on your FHIR server is too large or cannot be read. Send it all in one transaction."
REFUSED = "Your FHIR server does not let us read what this Task refers to. Allow us to, or send all in one transaction."


class Theirs:
    """The server of one partner. Only what is below its address is ever asked for, by that address."""

    def __init__(self, settings: RestSettings, context: Context) -> None:
        self._settings, self._base_dir = settings, Path(context.base_dir)
        self._sign_in = SignIn(settings, context)
        soon = {"timeout": min(settings.timeout, EACH), "total_timeout": min(settings.total_timeout, EACH)}
        once = settings.model_copy(update={"attempts": 1, **soon})
        self._server = Server(once, auth=self._sign_in.auth, tls=self._sign_in.tls)
        self._capability = Capability(self._server, settings)
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def has(self, address: str) -> bool:
        """Is it one of its addresses? Not of a version: what is read there is as it is now."""
        local = local_reference(address, self._server.base)
        return local != address and address == f"{self._server.base}/{local}"

    def around(self, tasks: Iterable[Mapping[str, Any]], is_new: Callable[[Mapping[str, Any]], bool]) -> list[Entry]:
        """What Tasks refer to there, as it is now, in dependency order; none when they refer to nothing there.

        Each bears its whole address and no id, and so do its own references: the same id at our door is something else.
        Refusal 422 when the order or the patient of a new one is not there, there is too much, or we may not read;
        TryAgain CB-401 when there is no answer in time.
        """
        asked = [(task, self._as_there(task)) for task in tasks]
        asked = [(task, there) for task, there in asked if any(r["reference"] for r in references_in(there))]
        if not asked:
            return []
        found: dict[str, Entry] = {}
        with self._a_place(), self._told():
            companions = Companions(self._server.base, _Bounded(self._server, {}, self._capability))
            for task, there in asked:
                around = companions.of(there)
                if is_new(task):
                    _complete(there, around)
                found |= {entry.full_url: entry for entry in around}
        return [self._whole(entry) for entry in found.values()]

    def probe(self) -> str:
        """Why it cannot be read; nothing when it answers."""
        try:
            answer = self._server.get("metadata")
        except (SetupError, TryAgain) as error:
            return error.message
        return "" if answer.ok else f"{self._server.base} answers {answer.status}"

    def sign_in_steps(self, key: SigningKey | None = None) -> Iterator[Step]:
        """How far signing in there gets."""
        return sign_in_steps(self._settings, self._sign_in.trouble, self._sign_in.smart, key)

    def expiries(self) -> Mapping[str, date]:
        """Until when our client certificate is good, and those that we trust."""
        return expiries(self._settings, self._base_dir)

    def close(self) -> None:
        """Let go of connections."""
        self._server.close()
        self._sign_in.close()

    def _as_there(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The Task as it would stand there; what it refers to elsewhere, at our door above all, is left out."""
        copy = deepcopy(dict(task))
        for reference in references_in(copy):
            address = reference["reference"]
            reference["reference"] = local_reference(address, self._server.base) if self.has(address) else ""
            if not reference["reference"]:
                reference.pop("identifier", None)
        return copy

    def _whole(self, entry: Entry) -> Entry:
        resource = {name: value for name, value in deepcopy(entry.resource).items() if name != "id"}
        for reference in references_in(resource):
            if RELATIVE.match(reference["reference"]):
                reference["reference"] = f"{self._server.base}/{reference['reference']}"
        return Entry(entry.full_url, entry.pointer, resource)

    @contextmanager
    def _a_place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise TryAgain("CB-401", BUSY)
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Its own people are told what is wrong with it, in their words."""
        try:
            yield
        except SetupError as error:
            log.warning("what a Task refers to could not be read: %s (%s)", error.message, error.code)
            raise Refusal(422, REFUSED, code=error.code, field="Task.focus") from None
        except RecordError as error:
            log.warning("what a Task refers to could not be read: %s (%s)", error.message, error.code)
            raise Refusal(422, ODD, code=error.code, field="Task.focus") from None
        except TryAgain as error:
            log.warning("what a Task refers to could not be read: %s (%s)", error.message, error.code)
            raise TryAgain(error.code, SILENT) from None


class _Bounded(Reading):
    """So many reads in so much time, for whoever waits for the answer."""

    def __init__(self, server: Server, known: dict[str, Resource], capability: Capability) -> None:
        super().__init__(server, known, capability)
        self._until, self._left = time.monotonic() + ALL, MOST

    def resource(self, address: str) -> Resource | None:
        """Raises Refusal 422 for too many, TryAgain CB-401 when the time is over."""
        self._count()
        return super().resource(address)

    def consents(self, patient: str) -> list[str]:
        """The same."""
        self._count()
        return super().consents(patient)

    def identified(self, kind: str, token: str) -> list[str]:
        """The same."""
        self._count()
        return super().identified(kind, token)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Refusal(422, f"This refers to more than {MOST} resources on your FHIR server. Send fewer at a time.")
        if time.monotonic() > self._until:
            raise TryAgain("CB-401", SILENT)


def _complete(task: Mapping[str, Any], found: list[Entry]) -> None:
    there = {f"{entry.type}/{entry.resource['id']}" for entry in found}
    for name, value in task.items():
        address = str(value.get("reference", "")) if isinstance(value, dict) else ""
        kind = address.partition("/")[0]
        if kind in NEEDED and local_reference(address) not in there:
            say = f"Your FHIR server has no such {kind}, or does not show it to us. Correct the reference."
            raise Refusal(422, say, field=f"Task.{name}")
