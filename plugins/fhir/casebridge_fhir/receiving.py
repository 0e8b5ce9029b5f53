"""What is new on the server, as payloads: one per Task version, each with what it refers to."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from casebridge import Payload
from casebridge.core.errors import TryAgain
from casebridge.core.jsontext import dumps
from casebridge_fhir.capability import Capability
from casebridge_fhir.companions import Companions
from casebridge_fhir.moments import UNKNOWN, latest, moment, stamp
from casebridge_fhir.polling import TaskPoll
from casebridge_fhir.reading import Reading
from casebridge_fhir.references import Entry
from casebridge_fhir.results import Results
from casebridge_fhir.server import JSON, Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
MOST_WAITING = 3  # when so many Tasks cannot be completed in one poll, the server is down rather than a record bad


class Receiver:
    """Polls one server; remembers which Task versions are safely stored."""

    def __init__(self, server: Server, settings: RestSettings, capability: Capability) -> None:
        self._server, self._settings, self._capability = server, settings, capability
        self._given: dict[str, datetime] = {}  # Task versions that were safely stored lately, by name
        self._handed: dict[str, datetime] = {}  # those that were handed over, and may yet not be stored

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """One payload per Task version changed since ``cursor`` (the highest ``meta.lastUpdated`` seen, as written).

        Each is a Bundle of type collection: the Task first, then what it refers to. Polls overlap; a version that
        was settled is not given again until the link is made anew (then the format's identity tells).
        """
        poll = TaskPoll(self._server, self._settings, cursor, self._capability)
        around = self._around(poll)
        self._forget(poll.since)
        self._handed.clear()  # what was not settled meanwhile is given again
        waiting: list[TryAgain] = []
        for page in poll.pages():
            fresh = [task for task in page if not self._is_known(task)]
            around.expect(fresh)
            for task in fresh:
                try:
                    entries = around.of(task)
                except TryAgain as e:
                    waiting.append(e)
                    if e.code != "CB-401" or len(waiting) == MOST_WAITING:
                        raise
                    log.warning("Task/%s waits: what it refers to cannot be read now", task["id"])
                    continue
                cursor = cursor if waiting else _later(cursor, task)  # never past a Task that waits
                yield self._payload(task, entries, cursor)
        if waiting:
            raise waiting[-1]

    def settled(self, name: str) -> None:
        """The payload of this name is safely stored, and need not be given again."""
        changed = self._handed.pop(name, UNKNOWN)
        if changed != UNKNOWN:
            self._given[name] = changed

    def _around(self, poll: TaskPoll) -> Companions | Results:
        """Who asks there by our name reads what came of it; else everything that a referral is made of."""
        if self._settings.requester:
            return Results(self._server)
        return Companions(self._server.base, Reading(self._server, poll.known, self._capability))

    def _is_known(self, task: dict[str, Any]) -> bool:
        name = _name(task)
        return name in self._given or name in self._handed

    def _payload(self, task: dict[str, Any], around: list[Entry], cursor: str | None) -> Payload:
        listed = [Entry(f"{self._server.base}/Task/{task['id']}", "", task), *around]
        entry = [{"fullUrl": entry.full_url, "resource": entry.resource} for entry in listed]
        data = dumps({"resourceType": "Bundle", "type": "collection", "entry": entry})
        self._handed[_name(task)] = latest(task)
        return Payload(_name(task), io.BytesIO(data), media_type=JSON, cursor=cursor)

    def _forget(self, since: datetime | None) -> None:
        if since is None:
            self._given.clear()
        else:
            self._given = {name: changed for name, changed in self._given.items() if changed >= since}


def _name(task: dict[str, Any]) -> str:
    """``Task/abc/3``; without a version, when it was changed."""
    meta = task.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else ""
    return f"Task/{task['id']}/{version or stamp(task).isoformat()}"


def _later(cursor: str | None, task: dict[str, Any]) -> str | None:
    changed = stamp(task)
    if changed == UNKNOWN or (cursor and moment(cursor) >= changed):
        return cursor
    return str(task["meta"]["lastUpdated"])
