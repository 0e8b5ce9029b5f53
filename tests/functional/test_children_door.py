"""A source that reads at our FHIR door sees what was made of its referral: Tasks that are part of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from agencies import OFFER, SPLIT, on_sqlite, say, states, with_agencies
from doors import SETTINGS, TOKEN, fhir_client
from sites import TestSite, order, patient, task

Make = Callable[..., TestSite]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., TestSite]]:
    yield from on_sqlite(tmp_path)


@contextmanager
def hospital(make_site: Make, folder: Path, to: str, walled: str = "") -> Iterator[tuple[TestSite, httpx2.Client]]:
    """A hospital that comes to our door, and has referred."""
    (folder / "token").write_text(TOKEN)
    site = with_agencies(make_site, folder, to, walled, hospital_carrier="fhir", hospital_settings=SETTINGS)
    with fhir_client(site.bridge) as client:
        for made in (patient(), order("employment-status"), task(owner={"reference": "Organization/bridge"})):
            answer = client.put(f"{made['resourceType']}/{made['id']}", json=made)
            assert answer.status_code in (200, 201), answer.text
        site.work()
        yield site, client


def parts(client: httpx2.Client) -> list[dict[str, Any]]:
    found = [e["resource"] for e in client.get("Task").json().get("entry", [])]
    return sorted((t for t in found if t.get("partOf") == [{"reference": "Task/t1"}]), key=lambda t: str(t["id"]))


def test_the_parts_of_a_split_referral_stand_beside_it(make_site: Make, tmp_path: Path) -> None:
    with hospital(make_site, tmp_path, SPLIT) as (site, client):
        assert [t["status"] for t in parts(client)] == ["requested", "requested"]
        assert {t["focus"]["reference"] for t in parts(client)} == {"ServiceRequest/s1"}
        say(site, "north", "accept")
        assert sorted(t["status"] for t in parts(client)) == ["accepted", "requested"]
        assert client.get("Task/t1").json()["status"] == "accepted"


def test_the_source_cancels_one_part_and_the_whole_goes_on(make_site: Make, tmp_path: Path) -> None:
    with hospital(make_site, tmp_path, SPLIT) as (site, client):
        say(site, "north", "accept")
        (one,) = [t for t in parts(client) if t["status"] == "requested"]
        cancelled = {**one, "status": "cancelled", "statusReason": {"text": "not needed"}}
        answer = client.put(f"Task/{one['id']}", json=cancelled)
        assert answer.status_code == 200, answer.text
        site.work()
        assert states(site) == {"all": "accepted", "north": "accepted", "south": "cancelled"}
        assert site.out("south")[-1]["status"] == "cancelled"


def test_where_one_of_them_is_behind_a_wall_none_is_shown(make_site: Make, tmp_path: Path) -> None:
    """Whoever sees who declined knows who has it."""
    with hospital(make_site, tmp_path, OFFER, walled="south") as (site, client):
        say(site, "south", "accept")
        assert parts(client) == []
        assert client.get("Task/t1").json()["status"] == "accepted"
        assert "south" not in client.get("Task").text
