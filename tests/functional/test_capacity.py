"""Whether an agency has room (SDOHCC 3.0.0, Capacity Status): shown with its day, heeded where the route says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from agencies import SPLIT, on_sqlite, parent, with_agencies
from sites import SDOH, TestSite, bundle, order, patient, task

from casebridge.engine.family import Family
from casebridge.engine.timeline import referral_page

Make = Callable[..., TestSite]
NOW = datetime(2026, 11, 2, 15, tzinfo=UTC)
STATUS = "http://hl7.org/fhir/us/sdoh-clinicalcare/StructureDefinition/SDOHCC-ExtensionHealthcareServiceCapacityStatus"
SKIP = 'to = "north"\nthen = ["south", "west"]\nskip_full = true'


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., TestSite]]:
    yield from on_sqlite(tmp_path)


def service(agency: str, status: str, at: str = "2026-11-02T14:00:00Z", domain: str = "employment-status"
            ) -> dict[str, Any]:  # fmt: skip
    """What the county's directory says of an agency's service; the site's agencies are known as it."""
    coding = {"coding": [{"system": SDOH, "code": status}]}
    return {
        "resourceType": "HealthcareService", "id": agency, "meta": {"versionId": at, "lastUpdated": at}, "active": True,
        "name": f"Jobs at {agency}", "category": [{"coding": [{"system": SDOH, "code": domain}]}],
        "extension": [{"url": STATUS, "extension": [{"url": "capacityStatus", "valueCodeableConcept": coding},
                                                    {"url": "capacityNotes", "valueString": "until Friday"}]}],
    }  # fmt: skip


def site_with(make_site: Make, folder: Path, to: str, *services: dict[str, Any]) -> TestSite:
    """The hospital's server tells of the services, then refers."""
    site = with_agencies(make_site, folder, to)
    site.bridge.site.clock = lambda: NOW
    for name, partner in list(site.bridge.site.partners.items()):
        site.bridge.site.partners[name] = replace(partner, known_as=(f"HealthcareService/{name}",))
    for number, made in enumerate(services):
        site.drop("hospital", f"s{number}.json", bundle(made))
    site.drop("hospital", "t.json", bundle(task(), order("employment-status"), patient()))
    return site


def around(site: TestSite) -> Family:
    page = referral_page(site.bridge.site, parent(site).id)
    assert page is not None
    return page.family


def asked(site: TestSite) -> list[str]:
    return [str(r.recipient) for r in site.referrals() if r.recipient]


def test_a_full_agency_is_passed_over_where_the_route_says_so_and_the_planner_sees_it(
    make_site: Make, tmp_path: Path
) -> None:
    site = site_with(make_site, tmp_path, SKIP, service("north", "no-capacity"))
    assert asked(site) == ["south"]
    assert around(site).passed_over == ("The north agency",)


HEEDED = [
    ("it has a waiting list only", service("north", "waitlist"), "south"),
    ("it has room", service("north", "capacity"), "north"),
    ("it has room after an assessment", service("north", "additional-assessment-required"), "north"),
    ("that was two days ago", service("north", "no-capacity", "2026-10-31T14:00:00Z"), "north"),
    ("nobody knows when that was", service("north", "no-capacity", "2026"), "north"),
    ("another service is full", service("north", "no-capacity", domain="homelessness"), "north"),
]


@pytest.mark.parametrize(("about", "said", "goes_to"), HEEDED)
def test_what_counts_as_full(make_site: Make, tmp_path: Path, about: str, said: dict[str, Any], goes_to: str) -> None:
    assert asked(site_with(make_site, tmp_path, SKIP, said)) == [goes_to]


def test_when_all_are_full_a_person_decides(make_site: Make, tmp_path: Path) -> None:
    full = [service(name, "no-capacity") for name in ("north", "south", "west")]
    site = site_with(make_site, tmp_path, SKIP, *full)
    (held,) = site.held()
    assert (held.code, held.who, asked(site)) == ("CB-535", "worker", [])
    site.drop("hospital", "free.json", bundle(service("west", "capacity", "2026-11-02T14:30:00Z")))
    site.replay(held.id)
    assert asked(site) == ["west"]


def test_without_skip_full_it_is_asked_and_the_room_is_shown_with_its_day(make_site: Make, tmp_path: Path) -> None:
    old = service("south", "waitlist", "2026-10-20T14:00:00Z")
    site = site_with(make_site, tmp_path, SPLIT, service("north", "no-capacity"), old)
    assert asked(site) == ["north", "south"]
    rooms = {title: (room.words, room.as_of, room.stale, room.note) for title, room in around(site).rooms}
    assert rooms == {
        "The north agency": ("No room", "2026-11-02T14:00:00Z", False, "until Friday"),
        "The south agency": ("No room, has a waiting list", "2026-10-20T14:00:00Z", True, "until Friday"),
    }


def test_what_it_is_is_said_further_assessment_asked_for_by_the_client_already_in_a_program(
    make_site: Make, tmp_path: Path
) -> None:
    site = with_agencies(make_site, tmp_path, SPLIT)
    enrolled = {
        "resourceType": "Observation", "id": "o1", "meta": {"versionId": "1"}, "status": "final",
        "category": [{"coding": [{"system": SDOH, "code": "program-enrollment"}]}],
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "SNAP"}]},
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-05-21",
        "valueCodeableConcept": {"coding": [{"system": SDOH, "code": "enrolled"}]},
    }  # fmt: skip
    assess = order("employment-status", code={"coding": [{"system": "http://snomed.info/sct", "code": "710824005"}]})
    by_herself = task(requester={"reference": "Patient/p1"})
    site.drop("hospital", "1.json", bundle(by_herself, assess, patient(), enrolled))
    page = referral_page(site.bridge.site, parent(site).id)
    assert page is not None
    assert (page.asked["intent"], page.family.asked_by) == ("assess", "The client")
    (program,) = page.family.programs
    assert (program.program, program.words, program.as_of) == ("SNAP", "enrolled", "2026-05-21")
