"""A recipient's people are quicker than its server's answer to us: what they did is theirs, and is heard of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import IndirectSite, hospitals, of_type, parties


@pytest.fixture
def hospital() -> Iterator[FhirServer]:
    with fhir_server() as state:
        yield state


@pytest.fixture
def agency() -> Iterator[FhirServer]:
    with fhir_server() as state:
        state.put(*parties())
        yield state


@pytest.fixture
def site(tmp_path: Path, hospital: FhirServer, agency: FhirServer) -> Iterator[IndirectSite]:
    made = IndirectSite(tmp_path, hospital.base, agency.base)
    yield made
    made.bridge.close()


def once(agency: FhirServer, status: str, changed: dict[str, Any]) -> None:
    """As soon as a Task with this state is written there, and before we are answered, they change it."""

    def at_once() -> None:
        for task in of_type(list(agency.resources.values()), "Task"):
            if task["status"] == status:
                agency.after_write = lambda: None
                agency.put({**task, **changed})

    agency.after_write = at_once


REJECTED = {"status": "rejected", "statusReason": {"text": "No room until Monday"}}


def test_what_is_done_before_our_create_is_answered_is_no_echo_of_ours(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer
) -> None:
    once(agency, "requested", REJECTED)
    hospital.put(*hospitals())
    site.work(3)
    assert hospital.resources["Task/ref"]["status"] == "rejected"
    assert hospital.resources["Task/ref"]["statusReason"]["text"] == "No room until Monday"
    assert len([w for w in agency.writes if w == "POST Task"]) == 1


@pytest.mark.parametrize("told", [True, False], ids=["the answer holds the resource", "the answer is empty"])
def test_nor_what_is_done_before_our_update_is_answered(
    site: IndirectSite, hospital: FhirServer, agency: FhirServer, told: bool
) -> None:
    hospital.put(*hospitals())
    site.work()
    agency.quiet = not told
    once(agency, "requested", REJECTED)
    hospital.put({**hospital.resources["Task/ref"], "restriction": {"period": {"end": "2026-12-01"}}})
    site.work(3)
    assert hospital.resources["Task/ref"]["status"] == "rejected"
