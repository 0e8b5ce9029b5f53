"""A scripted FHIR server, links onto it and onto a real one, and ways to make what the engine would hand over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.format import FhirR4
from casebridge_fhir.link import FhirRest

from casebridge import Context, Dispatch, Released, RenderContext
from casebridge.core.released import _issue

CHECKOUT = Path(__file__).resolve().parents[3]
CONTEXT = Context("hospital", environment="test")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TASK_CODES = "http://hl7.org/fhir/CodeSystem/task-code"


@pytest.fixture(scope="session")
def examples() -> dict[str, Path]:
    """The SDOHCC 3.0.0 examples by file name, where the samples are at hand."""
    samples = Path(os.environ.get("CASEBRIDGE_SAMPLES", CHECKOUT / "../shared/samples"))
    found = {path.stem: path for path in sorted((samples / "fhir" / "examples").glob("*.json"))}
    if not found:
        pytest.skip("the SDOHCC examples are not here (CASEBRIDGE_SAMPLES)")
    return found


@pytest.fixture
def format_() -> FhirR4:
    return FhirR4(FhirR4.Settings(), CONTEXT)


@pytest.fixture
def task() -> Callable[..., dict[str, Any]]:
    """A referral Task of our own people."""

    def make(id_: str = "t1", **more: Any) -> dict[str, Any]:
        return {
            "resourceType": "Task", "id": id_, "meta": {"versionId": "1", "lastUpdated": "2026-11-20T08:00:00.000Z"},
            "status": "requested", "intent": "order",
            "code": {"coding": [{"system": TASK_CODES, "code": "fulfill"}]},
            "for": {"reference": "Patient/p1"}, "focus": {"reference": "ServiceRequest/s1"}, **more,
        }  # fmt: skip

    return make


@pytest.fixture
def dispatch() -> Callable[..., Dispatch]:
    """A dispatch of released resources, rendered as the engine renders it."""

    def make(*resources: dict[str, Any]) -> Dispatch:
        releases = tuple(released(r) for r in resources)
        format_ = FhirR4(FhirR4.Settings(), CONTEXT)
        files = tuple(format_.render(releases, RenderContext("d1", NOW)))
        return Dispatch("d1", "hospital", files, releases)

    return make


def released(resource: dict[str, Any]) -> Released:
    kind = "fhir-r4/" + resource["resourceType"]
    return _issue(document=resource, recipient="hospital", purpose="referral", policy="1", native_type=kind)


class Script:
    """A server that answers as the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx2.Request] = []
        self.answers: dict[tuple[str, str], list[httpx2.Response | Exception]] = {}

    def on(self, method: str, path: str, *answers: httpx2.Response | Exception) -> None:
        """``answers`` in turn to ``method path`` (below the base, without its query); the last one repeats."""
        self.answers[(method, path)] = list(answers)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        path = request.url.path.removeprefix("/fhir/")
        answers = self.answers.get((request.method, path))
        if not answers:
            return httpx2.Response(404, json={"resourceType": "OperationOutcome", "issue": [{"code": "not-found"}]})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def asked_for(self, method: str, path: str = "") -> list[httpx2.Request]:
        return [r for r in self.asked if r.method == method and r.url.path.removeprefix("/fhir/").startswith(path)]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def scripted(script: Script) -> Iterator[Callable[..., FhirRest]]:
    """Makes a link onto the scripted server."""
    made: list[FhirRest] = []

    def make(**settings: Any) -> FhirRest:
        chosen = {"base_url": "https://hospital.example/fhir", "pause": 0, **settings}
        made.append(FhirRest(FhirRest.Settings(**chosen), CONTEXT, httpx2.MockTransport(script)))
        return made[-1]

    yield make
    for link in made:
        link.close()


@pytest.fixture
def hospital(sekmet: str) -> Iterator[httpx2.Client]:
    """What the hospital's own people do on their server."""
    with httpx2.Client(base_url=sekmet, trust_env=False) as client:
        yield client


@pytest.fixture
def link(sekmet: str) -> Iterator[Callable[..., FhirRest]]:
    """Makes a link onto the real server."""
    made: list[FhirRest] = []

    def make(**settings: Any) -> FhirRest:
        made.append(FhirRest(FhirRest.Settings(base_url=sekmet, **settings), CONTEXT))
        return made[-1]

    yield make
    for each in made:
        each.close()
