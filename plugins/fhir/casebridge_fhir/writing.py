"""One file of a dispatch onto the server: an update upon a version, or a create that happens once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from types import MappingProxyType
from typing import Any

from casebridge import OutFile, Thing
from casebridge.core.errors import Bug, CaseBridgeError, RecordError, SetupError, TryAgain
from casebridge.core.jsontext import dumps, loads
from casebridge_fhir.format import ORDER, is_theirs
from casebridge_fhir.moments import stamp
from casebridge_fhir.open_tasks import owned
from casebridge_fhir.r4 import table
from casebridge_fhir.references import RELATIVE, identifiers
from casebridge_fhir.searching import matches
from casebridge_fhir.server import Answer, Forbidden, Server, Unanswered, refused

log = logging.getLogger("casebridge.fhir")
DISPATCH = "urn:casebridge:dispatch"  # the identifier system by which a create is recognised when it is repeated
STRIPES = 64  # locks for what is being made: one request in flight for one thing
_BESIDE = frozenset({"Condition", "DocumentReference", "Observation", "QuestionnaireResponse"})
"""What comes beside a Task: where it may not be made, the Task goes all the same."""
_UNTOLD = ("meta", "text", "lastModified")  # says nothing about the matter; servers set it by themselves


@dataclass(frozen=True, slots=True)
class Written:
    """What the server holds now; ``moved`` when it is not what we meant because somebody else wrote first."""

    thing: Thing
    moved: bool = False


class Gone(RecordError):
    """What was to be changed is not there any more (404, 410)."""


class Writer:
    """Writes resources to one server; of orders only those that we made.

    ``parties`` are the elements of a Task made there that say who asks and who is asked, as references on that server;
    ``owner`` is who we are in the Tasks of others.
    """

    def __init__(self, server: Server, parties: Mapping[str, str] | None = None, owner: str = "") -> None:
        self._server, self._owner = server, owner
        self._parties = {name: {"reference": known} for name, known in (parties or {}).items() if known}
        self._unanswered: set[tuple[str, str]] = set()  # (type, key) of creates of which nobody knows
        self._making = tuple(Lock() for _ in range(STRIPES))

    def write(self, file: OutFile, key: str) -> Written:
        """Update what has an id, create what has none. Raises TryAgain, SetupError, RecordError CB-305 (refused)."""
        resource, record = self._meant(file), file.records[0]
        if resource["resourceType"] == "Task":
            resource["lastModified"] = datetime.now(UTC).isoformat(timespec="seconds")
        if "id" in resource:
            try:
                return self._server.retried(lambda: self._update(resource, record))
            except Gone:
                if not _is_copy(resource):
                    raise
                log.warning("%s/%s is gone there and made anew", resource["resourceType"], resource["id"])
                resource = _as_new(resource)
        with self._making[hash((resource["resourceType"], key)) % STRIPES]:  # most servers make two when asked at once
            try:
                return self._server.retried(lambda: self._create(resource, record, key))
            except Forbidden:
                if resource["resourceType"] not in _BESIDE:
                    raise
                message = f"{resource['resourceType']}: the FHIR server does not let us make one"
                raise RecordError("CB-305", message) from None

    def find(self, file: OutFile, key: str) -> Written | None:
        """What became of an earlier :meth:`write` of the same file; None when it did not arrive."""
        resource = self._meant(file)
        if "id" not in resource:
            found = self._look(resource["resourceType"], key, perhaps=True)
            return None if found is None else _compared(_marked(resource, key, found), found, file.records[0])
        try:
            current = self._now(resource)
        except Gone:
            if not _is_copy(resource):
                raise
            return None
        return None if version(current) == version(resource) else _compared(resource, current, file.records[0])

    def _meant(self, file: OutFile) -> dict[str, Any]:
        """The resource as it is to stand there."""
        resource = _resource(file)
        if resource["resourceType"] == "Task" and "id" not in resource:
            return {**self._parties, **resource}
        if resource["resourceType"] == "Task" and self._owner:
            return owned(resource, self._owner, self._server.base)
        return resource

    def _update(self, resource: dict[str, Any], record: int) -> Written:
        path = f"{resource['resourceType']}/{resource['id']}"
        try:
            answer = self._server.put(path, dumps(resource), version(resource))
        except Unanswered:
            return self._after_silence(resource, record)
        if answer.status in (409, 412):
            return _compared(resource, self._now(resource), record)
        if not answer.ok:
            raise _refusal(answer, path)
        stored = answer.resource()
        if stored is None or not _same_thing(stored, resource):
            stored = self._now(resource)
        return self._as_written(answer, resource, stored, record)

    def _after_silence(self, resource: dict[str, Any], record: int) -> Written:
        """No answer, or a 500: it may have been written, and some servers report a conflict this way."""
        current = self._now(resource)
        if version(current) == version(resource):
            raise Unanswered("the update did not arrive")
        return _compared(resource, current, record)

    def _create(self, resource: dict[str, Any], record: int, key: str) -> Written:
        kind = resource["resourceType"]
        found = self._look(kind, key, perhaps=(kind, key) in self._unanswered)
        if found is not None:
            return _compared(_marked(resource, key, found), found, record)
        marked = dumps(_marked(resource, key))
        self._unanswered.add((kind, key))
        answer = self._server.post(kind, marked, f"identifier={DISPATCH}|{key}", key)
        made = self._made_or_unknown(answer, kind, key)
        self._unanswered.discard((kind, key))
        return self._as_written(answer, _marked(resource, key, made), made, record)

    def _as_written(
        self, answer: Answer, meant: dict[str, Any], current: dict[str, Any], record: int
    ) -> Written:
        """What is there now, just after we wrote it. The server's people may have been quicker than its answer: then it
        is their version and not ours, and what they did must be heard of."""
        ours = _told_version(answer, str(current.get("id"))) if answer.ok else ""
        if not ours:
            return _compared(meant, current, record)
        if version(current) != ours:
            current = self._current(current)  # a cache may have shown an older one
        return Written(_thing(record, current), moved=version(current) != ours)

    def _now(self, resource: dict[str, Any]) -> dict[str, Any]:
        """How it stands there. What is neither what we worked upon nor what we meant is looked at twice: a cache may
        have shown an older one."""
        current = self._current(resource)
        if version(current) != version(resource) and not same_content(resource, current):
            return self._current(resource)
        return current

    def _made_or_unknown(self, answer: Answer, kind: str, key: str) -> dict[str, Any]:
        """The same. Where it is made and may not be looked at now, it was sent all the same: TryAgain CB-401."""
        try:
            return self._made(answer, kind, key)
        except (TryAgain, SetupError) as error:
            if not answer.ok:
                raise
            after = error.after if isinstance(error, TryAgain) else None
            raise TryAgain("CB-401", f"{kind} is made, but then {error.message}", after=after) from None

    def _made(self, answer: Answer, kind: str, key: str) -> dict[str, Any]:
        """What the create made: looked up, else from the body or by Location (a search index may lag behind).

        Looked up first because servers race with themselves and make two: then, and after a 412, the oldest counts.
        """
        if not answer.ok and answer.status != 412:
            raise refused(answer, kind)
        found = self._look(kind, key) or (self._told(answer, kind) if answer.ok else None)
        if found is None and answer.status == 412:
            raise refused(answer, kind)
        if found is None:
            raise TryAgain("CB-401", f"{kind}: the FHIR server says it is made but does not show it yet")
        return found

    def _told(self, answer: Answer, kind: str) -> dict[str, Any] | None:
        body = answer.resource()
        if body is not None and body["resourceType"] == kind and body.get("id"):
            return body
        parts = answer.headers.get("location", "").split("/_history/")[0].split("/")[-2:]
        match = RELATIVE.match("/".join(parts))
        return self._read(match.group()) if match and match["type"] == kind else None

    def _look(self, kind: str, key: str, *, perhaps: bool = False) -> dict[str, Any] | None:
        """The oldest resource that carries our key (several exist when the server raced with itself).

        ``perhaps`` it was made: then that there is none is believed when it is said twice. A cache may have kept what
        was said before, and knows it by the address.
        """
        found = self._carrying(kind, key)
        return self._carrying(kind, key, ("_count", "10")) if found is None and perhaps else found

    def _carrying(self, kind: str, key: str, *more: tuple[str, str]) -> dict[str, Any] | None:
        asked = [("identifier", f"{DISPATCH}|{key}"), *more]
        page = self._server.get(kind, asked, {"Cache-Control": "no-cache"})
        bundle = page.resource()
        if not page.ok or bundle is None:
            raise refused(page, kind)
        found = [e.resource for e in matches(bundle, self._server.base) if e.type == kind and _carries(e.resource, key)]
        if len(found) > 1:
            log.warning("%s: the FHIR server holds %s of what we made once; the oldest counts", kind, len(found))
        return min(found, key=lambda r: (stamp(r), str(r.get("id"))), default=None)

    def _current(self, resource: dict[str, Any]) -> dict[str, Any]:
        path = f"{resource['resourceType']}/{resource['id']}"
        answer = self._server.get(path)
        current = answer.resource()
        if not answer.ok or current is None or not _same_thing(current, resource):
            raise _refusal(answer, path)
        return current

    def _read(self, path: str) -> dict[str, Any] | None:
        answer = self._server.get(path)
        return answer.resource() if answer.ok else None


def _refusal(answer: Answer, path: str) -> CaseBridgeError:
    error = refused(answer, path)
    return Gone(error.code, str(error.message)) if answer.status in (404, 410) else error


def version(resource: dict[str, Any]) -> str:
    """``meta.versionId``, or nothing."""
    meta = resource.get("meta")
    return str(meta.get("versionId") or "") if isinstance(meta, dict) else ""


def same_content(meant: dict[str, Any], current: dict[str, Any]) -> bool:
    """Whether the server's resource says what we meant, apart from what servers set by themselves.

    It may carry more security labels than we meant, but not fewer.
    """
    marks = _labels(current)
    return _content(meant) == _content(current) and all(label in marks for label in _labels(meant))


def _labels(resource: dict[str, Any]) -> list[Any]:
    """``meta.security``: the one part of ``meta`` that is ours to write."""
    meta = resource.get("meta")
    found = meta.get("security") if isinstance(meta, dict) else None
    return found if isinstance(found, list) else []


def _content(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in _UNTOLD}


def _compared(meant: dict[str, Any], current: dict[str, Any], record: int) -> Written:
    return Written(_thing(record, current), moved=not same_content(meant, current))


def _told_version(answer: Answer, id_: str) -> str:
    """The version that a write made, as its answer tells it: in the resource, the ETag, or the Location; or nothing."""
    body = answer.resource()
    if body is not None and body.get("id") == id_ and version(body):
        return version(body)
    where, _, told = answer.headers.get("location", "").partition("/_history/")
    if told and where.rpartition("/")[2] == id_:
        return told
    return answer.headers.get("etag", "").strip().removeprefix("W/").strip('"') if not where else ""


def _resource(file: OutFile) -> dict[str, Any]:
    resource: dict[str, Any] = loads(file.data)
    kind = resource["resourceType"]
    if is_theirs(resource) or (kind == ORDER and "id" in resource and not _made_by_us(resource)):
        raise Bug("CB-901", f"a {kind} that is not ours must never be written to the server")
    if not RELATIVE.fullmatch(f"{kind}/{resource.get('id', 'new')}"):
        raise RecordError("CB-301", "this id cannot be part of an address", field=f"{kind}.id", found=resource["id"])
    return resource


def _same_thing(stored: dict[str, Any], meant: dict[str, Any]) -> bool:
    return all(stored.get(name) == meant[name] for name in ("resourceType", "id"))


def _marked(resource: dict[str, Any], key: str, made: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """With the identifier by which it is known again, and the id of what was ``made`` of it."""
    own = {"system": DISPATCH, "value": key}
    marks = [*identifiers(resource), *([] if _carries(resource, key) else [own])]
    return {**resource, "identifier": marks if _has_many(resource) else own, **({"id": made["id"]} if made else {})}


def _has_many(resource: Mapping[str, Any]) -> bool:
    """May it have several identifiers? A QuestionnaireResponse has one."""
    return table()[resource["resourceType"]]["identifier"].many


def _made_by_us(resource: dict[str, Any]) -> bool:
    return any(i.get("system") == DISPATCH for i in identifiers(resource))


def _is_copy(resource: dict[str, Any]) -> bool:
    """Made by us, so that we may make it again; a Task that was taken away there is for a person to look at."""
    return _made_by_us(resource) and resource["resourceType"] != "Task"


def _as_new(resource: dict[str, Any]) -> dict[str, Any]:
    """Without id and version, its labels kept."""
    labels = {"meta": {"security": marks}} if (marks := _labels(resource)) else {}
    return {name: value for name, value in resource.items() if name not in ("id", "meta")} | labels


def _carries(resource: dict[str, Any], key: str) -> bool:
    return any((i.get("system"), i.get("value")) == (DISPATCH, key) for i in identifiers(resource))


def _thing(record: int, resource: dict[str, Any]) -> Thing:
    return Thing(record, f"{resource['resourceType']}/{resource['id']}", version(resource), resource)
