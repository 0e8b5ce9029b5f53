"""The link in hospital weather, in front of each of two real servers: nothing lost, nothing out of order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from hospitals import Hospital, in_order, link_to, storm
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
    "whole-seconds", "opaque-pages", "forgets-pages",
]  # fmt: skip


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
    assert [path for _, path in sky.asked] == ["Task", "metadata", "", ""]  # five Tasks at a time, and not forty reads


def test_a_page_that_is_gone_is_gone_in_a_list_without_order_too(hospital: Hospital, under: Under) -> None:
    _, link = under("forgets-pages", "ignores:_sort", "no-self")
    for number in range(7):
        hospital.task(f"t{number}")
    hospital.poll_until_through(link(page_size=2))
    in_order(hospital)
    assert len(hospital.given) == 7


def test_who_says_it_sorts_and_does_not_is_found_out(hospital: Hospital, under: Under) -> None:
    """The list comes in the order of ids, the self link claims otherwise, and the first page happens to be sorted."""
    for number in (0, 1, 4, 2, 3):
        hospital.task(f"t{number}")
    _, link = under("claims-to-sort")
    assert hospital.poll(link(page_size=3))
    in_order(hospital)
    stamps = [payload["entry"][0]["resource"]["meta"]["lastUpdated"] for payload in hospital.payloads]
    assert stamps == sorted(stamps)  # two of them may have been written in the same millisecond
    assert len(hospital.given) == 5


@pytest.mark.parametrize("seed", range(2))
def test_in_a_storm_every_version_that_stood_is_given_in_its_order(
    hospital: Hospital, under: Under, seed: int
) -> None:
    storm(hospital, under("wrong-total", "remarks", faults=STORM, seed=seed), turns=5)
