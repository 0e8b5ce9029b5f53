"""Tasks that were taken away: a search by ``_lastUpdated`` never tells of them (FHIR R4, http 3.1.0.7)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from casebridge.core.errors import SetupError
from casebridge_fhir.capability import Capability
from casebridge_fhir.polling import is_ours
from casebridge_fhir.references import Entry, localise
from casebridge_fhir.searching import Search, matches
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
Resource = dict[str, Any]
SEVERAL = 5  # when none of so many is there, it is the server that is another one, or what we may see
WHY = {
    404: "its server finds this Task no more: it was deleted there, or is no longer shown to us",
    410: "this Task was deleted at its server",
    200: "this Task belongs to somebody else at its server by now",
}
_NO_MORE = ("versionId", "lastUpdated")


def missing(server: Server, settings: RestSettings, capability: Capability, ids: Sequence[str]) -> dict[str, str]:
    """Those of these Tasks (``Task/1``) that are gone, or not ours any more, each with why in words for people.

    One search; what it does not show is read by itself. Raises TryAgain; SetupError CB-109 when none of several is
    there: nobody deletes all of them at once.
    """
    shown = dict(_shown(server, capability, ids))
    found: dict[str, str] = {}
    for id_ in ids:
        task = shown.get(id_)
        status = 200 if task is not None else 0
        if task is None:
            answer = server.get(id_)
            status, task = answer.status, answer.resource() if answer.ok else None
        if task is not None:
            localise(Entry(f"{server.base}/{id_}", "", task))
        if status in (404, 410) or (task is not None and not is_ours(task, settings)):
            found[id_] = WHY[200 if task is not None else status]
    if len(found) == len(ids) >= SEVERAL:
        raise SetupError("CB-109", f"the FHIR server has none of {len(ids)} Tasks that it had; is base_url right?")
    return found


def taken_away(task: Mapping[str, Any]) -> Resource:
    """The Task as we last saw it, saying that it is cancelled: it is no version that its server ever had."""
    meta = {name: value for name, value in (task.get("meta") or {}).items() if name not in _NO_MORE}
    return {**task, "meta": meta, "status": "cancelled", "statusReason": {"text": "Taken away at the partner's server"}}


def _shown(server: Server, capability: Capability, ids: Sequence[str]) -> Iterator[tuple[str, Resource]]:
    wanted = ",".join(id_.partition("/")[2] for id_ in ids)
    try:
        page = Search(server, capability, "Task").first([("_id", wanted), ("_count", str(len(ids)))])
    except SetupError as error:
        if error.code == "CB-106":
            raise
        log.info("Tasks are read one by one: %s", error.message)
        return
    for entry in matches(page, server.base):
        if entry.external_id in ids:
            yield entry.external_id, entry.resource
