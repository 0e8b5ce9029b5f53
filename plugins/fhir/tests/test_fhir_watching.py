"""A patient or a consent that changes while its Task does not: seen all the same, for open referrals only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from hospitals import Hospital, Resource, link_to

Make = Callable[..., FhirRest]


@pytest.fixture
def hospital(either: str) -> Iterator[Hospital]:
    with Hospital(either) as made:
        yield made


@pytest.fixture
def link(hospital: Hospital) -> Iterator[Make]:
    with link_to(hospital.base, hospital.name) as make:
        yield make


def patient(hospital: Hospital, **more: Any) -> Resource:
    return hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-p", **more})


def referred(hospital: Hospital) -> Resource:
    """A referral, and one of another patient that stays as it is."""
    hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-q"})
    hospital.task("other", **{"for": {"reference": f"Patient/{hospital.name}-q"}})
    patient(hospital)
    return hospital.task("mine")


def news(hospital: Hospital, link: FhirRest) -> list[list[str]]:
    """What the next poll gives: of each payload the Task and its companions, with their versions."""
    before = len(hospital.payloads)
    assert hospital.poll(link)
    return [hospital.inside(bundle) for bundle in hospital.payloads[before:]]


def test_a_patient_who_changes_comes_once_more_with_the_same_task(hospital: Hospital, link: Make) -> None:
    referred(hospital)
    polling = link()
    assert len(news(hospital, polling)) == 2
    assert news(hospital, polling) == []
    changed = patient(hospital, active=True)
    ((task, *around),) = news(hospital, polling)
    assert task == f"Task/{hospital.name}-mine {hospital.versions[f'{hospital.name}-mine'][-1]}"
    assert around == [f"Patient/{hospital.name}-p {changed['meta']['versionId']}"]
    assert news(hospital, polling) == []


def test_a_consent_that_is_given_and_taken_back_is_heard_of_both_times(hospital: Hospital, link: Make) -> None:
    task = referred(hospital)
    polling = link()
    news(hospital, polling)
    for status in ("active", "inactive"):
        consent = hospital.consent("k", task["for"], status)
        ((_, *around),) = news(hospital, polling)
        assert around[-1] == f"Consent/{hospital.name}-k {consent['meta']['versionId']}"
        assert hospital.payloads[-1]["entry"][-1]["resource"]["status"] == status


def test_of_a_referral_that_has_ended_nothing_more_is_asked(hospital: Hospital, link: Make) -> None:
    referred(hospital)
    polling = link()
    news(hospital, polling)
    hospital.task("mine", status="completed")
    assert len(news(hospital, polling)) == 1
    patient(hospital, active=True)
    assert news(hospital, polling) == []


def test_what_changed_while_we_were_away_is_seen_after_a_restart(hospital: Hospital, link: Make) -> None:
    referred(hospital)
    news(hospital, link())
    changed = patient(hospital, active=True)
    found = news(hospital, link())
    assert f"Patient/{hospital.name}-p {changed['meta']['versionId']}" in [each for one in found for each in one]


def test_records_are_merged_and_parted_again(hospital: Hospital, link: Make) -> None:
    """Both records come with the Task when they are parted, also the one that is named no more; and then no longer."""
    old, new = f"{hospital.name}-p", f"{hospital.name}-n"

    def put(id_: str, *said: tuple[str, str]) -> str:
        link_ = [{"other": {"reference": f"Patient/{other}"}, "type": kind} for kind, other in said]
        stored = hospital.put({"resourceType": "Patient", "id": id_, **({"link": link_} if link_ else {})})
        return f"Patient/{id_} {stored['meta']['versionId']}"

    put(new)
    put(old)
    hospital.task("mine")
    polling = link()
    news(hospital, polling)
    merged = [put(new, ("replaces", old)), put(old, ("replaced-by", new))]
    ((_, *around),) = news(hospital, polling)
    assert around == merged
    one = put(old)
    ((_, *around),) = news(hospital, polling)
    assert around == [one, merged[0]]
    other = put(new)
    ((_, *around),) = news(hospital, polling)
    assert around == [one, other]
    put(new)
    assert news(hospital, polling) == []


def test_what_was_not_stored_is_looked_at_again(hospital: Hospital, link: Make) -> None:
    referred(hospital)
    polling = link()
    news(hospital, polling)
    patient(hospital, active=True)
    lost = list(polling.receive(hospital.cursor))  # and the process could not commit
    assert len(lost) == 1
    assert len(news(hospital, polling)) == 1
    assert news(hospital, polling) == []


@pytest.mark.parametrize("priority", ["urgent", "asap", "stat"])
def test_an_urgent_referral_is_asked_for_more_often_while_it_is_open(
    hospital: Hospital, link: Make, priority: str
) -> None:
    polling = link()
    assert polling.every == 900
    referred(hospital)
    news(hospital, polling)
    assert polling.every == 900
    hospital.task("mine", priority=priority)
    news(hospital, polling)
    assert polling.every == 60
    hospital.task("mine", priority=priority, status="completed")
    news(hospital, polling)
    assert polling.every == 900


def test_of_our_own_tasks_at_a_recipients_server_no_patient_is_read(hospital: Hospital, link: Make) -> None:
    """What is around them are copies of ours: read back, they would be our own words as the recipient's."""
    patient(hospital)
    us = {"reference": f"Organization/{hospital.name}"}
    for status in ("requested", "accepted", "in-progress"):
        hospital.task("ours", requester=us, status=status)
    polling = link(owner="", requester=us["reference"])
    assert [len(each) for each in news(hospital, polling)] == [1]
    hospital.task("ours", requester=us, status="completed")
    patient(hospital, active=True)
    assert [len(each) for each in news(hospital, polling)] == [1]
    assert news(hospital, polling) == []
