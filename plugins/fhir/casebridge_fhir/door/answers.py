"""Answers of the door: JSON or XML as it is asked for, with the headers of FHIR R4 (http.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Response

from casebridge import Shelved
from casebridge.core.jsontext import dumps
from casebridge_fhir.door.query import Query, token
from casebridge_fhir.door.refusals import Refusal
from casebridge_fhir.door.search import Page
from casebridge_fhir.xml import to_xml

JSON, XML = "application/fhir+json", "application/fhir+xml"
_JSON = ("json", "application/json", JSON, "text/json")
_XML = ("xml", "application/xml", XML, "text/xml")


@dataclass(frozen=True, slots=True)
class Speaking:
    """How one request wants its answers."""

    media_type: str = JSON
    minimal: bool = False  # Prefer: return=minimal

    def answer(self, resource: Mapping[str, Any] | None, status: int = 200, **headers: str) -> Response:
        """A resource, or nothing but a status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if resource is None:
            return Response(status_code=status, headers=named)
        body = dumps(resource) if self.media_type == JSON else to_xml(dict(resource))
        return Response(body, status, media_type=f"{self.media_type}; charset=utf-8", headers=named)

    def refuse(self, refusal: Refusal) -> Response:
        """An OperationOutcome."""
        return self.answer(refusal.outcome(), refusal.status, **refusal.headers)

    def one(self, shelved: Shelved, status: int = 200, **headers: str) -> Response:
        """One version of a resource."""
        named = {"ETag": tag(shelved), "Last-Modified": _http_date(shelved.at), **headers}
        return self.answer(None if self.minimal and status != 200 else shown(shelved), status, **named)


def speaking(accept: str, asked: str, prefer: str) -> Speaking:
    """What ``_format``, else Accept, asks for; Refusal 406 for anything but JSON and XML."""
    minimal = "return=minimal" in prefer.replace(" ", "")
    wanted = [asked.replace(" ", "+")] if asked else [part.partition(";")[0].strip() for part in accept.split(",")]
    for name in wanted:
        if name in _XML:
            return Speaking(XML, minimal)
        if name in (*_JSON, "", "*/*", "application/*"):
            return Speaking(JSON, minimal)
    raise Refusal(406, f"Answers are {JSON} or {XML}.")


def tag(shelved: Shelved) -> str:
    """The ETag of a version."""
    return f'W/"{shelved.version}"'


def shown(shelved: Shelved) -> dict[str, Any]:
    """The resource with its version and its moment."""
    document = dict(shelved.released.document) if shelved.released else {}
    meta = {**document.get("meta", {}), "versionId": str(shelved.version), "lastUpdated": shelved.at}
    return {"resourceType": document["resourceType"], "id": document["id"], "meta": meta,
            **{k: v for k, v in document.items() if k not in ("resourceType", "id", "meta")}}  # fmt: skip


def searchset(page: Page, query: Query, base: str) -> dict[str, Any]:
    """A page of a search. The ``self`` link names what counted; ``next`` is the same from its place on."""
    address = f"{base}/{query.type}"
    links = [{"relation": "self", "url": _address(address, query.used)}]
    if page.after is not None:
        links.append({"relation": "next", "url": _address(address, [*query.used, ("_page", token(page.after))])})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        bundle["total"] = page.total
    bundle["link"] = links
    entries = [*_entries(page.matches, base, "match"), *_entries(page.included, base, "include")]
    if query.unknown:
        entries.append({"resource": _unknown(query), "search": {"mode": "outcome"}})
    return bundle | ({"entry": entries} if entries else {})


def history(versions: list[Shelved], base: str, address: str) -> dict[str, Any]:
    """The versions of one resource, the newest first."""
    return {"resourceType": "Bundle", "type": "history", "total": len(versions),
            "link": [{"relation": "self", "url": f"{base}/{address}"}],
            "entry": [_version(one, base) for one in versions]}  # fmt: skip


def _version(one: Shelved, base: str) -> dict[str, Any]:
    address = f"{one.type}/{one.id}"
    method = "DELETE" if one.released is None else "POST" if one.version == 1 else "PUT"
    status = {"DELETE": "204", "POST": "201", "PUT": "200"}[method]
    entry: dict[str, Any] = {"fullUrl": f"{base}/{address}"}
    if one.released is not None:
        entry["resource"] = shown(one)
    return entry | {"request": {"method": method, "url": address},
                    "response": {"status": status, "etag": tag(one), "lastModified": one.at}}  # fmt: skip


def _entries(found: list[Shelved], base: str, mode: str) -> Iterator[dict[str, Any]]:
    for one in found:
        yield {"fullUrl": f"{base}/{one.type}/{one.id}", "resource": shown(one), "search": {"mode": mode}}


def _unknown(query: Query) -> dict[str, Any]:
    issues = [{"severity": "warning", "code": "not-supported", "diagnostics": "This parameter was left out.",
               "expression": [name]} for name in query.unknown]  # fmt: skip
    return {"resourceType": "OperationOutcome", "issue": issues}


def _address(address: str, asked: list[tuple[str, str]]) -> str:
    return f"{address}?{urlencode(asked)}" if asked else address


def _http_date(at: str) -> str:
    return format_datetime(datetime.fromisoformat(at), usegmt=True)
