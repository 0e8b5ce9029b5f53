"""Referrals from one real FHIR server to another; one request in five meets a fault, and CaseBridge is killed thrice:
each reaches its end on both sides, none is doubled, and its states keep their order.

``CASEBRIDGE_STORM=500`` says how many; without it there are fewer, as they take minutes.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from databases import copy_of_migrated
from indirect import hospitals, parties
from programs import QUIET, Program
from weather import STORM, weather

PATIENCE = 2400
COUNT = int(os.environ.get("CASEBRIDGE_STORM", "12"))
AHEAD = {"requested": "accepted", "accepted": "in-progress", "in-progress": "completed"}
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
    """The agency's people: each Task goes on by one state each time they look."""

    def __init__(self, agency: Side) -> None:
        super().__init__(daemon=True)
        self.agency, self.home = agency, threading.Event()
        self.trouble: list[str] = []

    def run(self) -> None:
        while not self.home.wait(0.5):
            for state in AHEAD:
                for task in self.agency.all("Task", f"status={state}&"):
                    self._go_on(task)

    def _go_on(self, task: dict[str, Any]) -> None:
        last = AHEAD[task["status"]] == "completed"
        done = {"output": [{"type": {"text": "done"}, "valueCodeableConcept": {"text": "Two bags of food"}}]}
        try:
            self.agency.put({**task, "status": AHEAD[task["status"]], **(done if last else {})})
        except httpx2.HTTPError as error:
            self.trouble.append(str(error))


@pytest.fixture
def servers(sekmet: str, medplum: str) -> Iterator[tuple[Side, Side]]:
    hospital, agency = Side(sekmet), Side(medplum)
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


def serve(folder: Path) -> Program:
    return Program("serve", "--config", folder / "casebridge.toml", cwd=folder, stdout=QUIET, stderr=QUIET)


@pytest.mark.long
@pytest.mark.timeout(PATIENCE + 300)
def test_through_the_storm(tmp_path: Path, servers: tuple[Side, Side]) -> None:
    hospital, agency = servers
    count = COUNT
    tag, draw = "-storm-", random.Random(count)
    agency.put(*parties())
    with (weather(hospital.base, faults=STORM, seed=1) as before,
          weather(agency.base, "ignores-if-none-exist", faults=STORM, seed=2) as behind):  # fmt: skip
        (tmp_path / "casebridge.toml").write_text(CONFIG.format(
            hospital=before.base, agency=behind.base, polling=POLLING, more=f"pause = 0.05, {POLLING}"))  # fmt: skip
        copy_of_migrated(tmp_path / "casebridge.db")
        for number in range(count):
            hospital.put(*referral(tag, number))
        people = People(agency)
        people.start()
        kills = 3
        process, until, next_kill = serve(tmp_path), time.monotonic() + PATIENCE, time.monotonic() + 4
        try:
            while time.monotonic() < until:
                time.sleep(0.5)
                assert process.poll() is None, "it ended by itself"
                ours = [t for t in hospital.all("Task") if tag in t["id"]]
                if kills and time.monotonic() > next_kill:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    process, kills = serve(tmp_path), kills - 1
                    next_kill = time.monotonic() + draw.uniform(2, 5)
                if not kills and all(t["status"] == "completed" for t in ours):
                    break
        finally:
            people.home.set()
            people.join()
            process.terminate()
            process.wait(30)
    assert people.trouble == []
    assert Counter(t["status"] for t in ours) == {"completed": count}
    copies = [t for t in agency.all("Task") if any(tag in str(ref) for ref in t["partOf"])]
    assert Counter(t["status"] for t in copies) == {"completed": count}
    of = Counter(t["partOf"][0]["identifier"]["value"] for t in copies)
    assert (len(of), max(of.values())) == (count, 1)
    people_there = Counter(t["for"]["reference"] for t in copies)
    assert (len(people_there), max(people_there.values())) == (count, 1)
    in_order = ["requested", "accepted", "in-progress", "completed"]
    for task in ours:
        seen = hospital.states(task["id"])
        assert seen == [state for state in in_order if state in seen]
        assert (seen[0], seen[-1]) == ("requested", "completed")
    assert before.met
    assert behind.met
