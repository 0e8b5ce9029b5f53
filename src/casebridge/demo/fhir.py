"""What an organization's own people put on its FHIR server, and what they find there."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import httpx2

from casebridge.core.errors import SetupError

Resource = dict[str, Any]
_HOSPITAL = files("casebridge.demo").joinpath("data/hospital.json").read_text(encoding="utf-8")
_IDS = [f"{r['resourceType']}/{r['id']}" for r in json.loads(_HOSPITAL)]


@dataclass(slots=True)
class Server:
    """One server, as its own people see it. ``tag``: see DemoSite. What it refuses is a SetupError CB-109."""

    base_url: str
    http: httpx2.Client
    tag: str = ""

    def seed_hospital(self) -> None:
        """Put the demo's people and orders there, once: a Task that moved on is never set back."""
        for resource in json.loads(_tagged(_HOSPITAL, self.tag)):
            if self.read(f"{resource['resourceType']}/{resource['id']}") is None:
                self.put({**resource, "id": resource["id"] + self.tag})

    def read(self, reference: str) -> Resource | None:
        """A resource as the server has it now, or None."""
        answer = self.http.get(f"{self.base_url}/{_tagged(reference, self.tag)}")
        return None if answer.status_code in (404, 410) else _body(answer)

    def put(self, resource: Resource) -> Resource:
        """Create or update a resource under its own id."""
        url = f"{self.base_url}/{resource['resourceType']}/{resource['id']}"
        return _body(self.http.put(url, json=resource))

    def send(self, transaction: Resource) -> Resource:
        """All of a transaction, or nothing of it; the answer, entry by entry."""
        return _body(self.http.post(f"{self.base_url}/", json=transaction))

    def versions(self, reference: str) -> list[Resource]:
        """Every version of a resource, the newest first."""
        bundle = _body(self.http.get(f"{self.base_url}/{_tagged(reference, self.tag)}/_history"))
        return [entry["resource"] for entry in bundle.get("entry", ()) if "resource" in entry]

    def search(self, query: str) -> list[Resource]:
        """The matches of a search."""
        bundle = _body(self.http.get(f"{self.base_url}/{_tagged(query, self.tag)}"))
        return [e["resource"] for e in bundle.get("entry", ()) if e["resource"]["resourceType"] != "OperationOutcome"]

    def status(self, task: str) -> str:
        """Where a Task stands; "" when it is not there."""
        return str((self.read(f"Task/{task}") or {}).get("status", ""))


@contextlib.contextmanager
def at(base_url: str, tag: str = "", headers: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The server at an address."""
    accept = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json"}
    with httpx2.Client(timeout=30, headers={**accept, **(headers or {})}) as http:
        yield Server(base_url.rstrip("/"), http, tag)


def _tagged(text: str, tag: str) -> str:
    """The references to the demo's own resources, each with the tag at its end."""
    known = "|".join(sorted(map(re.escape, _IDS), key=len, reverse=True))
    return re.sub(rf"({known})(?![\w-])", rf"\1{tag}", text) if tag else text


def _body(answer: httpx2.Response) -> Resource:
    if answer.status_code >= 400:
        said = f"{answer.request.url.host}:{answer.request.url.port} answered {answer.status_code}"
        raise SetupError("CB-109", f"the FHIR server at {said}", remedy="Look at its log in the demo's folder.")
    body: Resource = answer.json()
    return body
