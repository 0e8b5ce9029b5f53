"""Answers of a made-up FHIR server, as the link would get them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
from casebridge_fhir.link import FhirRest

Resource = dict[str, Any]
Task = Callable[..., Resource]
Link = Callable[..., FhirRest]
BASE = "https://hospital.example/fhir"
SEARCH = "code=http%3A%2F%2Fhl7.org%2Ffhir%2FCodeSystem%2Ftask-code%7Cfulfill&_sort=_lastUpdated"


def answer(resource: Resource | None = None, status: int = 200, **headers: str) -> httpx2.Response:
    content = b"" if resource is None else json.dumps(resource).encode()
    return httpx2.Response(status, headers={k.replace("_", "-"): v for k, v in headers.items()}, content=content)


def outcome(status: int, code: str = "exception", **headers: str) -> httpx2.Response:
    issue = {"severity": "error", "code": code, "diagnostics": "Ada Moreno, born 1987", "expression": ["Task.status"]}
    return answer({"resourceType": "OperationOutcome", "issue": [issue]}, status, **headers)


def page(*resources: Resource, following: str = "", own: str = SEARCH) -> httpx2.Response:
    link = [{"relation": "self", "url": f"{BASE}/Task?{own}"}] if own else []
    link += [{"relation": "next", "url": following}] if following else []
    entry = [{"fullUrl": f"{BASE}/{r['resourceType']}/{r.get('id')}", "resource": r} for r in resources]
    return answer({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry})
