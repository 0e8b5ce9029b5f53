"""Replay to a server that can be asked: what it has already is looked for first, and one of ours is never two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fhir_server import FhirServer, fhir_server
from replaying import replayed, tried
from sites import TestSite, order, patient, task


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with fhir_server() as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, server: FhirServer) -> Iterator[TestSite]:
    """The hospital's Task was accepted, and that was written to its server."""
    server.put(patient(), order(), task())
    made = TestSite(tmp_path, hospital_carrier="fhir-rest", hospital_settings=f'{{ base_url = "{server.base}" }}')
    made.work()
    made.answer(made.referral().id, "accept")
    yield made
    made.bridge.close()


def test_what_the_server_has_already_is_not_written_again(site: TestSite, server: FhirServer) -> None:
    assert server.writes == ["PUT Task/t1"]
    assert [t.verdict for t in tried(site, "prepare", partner="hospital", again=False)] == ["unchanged"]
    replayed(site, "prepare", partner="hospital", again=False)
    assert server.writes == ["PUT Task/t1"]


def test_what_they_changed_meanwhile_stays_and_ours_goes_onto_it(site: TestSite, server: FhirServer) -> None:
    server.put({**server.resources["Task/t1"], "description": "theirs now", "status": "requested"})
    site.work()  # it is polled
    assert server.resources["Task/t1"]["status"] == "requested"
    (one,) = tried(site, "prepare", partner="hospital", again=False)
    assert ("added", "description") in {(p.what, p.where) for p in one.places}
    replayed(site, "prepare", partner="hospital", again=False)
    now = server.resources["Task/t1"]
    assert (now["description"], now["status"], server.writes) == ("theirs now", "accepted", ["PUT Task/t1"] * 2)
    assert site.noted("sent-again") == []  # the server was asked first


def test_a_procedure_we_made_there_stays_one(site: TestSite, server: FhirServer) -> None:
    site.answer(site.referral().id, "complete", outcome="Two bags")
    made = sorted(name for name in server.resources if name.startswith("Procedure/"))
    replayed(site, "prepare", partner="hospital", again=False)
    assert sorted(name for name in server.resources if name.startswith("Procedure/")) == made
    assert len(made) == 1
