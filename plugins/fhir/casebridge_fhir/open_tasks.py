"""Open Tasks: nobody owns them yet, and whoever accepts one takes it (SDOHCC 3.0.0, Task For Referral Management)."""

from __future__ import annotations

import logging
from typing import Any

from casebridge.core.errors import RecordError, SetupError
from casebridge_fhir.capability import Capability
from casebridge_fhir.polling import TASK_CODES, is_ours, is_task
from casebridge_fhir.references import local_reference
from casebridge_fhir.searching import Query, Search, matches
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
Resource = dict[str, Any]
TAKES = frozenset({"accepted", "in-progress", "on-hold", "completed", "failed"})


def listed(server: Server, settings: RestSettings, capability: Capability) -> list[Resource]:
    """Every Task that waits for somebody to take it. They are few, so all are listed at each poll, old and new.

    Raises TryAgain; a server that refuses the search is told of, and the other Tasks are read all the same.
    """
    query: Query = [("code", f"{TASK_CODES}|fulfill"), ("status", "requested"), ("owner:missing", "true")]
    query.append(("_count", str(settings.page_size)))
    try:
        pages = list(Search(server, capability, "Task").pages(query, settings.max_pages))
    except SetupError as error:
        if error.code == "CB-106":
            raise
        log.warning("open Tasks are not listed: %s", error.message)
        return []
    found = [entry for page in pages for entry in matches(page, server.base) if is_task(entry)]
    return list({str(e.resource["id"]): e.resource for e in found if is_ours(e.resource, settings)
                 and is_open(e.resource)}.values())  # fmt: skip


def is_open(task: Resource) -> bool:
    """Does it wait for somebody to take it?"""
    return not task.get("owner") and task.get("status") == "requested"


def owned(task: Resource, owner: str, base: str) -> Resource:
    """A Task as we may write it: what we accept is ours; what we decline stays open for others, with our reason.

    RecordError CB-353 where it belongs to somebody else by now.
    """
    given = task.get("owner")
    if not given:
        status = task.get("status")
        ours = {"owner": {"reference": owner}} if status in TAKES else {}
        return {**task, **ours, **({"status": "requested"} if status == "rejected" else {})}
    reference = given.get("reference") if isinstance(given, dict) else None
    if isinstance(reference, str) and local_reference(reference, base) != owner:
        raise RecordError("CB-353", f"Task/{task['id']} belongs to somebody else there by now", field="Task.owner")
    return task
