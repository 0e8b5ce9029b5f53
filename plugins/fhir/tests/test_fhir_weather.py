"""The link in hospital weather, in front of each of two real servers: nothing lost, nothing out of order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from casebridge_fhir.link import FhirRest
from weather import STORM, Weather, weather

from casebridge import Context, Outcome
from casebridge.core.errors import SetupError, TryAgain

CODE = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}
Resource = dict[str, Any]


class Hospital:
    """The hospital's own people at their server, and us polling it through whatever weather there is."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.name = f"w{uuid4().hex[:8]}"
        self.http = httpx2.Client(base_url=base, trust_env=False)
        self.versions: dict[str, list[str]] = {}
        self.given: list[tuple[str, str]] = []
        self.payloads: list[Resource] = []
        self.cursor: str | None = None

    def put(self, resource: Resource) -> Resource:
        stored: Resource = self.http.put(f"/{resource['resourceType']}/{resource['id']}", json=resource).json()
        assert "meta" in stored, stored
        return stored

    def task(self, id_: str, **more: Any) -> Resource:
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


@pytest.fixture
def hospital(either: str) -> Iterator[Hospital]:
    made = Hospital(either)
    yield made
    made.http.close()


@pytest.fixture
def under(hospital: Hospital) -> Iterator[Callable[..., tuple[Weather, Callable[..., FhirRest]]]]:
    """Weather before the hospital's server, and what makes links that go through it."""
    with ExitStack() as stack:

        def make(*habits: str, **more: Any) -> tuple[Weather, Callable[..., FhirRest]]:
            made = stack.enter_context(weather(hospital.base, *habits, **more))

            def link(**settings: Any) -> FhirRest:
                chosen = {"base_url": made.base, "pause": 0, "owner": f"Organization/{hospital.name}", **settings}
                return stack.enter_context(_closing(FhirRest(FhirRest.Settings(**chosen), Context("hospital"))))

            return made, link

        yield make


class _closing:
    def __init__(self, link: FhirRest) -> None:
        self.link = link

    def __enter__(self) -> FhirRest:
        return self.link

    def __exit__(self, *_: object) -> None:
        self.link.close()


HABITS = [
    "wrong-total", "no-self", "remarks", "ignores:_lastUpdated", "ignores:_sort", "ignores:owner", "ignores:_count",
    "one-page", "no-strict", "no-batch", "no-metadata", "naive-times-west", "naive-times-east", "days-only",
    "whole-seconds", "opaque-pages",
]  # fmt: skip


def in_order(hospital: Hospital) -> None:
    """What was given of each Task is what it was, in its order: the last of each among it."""
    for id_, versions in hospital.versions.items():
        given = [version for task, version in hospital.given if task == id_]
        places = [versions.index(version) for version in given]
        assert places == sorted(places), f"{id_}: {places}"
        assert places[-1] == len(versions) - 1, f"{id_}: {places} of {len(versions)}"


@pytest.mark.parametrize("habit", HABITS)
def test_whatever_a_server_is_used_to_every_task_comes(
    hospital: Hospital, under: Callable[..., Any], habit: str
) -> None:
    _, link = under(habit)
    polling = link(page_size=2, overlap=0)
    for number in range(5):
        hospital.task(f"t{number}")
    hospital.poll_until_through(polling)
    assert len(hospital.given) == 5
    hospital.task("t1", status="received")
    hospital.poll_until_through(polling)
    in_order(hospital)
    assert len(hospital.given) == 6


def test_a_page_of_ten_referrals_costs_few_requests(hospital: Hospital, under: Callable[..., Any]) -> None:
    sky, link = under()
    for number in range(10):
        patient = hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-p{number}"})
        to = {"reference": f"Patient/{patient['id']}"}
        hospital.consent(f"c{number}", to)
        hospital.task(f"t{number}", **{"for": to})
    hospital.poll_until_through(link())
    kinds = [[entry["resource"]["resourceType"] for entry in bundle["entry"]] for bundle in hospital.payloads]
    assert kinds == [["Task", "Patient", "Consent"]] * 10
    assert [path for _, path in sky.asked] == ["Task", "metadata", ""]


@pytest.mark.parametrize("seed", range(3))
def test_in_a_storm_every_version_that_stood_is_given_in_its_order(
    hospital: Hospital, under: Callable[..., Any], seed: int
) -> None:
    sky, link = under("wrong-total", "remarks", faults=STORM, seed=seed)
    for turn in range(6):
        polling = link(page_size=2, attempts=2)  # as after a restart: a link without memory
        for number in range(4):
            if turn == 0 or (turn + number) % 3:
                hospital.task(f"t{number}", priority=["routine", "urgent"][turn % 2])
        hospital.poll_until_through(polling)
        assert {(id_, versions[-1]) for id_, versions in hospital.versions.items()} <= set(hospital.given)
    assert sky.met
