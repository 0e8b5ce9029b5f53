"""The hospital's own people at a real FHIR server, and how we poll it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import httpx2
from casebridge_fhir.link import FhirRest
from weather import Weather

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
        said = {
            "resourceType": "Task", "id": f"{self.name}-{id_}", "status": "requested", "intent": "order", "code": CODE,
            "owner": {"reference": f"Organization/{self.name}"}, "for": {"reference": f"Patient/{self.name}-p"}, **more,
        }  # fmt: skip
        stored = self.put({name: value for name, value in said.items() if value is not None})
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


def in_order(hospital: Hospital) -> None:
    """What was given of each Task is what it was, in its order: the last of each among it.

    What comes again counts when it came first: a link without memory that is shown a stale page gives an old version
    once more, and the books know it (``FhirR4.identity``; else the referral's own machine).
    """
    for id_, versions in hospital.versions.items():
        given = dict.fromkeys(version for task, version in hospital.given if task == id_)
        places = [versions.index(version) for version in given]
        assert places == sorted(places), f"{id_}: {places}"
        assert places[-1:] == [len(versions) - 1], f"{id_}: {places} of {len(versions)}"


def storm(hospital: Hospital, under: tuple[Weather, Callable[..., FhirRest]], turns: int) -> None:
    """The law: whatever falls, each version that stands until the sky clears is given, in its Task's order; and so is
    what comes with it, also when only that has changed. Every other turn begins with a link without memory."""
    sky, link = under
    polling, stands = link(page_size=2, attempts=2), {}
    for turn in range(turns):
        if turn % 2 == 0:
            polling = link(page_size=2, attempts=2)
        for number in range(4):
            person = {"reference": f"Patient/{hospital.name}-p{number}"}
            if turn == 0:
                hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-p{number}"})
            if turn == 0 or (turn + number) % 3 == 0:
                hospital.task(f"t{number}", **{"for": person, "priority": ["routine", "urgent"][turn % 2]})
            if (turn + number) % 3 == 1:
                consent = hospital.consent(f"c{number}", person, ["active", "inactive"][turn % 2])
                stands[number] = f"Consent/{consent['id']} {consent['meta']['versionId']}"
        hospital.poll_until_through(polling)
        sky.calm = True  # a stale page looks like a poll that got through
        assert hospital.poll(polling)
        sky.calm = False
        in_order(hospital)
        for number, consent in stands.items():
            last = [b for b in hospital.payloads if b["entry"][0]["resource"]["id"] == f"{hospital.name}-t{number}"][-1]
            assert consent in hospital.inside(last), f"turn {turn}: {consent}"
    assert sky.met
