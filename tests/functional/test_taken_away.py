"""A Task that a partner deletes: nobody's referral ends by itself, and a person is told once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_server import FhirServer, fhir_server
from indirect import IndirectSite, hospitals, of_type, parties

from casebridge.engine import held as desk
from casebridge.store.ledger import Message


@pytest.fixture
def servers() -> Iterator[tuple[FhirServer, FhirServer]]:
    with fhir_server() as hospital, fhir_server() as agency:
        agency.put(*parties())
        yield hospital, agency


@pytest.fixture
def site(tmp_path: Path, servers: tuple[FhirServer, FhirServer]) -> Iterator[IndirectSite]:
    one = IndirectSite(tmp_path, *(server.base for server in servers))
    yield one
    one.bridge.close()


def task_at(agency: FhirServer) -> dict[str, Any]:
    (made,) = (r for r in of_type(agency.resources.values(), "Task") if r["id"].startswith("made-"))
    return made


def deleted(site: IndirectSite, server: FhirServer, address: str) -> Message:
    """It is gone there; what is then held."""
    del server.resources[address]
    site.work(3)
    (held,) = site.messages(state="held")
    return held


def test_the_sender_deletes_its_task_and_a_person_decides_that_it_was_withdrawn(
    site: IndirectSite, servers: tuple[FhirServer, FhirServer]
) -> None:
    hospital, agency = servers
    hospital.put(*hospitals())
    site.work()
    agency.put({**task_at(agency), "status": "accepted"})
    site.work(2)
    held = deleted(site, hospital, "Task/ref")
    (referral,) = site.referrals()
    assert (held.code, held.partner, held.correlation, held.who) == ("CB-536", "hospital", referral.id, "worker")
    assert "Mercy Hospital" in (held.reason or "")
    assert (referral.status, task_at(agency)["status"]) == ("accepted", "accepted"), "nothing ends by itself"
    site.replay(held.id)
    site.work()
    assert [r.status for r in site.referrals()] == ["cancelled"]
    assert task_at(agency)["status"] == "cancelled"
    assert site.messages(state="held") == []


def test_it_was_a_mistake_and_goes_on(site: IndirectSite, servers: tuple[FhirServer, FhirServer]) -> None:
    hospital, agency = servers
    hospital.put(*hospitals())
    site.work()
    task = dict(hospital.resources["Task/ref"])
    held = deleted(site, hospital, "Task/ref")
    hospital.put(task)
    desk.drop(site.bridge.site, held.id, "put back", "ruth")
    agency.put({**task_at(agency), "status": "accepted"})
    site.work(3)
    assert site.messages(state="held") == []
    assert hospital.resources["Task/ref"]["status"] == "accepted"


def test_the_recipient_deletes_its_task(site: IndirectSite, servers: tuple[FhirServer, FhirServer]) -> None:
    hospital, agency = servers
    hospital.put(*hospitals())
    site.work()
    held = deleted(site, agency, f"Task/{task_at(agency)['id']}")
    assert (held.code, held.partner) == ("CB-536", "agency")
    assert [r.status for r in site.referrals()] == ["requested"]
    site.reopen()
    site.work(2)
    assert len(site.messages(state="held")) == 1, "told once"


def test_one_that_is_given_to_somebody_else_is_told_as_well(
    site: IndirectSite, servers: tuple[FhirServer, FhirServer]
) -> None:
    hospital, _ = servers
    hospital.put(*hospitals())
    site.work()
    hospital.put({**hospital.resources["Task/ref"], "owner": {"reference": "Organization/other"}})
    site.work(2)
    (held,) = site.messages(state="held")
    assert "somebody else" in (held.reason or "")


@pytest.mark.long
def test_when_none_of_many_is_there_it_is_the_server(
    site: IndirectSite, servers: tuple[FhirServer, FhirServer]
) -> None:
    hospital, _ = servers
    for number in range(5):
        *rest, task = hospitals(str(number))
        hospital.put(*rest, {**task, "owner": {"reference": "Organization/bridge"}})
    site.work()
    hospital.resources.clear()
    site.work(2)
    assert site.messages(state="held") == []
    assert [r.status for r in site.referrals()] == ["requested"] * 5
    assert "none of 5 Tasks" in site.bridge.lanes.problems["hospital"]
