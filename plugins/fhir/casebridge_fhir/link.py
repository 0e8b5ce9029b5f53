"""The link ``fhir-rest``: polls a FHIR R4 server for referral Tasks and writes back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import httpx2

from casebridge import (
    Conflict,
    Context,
    Dispatch,
    Headway,
    Outcome,
    Payload,
    Population,
    Probe,
    Receipt,
    Settings,
    Withdrawal,
)
from casebridge.core.errors import CaseBridgeError
from casebridge.core.jsontext import dumps
from casebridge.core.signing_keys import SigningKey
from casebridge.core.steps import Step
from casebridge_fhir.absence import missing, taken_away
from casebridge_fhir.bulk.export import Export
from casebridge_fhir.bulk.files import Files
from casebridge_fhir.bulk.load import Load
from casebridge_fhir.capability import Capability
from casebridge_fhir.door.writes import withdrawn
from casebridge_fhir.examining.examination import Examination
from casebridge_fhir.receiving import Receiver
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in import SignIn
from casebridge_fhir.sign_in_steps import sign_in_steps
from casebridge_fhir.subscribing.subscriber import Subscriber
from casebridge_fhir.tls import expiries
from casebridge_fhir.writing import Writer, Written


class FhirRest:
    """A FHIR R4 server that we poll and write to. Tasks and results only: the order is never touched."""

    name: ClassVar[str] = "fhir-rest"
    window: ClassVar[int] = 20
    finds: ClassVar[bool] = True
    latest_only: ClassVar[bool] = True
    doors: ClassVar[tuple[str, ...]] = ("jwks", "fhir-notify")  # our keys; where it says that there is news
    Settings: ClassVar[type[Settings]] = RestSettings

    def __init__(
        self, settings: RestSettings, context: Context, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._settings, self._context, self._transport = settings, context, transport
        self._base = Path(context.base_dir)
        self._sign_in = SignIn(settings, context, transport)
        self._server = Server(settings, transport, auth=self._sign_in.auth, tls=self._sign_in.tls)
        parties = {"requester": settings.requester, "owner": settings.recipient}
        self._writer = Writer(self._server, parties, "" if settings.requester else settings.owner)
        self._capability = Capability(self._server, settings)
        self._receiver = Receiver(self._server, settings, self._capability)
        self.subscriber = Subscriber(self._server, self._capability, settings, context)

    @property
    def every(self) -> float:
        """Seconds between two polls: fewer while an urgent referral is open (SDOHCC 3.0.0, checking task status)."""
        minutes = self._settings.urgent_poll_minutes if self._receiver.urgent else self._settings.poll_minutes
        return 60 * minutes

    @property
    def remark(self) -> str:
        """Why we are not told of what is new, though we are to be."""
        return self.subscriber.remark

    def listen(self, tell: Callable[[int], None]) -> None:
        """Look whether it wrote to our mailbox that there is something new."""
        self.subscriber.listen(tell)

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """One payload per Task version changed since ``cursor`` (the highest ``meta.lastUpdated`` seen, as written).

        Each is a Bundle of type collection: the Task first, then what it refers to. Polls overlap; a version that
        was settled is not given again until the link is made anew (then the format's identity tells).
        """
        self.subscriber.tend()
        yield from self._receiver.receive(cursor)

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        """Nothing to do there, a poll takes nothing away; but this version need not be given again."""
        self._receiver.settled(payload.name)

    def send(self, dispatch: Dispatch, key: str) -> Receipt | Conflict:
        """Write the dispatch's resources in order; a repeat with the same key changes nothing more.

        Conflict, with every resource as it is there now, when one was changed since the version we worked upon.
        """
        return _answer([self._writer.write(file, _key(key, number)) for number, file in enumerate(dispatch.files)])

    def find(self, dispatch: Dispatch, key: str) -> Receipt | Conflict | None:
        """What an interrupted :meth:`send` left there; None when something of it did not arrive (send again)."""
        found = [self._writer.find(file, _key(key, number)) for number, file in enumerate(dispatch.files)]
        written = [each for each in found if each is not None]
        return _answer(written) if written and len(written) == len(found) else None

    def probe(self) -> Probe:
        """Reads the server's CapabilityStatement (FHIR 4.0, Tasks searched and written) and looks for the owner."""
        owner = self._settings.owner
        try:
            answer = self._server.get("metadata")
            if owner and not self._server.get(owner).ok:
                return Probe(False, f"{self._server.base} has no {owner}, so no Task can be addressed to it")
        except CaseBridgeError as e:
            return Probe(False, str(e))
        statement = answer.resource()
        if not answer.ok or statement is None or statement["resourceType"] != "CapabilityStatement":
            return Probe(False, f"{self._server.base} answers {answer.status} and no CapabilityStatement")
        return _judged(statement, self._server.base)

    def load(self, wanted: Population, cursor: str) -> Iterator[Payload | Withdrawal | Headway]:
        """All records of a population, by an export (Bulk Data Access): one payload for each file."""
        types = tuple(type_.removeprefix("fhir-r4/") for type_ in wanted.types)
        files = Files(self._settings, self._sign_in, self._server)
        try:
            export = Export(self._settings, self._server)
            yield from Load(self._settings, export, files).steps(replace(wanted, types=types), cursor)
        finally:
            files.close()

    def withdrawn(self, document: Mapping[str, Any]) -> bytes | None:
        """The resource as it says of itself that it counts no more."""
        last = withdrawn(dict(document))
        return None if last is None else dumps(last)

    def missing(self, external_ids: Sequence[str]) -> Mapping[str, str]:
        """Those of these Tasks that are gone, or are not ours any more."""
        tasks = [id_ for id_ in external_ids if id_.startswith("Task/")]
        found = missing(self._server, self._settings, self._capability, tasks) if tasks else {}
        for id_ in found:
            self._receiver.forget(id_)
        return found

    def taken_away(self, document: Mapping[str, Any]) -> bytes:
        """The Task as it was last seen, cancelled."""
        return dumps(taken_away(document))

    def examine(self) -> Iterator[Step]:
        """From the server's name to each of our rights there."""
        yield from Examination(self._settings, self._context, self._sign_in, self._transport).steps()

    def sign_in_steps(self, key: SigningKey | None = None) -> Iterator[Step]:
        """How far signing in gets."""
        return sign_in_steps(self._settings, self._sign_in.trouble, self._sign_in.smart, key)

    def expiries(self) -> Mapping[str, date]:
        """Until when our client certificate is good, and those that we trust."""
        return expiries(self._settings, self._base)

    def close(self) -> None:
        """Let go of connections."""
        self._server.close()
        self._sign_in.close()


def _key(key: str, number: int) -> str:
    return key if number == 0 else f"{key}.{number}"


def _answer(written: list[Written]) -> Receipt | Conflict:
    things = tuple(each.thing for each in written)
    moved = [each.thing.external_id for each in written if each.moved]
    if moved:
        return Conflict(f"{', '.join(moved)} was changed there since we read it", things)
    return Receipt(", ".join(f"{t.external_id}/_history/{t.version}" for t in things), things)


def _judged(statement: dict[str, Any], base: str) -> Probe:
    spoken = str(statement.get("fhirVersion", "nothing"))
    if not spoken.startswith("4.0"):
        return Probe(False, f"{base} speaks FHIR {spoken}; this adapter needs 4.0 (R4)")
    served = [r for rest in statement.get("rest", []) for r in rest.get("resource", [])]
    task: dict[str, Any] = next((r for r in served if r.get("type") == "Task"), {})
    can = {i.get("code") for i in task.get("interaction", [])}
    if "search-type" not in can:
        return Probe(False, f"{base} does not say that Tasks can be searched")
    writes = "and written" if "update" in can else "but not written: results cannot go back"
    return Probe("update" in can, f"{base} speaks FHIR {spoken}; Tasks can be searched {writes}")
