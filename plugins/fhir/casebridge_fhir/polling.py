"""Tasks that changed on the server since last time, each with what the search brought along."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeGuard

from casebridge_fhir.bundle import entries
from casebridge_fhir.capability import Capability
from casebridge_fhir.moments import UNKNOWN, floor, instant, latest, moment, stamp
from casebridge_fhir.references import RELATIVE, Entry, local_reference
from casebridge_fhir.searching import EndlessList, PageGone, Query, Search, again, matches
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
Resource = dict[str, Any]
TASK_CODES = "http://hl7.org/fhir/CodeSystem/task-code"
_STEPS = frozenset({"_sort", "_lastUpdated"})  # what reading by stamps needs
_INCLUDE = ("Task:focus", "Task:patient", "Task:requester", "Task:owner")


class TaskPoll:
    """One search for referral Tasks (``code=fulfill``), read page by page."""

    def __init__(self, server: Server, settings: RestSettings, cursor: str | None, capability: Capability) -> None:
        self._server, self._settings, self._capability = server, settings, capability
        self._search = Search(server, capability, "Task")
        self.since = since(cursor, settings)
        self.known: dict[str, Resource] = {}  # what the searches brought along, by Type/id
        self._newest = UNKNOWN
        self._seen: set[tuple[str, str]] = set()

    @property
    def dropped(self) -> set[str]:
        """Parameters the server does not heed; what they ask for is done here."""
        return self._search.dropped | set(self._settings.ignored_parameters)

    def pages(self) -> Iterator[list[Resource]]:
        """Referral Tasks, each version once, oldest change first; those with equal stamps all come.

        A server that does not sort is read to its end before the first Task is given, so that the cursor
        can never pass something unread. SetupError CB-109 when ``max_pages`` would cut such a reading short.
        """
        found = self._found()
        first = next(found, [])
        if "_sort" in self.dropped:
            yield sorted([*first, *(task for page in found for task in page)], key=stamp)
            return
        try:
            yield sorted(first, key=stamp)
            for page in found:
                yield sorted(page, key=stamp)
        except EndlessList:
            if self.since is not None and self._newest - self.since <= timedelta(seconds=self._settings.overlap):
                raise
            log.info("max_pages read; the next poll goes on from here")

    def _found(self) -> Iterator[list[Resource]]:
        told: set[str] = set()
        for bundle in self._bundles():
            if ignored := self.dropped - told - {"_include"}:
                log.warning("the FHIR server ignores %s; filtering here", ", ".join(sorted(ignored)))
                told |= ignored
            found = [task for task in self._resources(bundle) if self._wanted(task)]
            self._newest = max([self._newest, *map(stamp, found)])
            yield [task for task in found if self._is_new(task)]

    def _bundles(self) -> Iterator[Resource]:
        """The search's pages: where we can, each by a search of its own that begins at the last stamp seen.

        A ``next`` link counts positions on some servers; a Task changed meanwhile moves to the end of the list, and
        the first Task of the next page would be skipped. Such links are followed only where stamps do not grow, or
        where the server does not sort; when one leads nowhere any more, the search begins anew.
        """
        start, url, restarts = self.since, "", 0
        for _ in range(self._settings.max_pages):
            try:
                bundle = self._search.page(url) if url else self._search.first(self._query(start))
            except PageGone:
                url, restarts = "", again(restarts)
                continue
            newest = self._look(bundle, None if url else start)
            following = self._search.following(bundle)
            if following and self._capability.sorts is None:
                self._prove_sorted(following, newest)
            yield bundle
            if not following:
                return
            grown = newest != UNKNOWN and (start is None or newest > start) and not self.dropped & _STEPS
            start, url = (newest, "") if grown else (start, following)
        raise EndlessList("CB-109", f"the list has more than {self._settings.max_pages} pages; raise max_pages")

    def _look(self, bundle: Resource, start: datetime | None) -> datetime:
        """The newest stamp of a page; notes when it is not sorted, or has older ones than were asked for."""
        tasks = [entry.resource for entry in entries(bundle) if is_task(entry)]
        if start is not None and any(UNKNOWN < latest(each) < floor(start) for each in tasks):
            self._search.dropped.add("_lastUpdated")
        if any(latest(after) < stamp(before) for before, after in pairwise(tasks)):
            self._search.dropped.add("_sort")
        return max(map(stamp, tasks), default=UNKNOWN)

    def _prove_sorted(self, following: str, newest: datetime) -> None:
        """Once per link: does the second page go on where the first ended? Some servers say that they sort."""
        try:
            tasks = [entry.resource for entry in entries(self._search.page(following)) if is_task(entry)]
        except PageGone:
            return
        self._capability.sorts = not any(UNKNOWN < latest(each) < newest for each in tasks)
        if not self._capability.sorts:
            self._search.dropped.add("_sort")

    def _query(self, start: datetime | None) -> Query:
        query = [("code", f"{TASK_CODES}|fulfill"), ("_sort", "_lastUpdated")]
        query.append(("_count", str(self._settings.page_size)))
        if start is not None:
            query.append(("_lastUpdated", f"ge{instant(start)}"))
        asked = {"owner": self._settings.owner, "requester": self._settings.requester}
        query += [(name, reference) for name, reference in asked.items() if reference]
        if not self._settings.requester:  # what we put there ourselves need not be read again
            query += [("_include", included) for included in _INCLUDE]
        return [(name, value) for name, value in query if name not in self._settings.ignored_parameters]

    def _resources(self, bundle: Resource) -> Iterator[Resource]:
        for entry in matches(bundle, self._server.base):
            if is_task(entry):
                yield entry.resource
            else:
                self.known[entry.external_id] = entry.resource

    def _wanted(self, task: Resource) -> bool:
        """What the search asked for, checked again: servers drop parameters they do not know in silence."""
        changed = latest(task)
        recent = self.since is None or changed == UNKNOWN or changed >= floor(self.since)
        return recent and is_ours(task, self._settings)

    def _is_new(self, task: Resource) -> bool:
        version = (str(task["id"]), str(task.get("meta")))
        known = version in self._seen
        self._seen.add(version)
        return not known


def is_task(entry: object) -> TypeGuard[Entry]:
    """A Task with a proper id."""
    return isinstance(entry, Entry) and entry.type == "Task" and bool(RELATIVE.fullmatch(entry.external_id))


def is_ours(task: Resource, settings: RestSettings) -> bool:
    """A referral (``code=fulfill``) to the owner and from the requester that the settings name, if they name one; or to
    nobody yet, where we may take such a one."""
    owned = _names(task.get("owner"), settings.owner) or (settings.open_tasks and not task.get("owner"))
    return is_referral(task) and owned and _names(task.get("requester"), settings.requester)


def _names(given: Any, wanted: str) -> bool:
    return not wanted or (isinstance(given, dict) and local_reference(str(given.get("reference"))) == wanted)


def is_referral(task: Mapping[str, Any]) -> bool:
    """``code=fulfill``: a Task of any other code is none (SDOHCC 3.0.0)."""
    code = task.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    wanted = (TASK_CODES, "fulfill")
    found = codings if isinstance(codings, list) else []
    return any(isinstance(c, dict) and (c.get("system"), c.get("code")) == wanted for c in found)


def since(cursor: str | None, settings: RestSettings) -> datetime | None:
    """From when on to ask: ``overlap`` before the highest stamp seen, or what the settings say for the first time."""
    if cursor:
        return max(moment(cursor), UNKNOWN + timedelta(seconds=settings.overlap)) - timedelta(seconds=settings.overlap)
    return moment(settings.since) if settings.since else None
