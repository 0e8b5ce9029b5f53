"""Open referrals: whom they are for, how urgent they are, and what changes while their Task does not."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from casebridge.core.errors import SetupError
from casebridge_fhir.capability import Capability
from casebridge_fhir.companions import patient_of, same_person
from casebridge_fhir.moments import UNKNOWN, instant
from casebridge_fhir.polling import TASK_CODES, is_ours, is_task
from casebridge_fhir.references import Entry
from casebridge_fhir.searching import Query, Search, matches
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
Resource = dict[str, Any]
OPEN = ("requested", "received", "accepted", "ready", "in-progress", "on-hold")
URGENT = frozenset({"urgent", "asap", "stat"})  # http://hl7.org/fhir/request-priority
LOOK_BACK = timedelta(days=1)  # after a restart: a change may have come just before the last Task that we have
TOGETHER = 30  # patients in one search


@dataclass(slots=True)
class Watched:
    """An open Task: its patients (several when records were merged), and what came around it when it was given."""

    patients: frozenset[str]
    urgent: bool
    around: frozenset[str] = frozenset()


class Watch:
    """The open referrals of one link, kept while it lives; after a restart they are listed anew."""

    def __init__(self, server: Server, settings: RestSettings, capability: Capability) -> None:
        self._server, self._settings, self._capability = server, settings, capability
        self._open: dict[str, Watched] = {}
        self._complete = False  # do we know of every open Task?
        self._looked: datetime | None = None  # what changed before is stored
        self._reached: datetime | None = None  # what changed before was handed over

    @property
    def urgent(self) -> bool:
        """Is somebody waiting for an urgent one?"""
        return any(watched.urgent for watched in self._open.values())

    def note(self, task: Resource, around: Sequence[Entry]) -> None:
        """A Task was given with what is around it."""
        if task.get("status") in OPEN:
            urgent = task.get("priority") in URGENT
            self._open[str(task["id"])] = Watched(persons(task, around), urgent, versions(around))
        else:
            self._open.pop(str(task["id"]), None)

    def left(self, task: Resource, around: Sequence[Entry]) -> list[str]:
        """The records of the Task's person that are no longer named around it: what do they say now?"""
        known = self._open.get(str(task["id"]))
        there = {entry.external_id for entry in around}
        return sorted(known.patients - there) if known else []

    def drop(self, id_: str) -> None:
        """The Task is no more."""
        self._open.pop(id_, None)

    def confirm(self) -> None:
        """All that the last look found is safely stored."""
        self._looked = self._reached

    def given_as(self, task: Resource, around: Sequence[Entry]) -> bool:
        """Was the Task given with just this around it?"""
        known = self._open.get(str(task["id"]))
        return known is not None and known.around == versions(around)

    def changed(self, since: datetime | None) -> Iterator[tuple[str, list[Entry]]]:
        """Open Tasks whose patient, or a consent of whom, is not as it was given: Task id, and what changed since.

        Raises TryAgain; a server that cannot be asked so is told of once and left in peace.
        """
        if since is None:
            self._complete = True  # this poll read every Task there is
        if since is None or "look" in self._capability.refused:
            return
        try:
            if not self._complete:
                self._list()
            fresh = self._fresh(self._looked or max(since, UNKNOWN + LOOK_BACK) - LOOK_BACK)
        except SetupError as error:
            log.warning("changes of patients and consents are seen with their Task only: %s", error.message)
            if error.code != "CB-106":  # a token that just ended is no answer
                self._capability.refused.add("look")
            return
        for id_, watched in list(self._open.items()):
            news = [e for patient, e in fresh if patient in watched.patients and not versions([e]) <= watched.around]
            if news:
                yield id_, news
        self._reached = since

    def _fresh(self, since: datetime) -> list[tuple[str, Entry]]:
        """What changed since of the patients of open Tasks, each with the patient: they themselves and consents."""
        patients = sorted({patient for watched in self._open.values() for patient in watched.patients})
        found: list[tuple[str, Entry]] = []
        for begin in range(0, len(patients), TOGETHER):
            some = patients[begin : begin + TOGETHER]
            ids = ",".join(patient.partition("/")[2] for patient in some)
            found += [(entry.external_id, entry) for entry in self._all("Patient", [("_id", ids)], since)]
            for entry in self._all("Consent", [("patient", ",".join(some))], since):
                subject = entry.resource.get("patient")
                found.append((str(subject.get("reference")) if isinstance(subject, dict) else "", entry))
        return found

    def _all(self, kind: str, query: Query, since: datetime) -> Iterable[Entry]:
        search = Search(self._server, self._capability, kind)
        query = [*query, ("_lastUpdated", f"ge{instant(since)}"), ("_count", str(self._settings.page_size))]
        pages = search.pages(query, self._settings.max_pages)
        return [entry for page in pages for entry in matches(page, self._server.base) if entry.type == kind]

    def _list(self) -> None:
        """Every open Task, as after a restart: what came around it before is not known, so one look gives it again."""
        wanted = {"owner": self._settings.owner, "requester": self._settings.requester}
        query = [("code", f"{TASK_CODES}|fulfill"), ("status", ",".join(OPEN))]
        query.append(("_count", str(self._settings.page_size)))
        query += [(name, reference) for name, reference in wanted.items() if reference]
        for page in Search(self._server, self._capability, "Task").pages(query, self._settings.max_pages):
            for entry in matches(page, self._server.base):
                task = entry.resource
                if is_task(entry) and is_ours(task, self._settings) and task.get("status") in OPEN:
                    patients = frozenset({patient_of(task)} - {""})
                    self._open.setdefault(str(task["id"]), Watched(patients, task.get("priority") in URGENT))
        self._complete = True


def persons(task: Resource, around: Sequence[Entry]) -> frozenset[str]:
    """The records of the person whom the Task is for: the one it names, and those that say they are the same."""
    found = {patient_of(task)} - {""}
    said = {entry.external_id: set(same_person(entry.resource)) for entry in around if entry.type == "Patient"}
    while more := {id_ for id_, same in said.items() if id_ not in found and (same & found or any(
            id_ in said.get(known, ()) for known in found))}:  # fmt: skip
        found |= more
    return frozenset(found)


def versions(around: Sequence[Entry]) -> frozenset[str]:
    """Which versions of what came with a Task."""
    return frozenset(f"{entry.external_id} {entry.resource.get('meta')}" for entry in around)


def digest(around: Sequence[Entry]) -> str:
    """The same, short."""
    return hashlib.sha256("\n".join(sorted(versions(around))).encode()).hexdigest()[:16]
