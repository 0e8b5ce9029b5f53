"""Bundles of requests (FHIR R4, http.html#transaction): a transaction all or nothing, a batch each by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from casebridge import Shelved
from casebridge.core.ids import new_id
from casebridge_fhir.door.refusals import Refusal, refused
from casebridge_fhir.door.writes import Document, Writing, renamed
from casebridge_fhir.references import base_of

MOST = 1000  # entries of one Bundle
READING = 30.0  # seconds for all that one Bundle reads: a thousand wide searches would keep a thread for hours
_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2}
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_VERSION = re.compile(r"[0-9]{1,9}")


@dataclass(slots=True)
class Step:
    """One entry: what is asked, and once it was written, which resource that was and whether it is new."""

    method: str
    url: str
    full_url: str
    resource: Document | None
    condition: str
    expected: int | None
    done: tuple[str, str] | None = None
    status: int = 200

    @property
    def type(self) -> str:
        """``Task`` of ``Task/1`` or ``Task?status=requested``."""
        return self.url.partition("?")[0].partition("/")[0]

    @property
    def id(self) -> str:
        """``1`` of ``Task/1``."""
        return self.url.partition("?")[0].partition("/")[2]


@dataclass(frozen=True, slots=True)
class Rights:
    """What the door does for a Bundle: looks, checks, answers."""

    check: Callable[[str, str, Document | None], None]  # interaction, type, resource; raises Refusal
    find: Callable[[str, list[tuple[str, str]]], frozenset[str]]
    answer: Callable[[str], tuple[int, Document]]  # to a GET
    writing: Callable[[], Writing]


def steps(bundle: Mapping[str, Any]) -> list[Step]:
    """The entries of a Bundle as steps; Refusal 400 for what is no request."""
    listed = bundle.get("entry", [])
    if not isinstance(listed, list) or len(listed) > MOST:
        raise Refusal(400, f"A Bundle may have at most {MOST} entries.", field="Bundle.entry")
    return [_step(number, entry) for number, entry in enumerate(listed)]


def _step(number: int, entry: Any) -> Step:
    asked = entry.get("request") if isinstance(entry, dict) else None
    where = f"Bundle.entry[{number}]"
    if not isinstance(asked, dict) or not isinstance(asked.get("url"), str) or "\0" in asked["url"]:
        raise Refusal(400, "Each entry needs a request with method and url.", field=f"{where}.request")
    method, resource = asked.get("method"), entry.get("resource")
    if method not in ("GET", *_ORDER):
        raise Refusal(400, "The method must be GET, POST, PUT or DELETE.", field=f"{where}.request.method")
    if method in ("POST", "PUT") and not isinstance(resource, dict):
        raise Refusal(400, f"A {method} needs a resource.", field=f"{where}.resource")
    step = Step(method, asked["url"].strip("/"), str(entry.get("fullUrl", "")), resource,
                str(asked.get("ifNoneExist", "")), version_of(str(asked.get("ifMatch", ""))))  # fmt: skip
    if method in ("PUT", "DELETE") and (not _ID.fullmatch(step.id) or "?" in step.url):
        raise Refusal(400, f"A {method} is for one resource: its url is Type/id.", field=f"{where}.request.url")
    if method == "PUT" and resource.get("id") != step.id:
        raise Refusal(400, "The id in the resource is not the one in its url.", field=f"{where}.resource.id")
    return step


def version_of(tag: str) -> int | None:
    """The version an If-Match names: ``W/"3"`` is 3; None for none. Refusal 400 for what we never gave."""
    text = tag.strip().removeprefix("W/").strip('"')
    if tag and not _VERSION.fullmatch(text):
        raise Refusal(400, 'If-Match names no version of ours; expected one such as W/"3", as ETag has it.')
    return int(text) if text else None


def transaction(found: list[Step], rights: Rights) -> Document:
    """All of it in one commit, deletions first, then creates, then updates; last what is only read."""
    writing = rights.writing()
    writes = sorted((s for s in found if s.method != "GET"), key=lambda s: _ORDER[s.method])
    names: dict[str, str] = {}
    for step in writes:
        rights.check(step.method, step.type, step.resource)
        if step.method == "POST":
            _name(step, rights, names)
        elif step.full_url:
            names[step.full_url] = f"{step.type}/{step.id}"
    for step in writes:
        if step.resource is not None:
            renamed(step.resource, names, base_of(step.full_url))
        _write(step, writing)
    kept, until = writing.commit(), _reading_ends()
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": [
        _read(step, rights, until) if step.method == "GET" else written(step, kept, writing.base) for step in found]}


def batch(found: list[Step], rights: Rights) -> Document:
    """Each by itself; what one cannot do is said in its own entry."""
    until = _reading_ends()
    entries = [_alone(step, rights, until) for step in found]
    return {"resourceType": "Bundle", "type": "batch-response", "entry": entries}


def _alone(step: Step, rights: Rights, until: float) -> Document:
    try:
        if step.method == "GET":
            return _read(step, rights, until)
        (entry,) = transaction([step], rights)["entry"]
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        refusal = refused(error)
        return {"response": {"status": str(refusal.status), "outcome": refusal.outcome()}}
    return dict(entry)


def _name(step: Step, rights: Rights, names: dict[str, str]) -> None:
    """The id of what is to be made, so that others can refer to it before it is; or of what is there already."""
    there = rights.find(step.type, parse_qsl(step.condition.rpartition("?")[2])) if step.condition else frozenset()
    if len(there) > 1:
        raise Refusal(412, "If-None-Exist matches more than one resource.")
    step.done = (step.type, next(iter(there), "") or new_id())
    step.status = 200 if there else 201
    if step.full_url:
        names[step.full_url] = "/".join(step.done)


def _write(step: Step, writing: Writing) -> None:
    if step.method == "DELETE":
        step.done, step.status = writing.withdraw(step.type, step.id, step.expected), 204
    elif step.method == "PUT" and step.resource is not None:
        step.done = writing.update(step.resource, step.id, step.expected)
        step.status = 201 if writing.wishes[step.done].version == 1 else 200
    elif step.status == 201 and step.resource is not None and step.done:
        writing.create(step.resource, step.done[1])


def written(step: Step, kept: Mapping[tuple[str, str], Shelved], base: str) -> Document:
    """The entry that answers a write."""
    status = {200: "200 OK", 201: "201 Created", 204: "204 No Content"}[step.status]
    response: Document = {"status": status}
    one = kept.get(step.done) if step.done else None
    if step.done and step.method != "DELETE":
        response["location"] = f"{base}/{'/'.join(step.done)}" + (f"/_history/{one.version}" if one else "")
    if one is not None:
        response |= {"etag": f'W/"{one.version}"', "lastModified": one.at}
    return {"response": response}


def _reading_ends() -> float:
    return time.monotonic() + READING


def _read(step: Step, rights: Rights, until: float) -> Document:
    late = Refusal(413, "This Bundle asks for more than one request may read; send the rest of it by itself.")
    status, resource = (late.status, late.outcome()) if time.monotonic() >= until else rights.answer(step.url)
    if resource["resourceType"] == "OperationOutcome":
        return {"response": {"status": str(status), "outcome": resource}}
    return {"resource": resource, "response": {"status": "200 OK"}}
