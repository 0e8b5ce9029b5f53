"""The hospital's own people at a real FHIR server, and how we poll it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import httpx2
from casebridge_fhir.link import FhirRest

from casebridge import Context, Outcome
from casebridge.core.errors import SetupError, TryAgain

CODE = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}
Resource = dict[str, Any]


class Hospital:
    """What it puts there (ids of its own, so that tests share a server), and what our polls brought of it."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.name = f"w{uuid4().hex[:8]}"
        self.http = httpx2.Client(base_url=base, trust_env=False, verify=False)  # plain http: no certificates to load
        self.versions: dict[str, list[str]] = {}  # Task id -> its versions, in their order
        self.given: list[tuple[str, str]] = []  # Task id and version, as they were handed to us
        self.payloads: list[Resource] = []
        self.cursor: str | None = None

    def __enter__(self) -> Hospital:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def put(self, resource: Resource) -> Resource:
        stored: Resource = self.http.put(f"/{resource['resourceType']}/{resource['id']}", json=resource).json()
        assert "meta" in stored, stored
        return stored

    def task(self, id_: str, **more: Any) -> Resource:
        """A referral to us; of patient ``p`` unless said otherwise."""
        stored = self.put({
            "resourceType": "Task", "id": f"{self.name}-{id_}", "status": "requested", "intent": "order", "code": CODE,
            "owner": {"reference": f"Organization/{self.name}"}, "for": {"reference": f"Patient/{self.name}-p"}, **more,
        })  # fmt: skip
        self.versions.setdefault(stored["id"], []).append(stored["meta"]["versionId"])
        return stored

    def consent(self, id_: str, patient: Resource, status: str = "active") -> Resource:
        return self.put({
            "resourceType": "Consent", "id": f"{self.name}-{id_}", "status": status, "patient": patient,
            "scope": {"text": "privacy"}, "category": [{"text": "disclosure"}],
        })  # fmt: skip

    def poll(self, link: FhirRest) -> bool:
        """One poll, committed payload by payload; False when it broke off."""
        try:
            for payload in link.receive(self.cursor):
                bundle = json.loads(payload.stream.read())
                task = bundle["entry"][0]["resource"]
                self.given.append((task["id"], task["meta"]["versionId"]))
                self.payloads.append(bundle)
                self.cursor = payload.cursor
                link.settle(payload, Outcome("accepted"))
        except (TryAgain, SetupError):
            return False
        return True

    def poll_until_through(self, link: FhirRest) -> None:
        for _ in range(60):
            if self.poll(link):
                return
        raise AssertionError("sixty polls in a row broke off")

    @staticmethod
    def inside(bundle: Resource) -> list[str]:
        """``Task/1 3``: what is in a payload, each with its version."""
        found = [entry["resource"] for entry in bundle["entry"]]
        return [f"{each['resourceType']}/{each['id']} {each['meta']['versionId']}" for each in found]


@contextmanager
def link_to(base: str, owner: str) -> Iterator[Callable[..., FhirRest]]:
    """What makes links onto ``base`` for the Tasks of this owner; closed at the end."""
    with ExitStack() as stack:

        def make(**settings: Any) -> FhirRest:
            chosen = {"base_url": base, "pause": 0, "verify_tls": False, "owner": f"Organization/{owner}", **settings}
            made = FhirRest(FhirRest.Settings(**chosen), Context("hospital"))
            stack.callback(made.close)
            return made

        yield make
