"""What a Task refers to on the partner's own FHIR server (SDOHCC 3.0.0, Direct Referral, steps 1 and 2)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

from casebridge import Context
from casebridge.core.errors import SetupError, TryAgain
from casebridge.core.signing_keys import SigningKey
from casebridge.core.steps import Step
from casebridge_fhir.capability import Capability
from casebridge_fhir.companions import Companions
from casebridge_fhir.door.refusals import Refusal
from casebridge_fhir.reading import NEEDED, Reading
from casebridge_fhir.references import RELATIVE, Entry, base_of, local_reference, references_in
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in import SignIn
from casebridge_fhir.sign_in_steps import sign_in_steps
from casebridge_fhir.tls import expiries

log = logging.getLogger("casebridge.fhir")
AT_ONCE = 4
"""Requests of one partner that may wait for its server: each holds a thread of the door."""
SILENT = "Your FHIR server does not answer as it should, and this Task refers to it"
BUSY = "Your FHIR server is being read for other Tasks of yours"
REFUSED = "Your FHIR server does not let us read what this Task refers to. Allow us to, or send all in one transaction."


class Theirs:
    """The server of one partner. Only what is below its address is ever asked for, by that address."""

    def __init__(self, settings: RestSettings, context: Context) -> None:
        self._settings, self._base_dir = settings, Path(context.base_dir)
        self._sign_in = SignIn(settings, context)
        self._server = Server(settings, auth=self._sign_in.auth, tls=self._sign_in.tls)
        self._capability = Capability(self._server, settings)
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def has(self, address: str) -> bool:
        """Is it one of its addresses?"""
        return local_reference(address, self._server.base) != address and base_of(address) == self._server.base

    def around(self, task: Mapping[str, Any]) -> list[Entry]:
        """What the Task refers to there, as it is now, in dependency order; none when it refers to nothing there.

        Each bears its whole address, and so do its own references: the same id at our door is something else.
        Refusal 422 when the order or the patient is not there, or we may not read; TryAgain CB-401.
        """
        asked = self._as_there(task)
        if not any(reference["reference"] for reference in references_in(asked)):
            return []
        with self._a_place(), self._told():
            reading = Reading(self._server, {}, self._capability)
            found = Companions(self._server.base, reading).of(asked)
        _complete(asked, found)
        return [self._whole(entry) for entry in found]

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
        except TryAgain as error:
            log.warning("what a Task refers to could not be read: %s (%s)", error.message, error.code)
            raise TryAgain(error.code, SILENT) from None


def _complete(task: Mapping[str, Any], found: list[Entry]) -> None:
    there = {f"{entry.type}/{entry.resource['id']}" for entry in found}
    for name, value in task.items():
        address = str(value.get("reference", "")) if isinstance(value, dict) else ""
        kind = address.partition("/")[0]
        if kind in NEEDED and local_reference(address) not in there:
            say = f"Your FHIR server has no such {kind}, or does not show it to us. Correct the reference."
            raise Refusal(422, say, field=f"Task.{name}")
