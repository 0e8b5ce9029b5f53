"""What is new on the server, as payloads: one per Task version, each with what it refers to."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from casebridge import Payload
from casebridge.core.errors import CaseBridgeError, TryAgain, place_of
from casebridge.core.jsontext import dumps
from casebridge_fhir.capability import Capability
from casebridge_fhir.companions import Companions
from casebridge_fhir.moments import UNKNOWN, latest, moment, stamp
from casebridge_fhir.open_tasks import listed
from casebridge_fhir.polling import TaskPoll, is_ours
from casebridge_fhir.reading import Reading
from casebridge_fhir.references import Entry, localise
from casebridge_fhir.results import Results
from casebridge_fhir.server import JSON, Server
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.watching import Watch, digest

Resource = dict[str, Any]
log = logging.getLogger("casebridge.fhir")
TOGETHER = 5  # Tasks whose surroundings are read together
MOST_WAITING = 3  # when so many Tasks cannot be completed in one poll, the server is down rather than a record bad


@dataclass(frozen=True, slots=True)
class Handed:
    """A Task that was handed over with what is around it, and may yet not be stored; ``looked``: by a second look;
    ``unowned``: as one that nobody owns."""

    task: Resource
    around: tuple[Entry, ...]
    looked: bool = False
    unowned: bool = False


class Receiver:
    """Polls one server; remembers which Task versions are safely stored."""

    def __init__(self, server: Server, settings: RestSettings, capability: Capability) -> None:
        self._server, self._settings, self._capability = server, settings, capability
        self._watch = Watch(server, settings, capability)
        self._given: dict[str, datetime] = {}  # Task versions that were stored lately, by name: when they changed
        self._unowned: set[str] = set()  # versions of open Tasks that were stored, as long as they are open
        self._handed: dict[str, Handed] = {}

    @property
    def urgent(self) -> bool:
        """Is an urgent referral open?"""
        return self._watch.urgent

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """One payload per Task version changed since ``cursor`` (the highest ``meta.lastUpdated`` seen, as written).

        Each is a Bundle of type collection: the Task first, then what it refers to. Polls overlap; a version that
        was settled is not given again until the link is made anew (then the format's identity tells). An open Task
        comes again with the same version when its patient or a consent has changed.
        """
        poll = TaskPoll(self._server, self._settings, cursor, self._capability)
        reading = Reading(self._server, poll.known, self._capability)
        around = self._around(reading)
        self._begin(poll.since)
        waiting: list[TryAgain] = []
        for task, entries in self._with_entries((t for page in poll.pages() for t in page), around, reading, waiting):
            cursor = cursor if waiting else _later(cursor, task)  # never past a Task that waits
            yield self._payload(_name(task), Handed(task, entries), cursor)
        for task, entries in self._with_entries(self._open_ones(), around, reading, waiting):
            yield self._payload(_name(task), Handed(task, entries, unowned=True), cursor)
        if waiting:
            raise waiting[-1]
        if not self._settings.requester:
            yield from self._second_look(poll.since, reading, around, cursor)

    def _open_ones(self) -> Iterator[Resource]:
        """Tasks that nobody owns, where we may take one; those that were stored before are left out."""
        found = listed(self._server, self._settings, self._capability) if self._settings.open_tasks else []
        self._unowned &= {_name(task) for task in found}
        yield from (task for task in found if _name(task) not in self._unowned)

    def _with_entries(
        self, tasks: Iterator[Resource], around: Companions | Results, reading: Reading, waiting: list[TryAgain]
    ) -> Iterator[tuple[Resource, tuple[Entry, ...]]]:
        """Each new Task with what is around it. One that cannot be completed now is ``waiting``; the rest goes on."""
        for fresh in _some(task for task in tasks if not self._is_known(task)):
            _ahead(around, fresh)
            for task in fresh:
                try:
                    entries = self._entries(task, around, reading)
                except TryAgain as e:
                    waiting.append(e)
                    if e.code != "CB-401" or len(waiting) == MOST_WAITING:
                        raise
                    log.warning("Task/%s waits: what it refers to cannot be read now", task["id"])
                    continue
                except CaseBridgeError:
                    raise
                except Exception as e:  # noqa: BLE001 - one odd Task is held by itself; the others go on
                    log.error("Task/%s: unexpected %s at %s", task["id"], type(e).__name__, place_of(e))
                    entries = ()
                yield task, entries

    def settled(self, name: str) -> None:
        """The payload of this name is safely stored, and need not be given again."""
        handed = self._handed.pop(name, None)
        if handed is not None:
            self._watch.note(handed.task, handed.around)
            if handed.unowned:
                self._unowned.add(name)
            elif not handed.looked and latest(handed.task) != UNKNOWN:
                self._given[name] = latest(handed.task)

    def forget(self, address: str) -> None:
        """``Task/1`` is no more: nobody waits for it."""
        self._watch.drop(address.partition("/")[2])

    def _second_look(
        self, since: datetime | None, reading: Reading, around: Companions | Results, cursor: str | None
    ) -> Iterator[Payload]:
        """Open Tasks that stayed as they are while their patient or a consent changed."""
        for id_, changed in self._watch.changed(since):
            for entry in changed:
                reading.is_now(entry.external_id, entry.resource)
            answer = self._server.get(f"Task/{id_}")
            task = answer.resource()
            if not answer.ok or task is None or task.get("id") != id_ or not is_ours(task, self._settings):
                self._watch.drop(id_)
                continue
            localise(Entry(f"{self._server.base}/Task/{id_}", "", task))
            entries = self._entries(task, around, reading)
            if not self._watch.given_as(task, entries):
                yield self._payload(f"{_name(task)}+{digest(entries)}", Handed(task, entries, looked=True), cursor)

    def _entries(self, task: Resource, around: Companions | Results, reading: Reading) -> tuple[Entry, ...]:
        """What is around a Task; also a record that was merged with its patient's and no longer is."""
        found = around.of(task)
        if self._settings.requester:
            return tuple(found)
        left = [(a, resource) for a in self._watch.left(task, found) if (resource := reading.resource(a))]
        return (*found, *(Entry(f"{self._server.base}/{address}", "", resource) for address, resource in left))

    def _begin(self, since: datetime | None) -> None:
        """What was not settled meanwhile is given again."""
        if not any(handed.looked for handed in self._handed.values()):
            self._watch.confirm()
        self._handed.clear()
        self._given = {name: at for name, at in self._given.items() if since is not None and at >= since}

    def _around(self, reading: Reading) -> Companions | Results:
        """Who asks there by our name reads what came of it; else everything that a referral is made of."""
        return Results(self._server) if self._settings.requester else Companions(self._server.base, reading)

    def _is_known(self, task: Resource) -> bool:
        name = _name(task)
        return name in self._given or name in self._handed

    def _payload(self, name: str, handed: Handed, cursor: str | None) -> Payload:
        listed = [Entry(f"{self._server.base}/Task/{handed.task['id']}", "", handed.task), *handed.around]
        entry = [{"fullUrl": entry.full_url, "resource": entry.resource} for entry in listed]
        data = dumps({"resourceType": "Bundle", "type": "collection", "entry": entry})
        self._handed[name] = handed
        return Payload(name, io.BytesIO(data), media_type=JSON, cursor=cursor)


def _ahead(around: Companions | Results, tasks: list[Resource]) -> None:
    """Read what these Tasks refer to together; where there is no answer, each is read by itself."""
    try:
        around.expect(tasks)
    except TryAgain as e:
        if e.code != "CB-401":
            raise


def _some(tasks: Iterator[Resource]) -> Iterator[list[Resource]]:
    """A few at a time: when the server sends us away in the middle, those before are safe."""
    while some := list(islice(tasks, TOGETHER)):
        yield some


def _name(task: Resource) -> str:
    """``Task/abc/3``; without a version, when it was changed."""
    meta = task.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else ""
    return f"Task/{task['id']}/{version or stamp(task).isoformat()}"


def _later(cursor: str | None, task: Resource) -> str | None:
    changed = stamp(task)
    if changed == UNKNOWN or (cursor and moment(cursor) >= changed):
        return cursor
    return str(task["meta"]["lastUpdated"])
