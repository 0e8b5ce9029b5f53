"""Referrals from one real FHIR server to another; one request in five meets a fault, and CaseBridge is killed thrice:
each reaches its end on both sides, none is doubled, and its states keep their order.

``CASEBRIDGE_STORM=500`` says how many; without it there are fewer, as they take minutes.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from databases import copy_of_migrated
from indirect import hospitals, parties
from programs import QUIET, Program
from weather import STORM, weather

COUNT = int(os.environ.get("CASEBRIDGE_STORM", "12"))
PATIENCE = 600 + 12 * COUNT
LOOK = 0.5 + COUNT / 200  # to list all Tasks is work for the server, too
KILLS = 3
AHEAD = {"requested": "accepted", "accepted": "in-progress", "in-progress": "completed"}
IN_ORDER = ["requested", "accepted", "in-progress", "completed"]
CONFIG = """
[site]
name = "Test Site"
treatment = "consent"

[store]
url = "sqlite:///casebridge.db"

[web]
partners = "127.0.0.1:0"
console = "127.0.0.1:0"
poll_seconds = 1

[partner.hospital]
role = "covered_entity"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc"
known_as = ["Organization/mercy"]
delivery = {{ first_wait = "1s", longest_wait = "3s" }}
settings = {{ base_url = "{hospital}", owner = "Organization/bridge", pause = 0.05, {polling} }}

[partner.agency]
role = "cbo"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc-recipient"
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]
delivery = {{ first_wait = "1s", longest_wait = "3s" }}
settings = {{ base_url = "{agency}", recipient = "Organization/harbor", requester = "Organization/bridge", {more} }}

[[route]]
when = {{ kind = "referral", domain = "food-insecurity" }}
to = "agency"
"""
POLLING = "poll_minutes = 0.02, urgent_poll_minutes = 0.02, overlap = 2"


class Side:
    """One server as its own people see it, in fair weather."""

    def __init__(self, base: str) -> None:
        self.base, self.http = base, httpx2.Client(trust_env=False, timeout=60)

    def put(self, *resources: dict[str, Any]) -> None:
        for resource in resources:
            self.http.put(f"{self.base}/{resource['resourceType']}/{resource['id']}", json=resource).raise_for_status()

    def all(self, kind: str, asked: str = "") -> list[dict[str, Any]]:
        found, url = [], f"{self.base}/{kind}?{asked}_count=1000"
        while url:
            bundle = self.http.get(url).raise_for_status().json()
            found += [e["resource"] for e in bundle.get("entry", ()) if e["resource"]["resourceType"] == kind]
            url = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), "")
        return found

    def states(self, task: str) -> list[str]:
        """The states of a Task in the order it had them."""
        bundle = self.http.get(f"{self.base}/Task/{task}/_history?_count=100").raise_for_status().json()
        found = [e["resource"]["status"] for e in reversed(bundle["entry"])]
        return [state for n, state in enumerate(found) if n == 0 or state != found[n - 1]]


class People(threading.Thread):
    """The agency's people: each Task goes on by one state each time they look. What goes wrong when they look or write
    is no fault of CaseBridge: they look again."""

    def __init__(self, agency: Side) -> None:
        super().__init__(daemon=True)
        self.agency, self.home = agency, threading.Event()
        self.trouble: list[str] = []

    def run(self) -> None:
        while not self.home.wait(0.5):
            try:
                for state in AHEAD:
                    for task in self.agency.all("Task", f"status={state}&"):
                        self._go_on(task)
            except httpx2.HTTPError as error:
                self.trouble.append(repr(error))

    def _go_on(self, task: dict[str, Any]) -> None:
        last = AHEAD[task["status"]] == "completed"
        done = {"output": [{"type": {"text": "done"}, "valueCodeableConcept": {"text": "Two bags of food"}}]}
        self.agency.put({**task, "status": AHEAD[task["status"]], **(done if last else {})})


@pytest.fixture
def sides(request: pytest.FixtureRequest) -> Iterator[tuple[Side, Side]]:
    hospital, agency = (Side(request.getfixturevalue(name)) for name in request.param)
    yield hospital, agency
    hospital.http.close()
    agency.http.close()


def referral(tag: str, number: int) -> list[dict[str, Any]]:
    """Each about another person."""
    found = hospitals(f"{tag}{number}")
    for resource in found:
        for identifier in resource.get("identifier", ()):
            identifier["value"] = f"7{number:08}"
        if "owner" in resource:
            resource["owner"] = {"reference": "Organization/bridge"}
    return found


@dataclass
class Served:
    """``casebridge serve`` on one folder, killed at the start and whenever another third has reached its end."""

    folder: Path
    kills: int = 0

    def __post_init__(self) -> None:
        self.process, self.since = self._start(), time.monotonic()

    def _start(self) -> Program:
        config = self.folder / "casebridge.toml"
        return Program("serve", "--config", config, cwd=self.folder, stdout=QUIET, stderr=QUIET)

    def look(self, ended: float) -> None:
        assert self.process.poll() is None, "it ended by itself"
        if self.kills < KILLS and time.monotonic() - self.since > 4 and ended >= self.kills / KILLS:
            self.process.kill()
            self.process.wait()
            self.kills += 1
            self.process, self.since = self._start(), time.monotonic()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.mark.long
@pytest.mark.timeout(PATIENCE + 300)
@pytest.mark.parametrize(("sides", "habits"), [
    (("sekmet", "medplum"), ("ignores-if-none-exist",)), (("medplum", "sekmet"), ()),
], ids=["to Medplum, which ignores If-None-Exist", "to sekmet"], indirect=["sides"])  # fmt: skip
def test_through_the_storm(
    tmp_path: Path, sides: tuple[Side, Side], habits: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    hospital, agency = sides
    tag = f"-{sha256(request.node.name.encode()).hexdigest()[:6]}-"
    agency.put(*parties())
    with (weather(hospital.base, faults=STORM, seed=1) as before,
          weather(agency.base, *habits, faults=STORM, seed=2) as behind):  # fmt: skip
        (tmp_path / "casebridge.toml").write_text(CONFIG.format(
            hospital=before.base, agency=behind.base, polling=POLLING, more=f"pause = 0.05, {POLLING}"))  # fmt: skip
        copy_of_migrated(tmp_path / "casebridge.db")
        for number in range(COUNT):
            hospital.put(*referral(tag, number))
        ours = through(hospital, agency, Served(tmp_path), tag)
    in_the_end(hospital, agency, ours, tag)
    assert before.met
    assert behind.met


def through(hospital: Side, agency: Side, served: Served, tag: str) -> list[dict[str, Any]]:
    """The hospital's Tasks when all are completed, or when patience ends."""
    people, until = People(agency), time.monotonic() + PATIENCE
    people.start()
    try:
        while time.monotonic() < until:
            time.sleep(LOOK)
            ours = [t for t in hospital.all("Task") if tag in t["id"]]
            assert people.is_alive(), people.trouble
            ended = sum(t["status"] == "completed" for t in ours) / COUNT
            served.look(ended)
            if served.kills == KILLS and ended == 1:
                break
    finally:
        people.home.set()
        people.join()
        served.end()
    assert len(people.trouble) < COUNT, people.trouble[-5:]
    return ours


def in_the_end(hospital: Side, agency: Side, ours: list[dict[str, Any]], tag: str) -> None:
    assert Counter(t["status"] for t in ours) == {"completed": COUNT}
    copies = [t for t in agency.all("Task") if any(tag in str(ref) for ref in t.get("partOf", ()))]
    assert Counter(t["status"] for t in copies) == {"completed": COUNT}
    of = Counter(t["partOf"][0]["identifier"]["value"] for t in copies)
    assert (len(of), max(of.values())) == (COUNT, 1), "each referral is there once"
    people = Counter(t["for"]["reference"] for t in copies)
    assert (len(people), max(people.values())) == (COUNT, 1), "so is each person"
    for task in ours:
        seen = hospital.states(task["id"])
        assert seen == [state for state in IN_ORDER if state in seen]
        assert (seen[0], seen[-1]) == ("requested", "completed")
