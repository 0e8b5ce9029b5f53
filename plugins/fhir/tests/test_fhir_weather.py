"""The link in hospital weather, in front of each of two real servers: nothing lost, nothing out of order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from hospitals import Hospital, link_to
from weather import STORM, Weather, weather

Under = Callable[..., tuple[Weather, Callable[..., FhirRest]]]


@pytest.fixture
def hospital(either: str) -> Iterator[Hospital]:
    with Hospital(either) as made:
        yield made


@pytest.fixture
def under(hospital: Hospital) -> Iterator[Under]:
    """Weather before the hospital's server, and what makes links that go through it."""
    with ExitStack() as stack:

        def make(*habits: str, **more: Any) -> tuple[Weather, Callable[..., FhirRest]]:
            made = stack.enter_context(weather(hospital.base, *habits, **more))
            return made, stack.enter_context(link_to(made.base, hospital.name))

        yield make


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
    hospital: Hospital, under: Under, habit: str
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


def test_a_page_of_ten_referrals_costs_few_requests(hospital: Hospital, under: Under) -> None:
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
    hospital: Hospital, under: Under, seed: int
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
