"""A hospital and an agency that both come to our FHIR door: what each sees there, and what it never does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import maps_once
import pytest
from databases import NewStore, copy_of_migrated
from doors import TOKEN, doors_of
from indirect import hospitals

from casebridge.app import Bridge, open_bridge
from casebridge.core.errors import SetupError
from casebridge.store import disclosures

maps_once.install()
THEIRS = "a-token-of-the-agency-for-tests"
CONFIG = """
[site]
name = "Test Site"
treatment = "consent"

[store]
url = "sqlite:///casebridge.db"

[partner.hospital]
role = "covered_entity"
carrier = "fhir"
format = "fhir-r4"
maps = "sdohcc"
settings = { token = "file:token", may_write = ["*"] }

[partner.agency]
role = "cbo"
title = "Harbor House"
carrier = "fhir"
format = "fhir-r4"
maps = "sdohcc-recipient"
agreements = [{ kind = "BAA", until = 2026-12-31 }]
settings = { token = "file:theirs", recipient = "Organization/harbor", requester = "Organization/bridge" }

[[route]]
when = { kind = "referral", domain = "food-insecurity" }
to = "agency"
"""


@pytest.fixture
def bridge(tmp_path: Path, some_store: NewStore) -> Iterator[Bridge]:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "theirs").write_text(THEIRS)
    (tmp_path / "casebridge.toml").write_text(CONFIG.replace("sqlite:///casebridge.db", some_store()))
    made = open_bridge(tmp_path / "casebridge.toml")
    yield made
    made.close()


def test_two_partners_never_share_a_token(tmp_path: Path) -> None:
    """One of them would read and write as the other."""
    copy_of_migrated(tmp_path / "casebridge.db")
    (tmp_path / "casebridge.toml").write_text(CONFIG)
    for name in ("token", "theirs"):
        (tmp_path / name).write_text(TOKEN)
    with pytest.raises(SetupError, match="agency and hospital have the same token"):
        open_bridge(tmp_path / "casebridge.toml")


@pytest.mark.parametrize("token", ['"file:token"', '""'])
def test_an_empty_token_opens_nothing_not_even_the_bridge(tmp_path: Path, token: str) -> None:
    """A request with an empty one would be let in."""
    copy_of_migrated(tmp_path / "casebridge.db")
    (tmp_path / "theirs").write_text(THEIRS)
    (tmp_path / "token").write_text("\n")
    (tmp_path / "casebridge.toml").write_text(CONFIG.replace('"file:token"', token))
    with pytest.raises(SetupError, match=r"partner\.hospital\.settings"):
        open_bridge(tmp_path / "casebridge.toml")


@pytest.fixture
def url(bridge: Bridge) -> Iterator[str]:
    with doors_of(bridge) as address:
        yield f"{address}/fhir/"


def client(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


@pytest.fixture
def hospital(url: str) -> Iterator[httpx2.Client]:
    with client(url, TOKEN) as made:
        yield made


@pytest.fixture
def agency(url: str) -> Iterator[httpx2.Client]:
    with client(url, THEIRS) as made:
        yield made


@pytest.fixture
def sent(bridge: Bridge, hospital: httpx2.Client) -> None:
    """The hospital's referral, put whole and passed on."""
    entries = [{"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
               for r in hospitals()]  # fmt: skip
    answer = hospital.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200, answer.text
    bridge.lanes.drain()


def found(client: httpx2.Client, query: str) -> list[dict[str, Any]]:
    answer = client.get(query)
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def only(client: httpx2.Client, query: str) -> dict[str, Any]:
    (one,) = found(client, query)
    return one


@pytest.mark.usefixtures("sent")
def test_the_agency_sees_copies_and_an_order_of_ours(agency: httpx2.Client) -> None:
    task, order, person = found(agency, "Task?_include=Task:focus&_include=Task:patient")
    assert (task["status"], task["owner"]) == ("requested", {"reference": "Organization/harbor"})
    assert (order["intent"], order["id"] != "order") == ("filler-order", True)
    assert person["name"][0]["family"] == "Moreno"
    assert [c["code"]["coding"][0]["code"] for c in found(agency, "Condition")] == ["733423003"]  # not the debts


@pytest.mark.usefixtures("sent")
def test_neither_sees_the_others_shelf(hospital: httpx2.Client, agency: httpx2.Client) -> None:
    ours, copy = only(hospital, "Patient"), only(agency, "Patient")
    assert hospital.get(f"Patient/{copy['id']}").status_code == 404
    assert agency.get(f"Patient/{ours['id']}").status_code == 404
    assert agency.get("Condition?_summary=count").json()["total"] == 1
    assert hospital.get("Condition?_summary=count").json()["total"] == 2
    for query in ("Patient?birthdate=1987-02-20", "Task?patient.birthdate=1987-02-20"):
        assert found(agency, query) == []  # no year of birth goes to a pantry: it cannot be found out by asking


@pytest.mark.usefixtures("sent")
def test_the_agency_accepts_and_the_hospitals_task_says_so(
    bridge: Bridge, hospital: httpx2.Client, agency: httpx2.Client
) -> None:
    task = only(agency, "Task")
    said = agency.put(f"Task/{task['id']}", json={**task, "status": "accepted"}, headers={"If-Match": 'W/"1"'})
    assert said.status_code == 200, said.text
    bridge.lanes.drain()
    assert only(hospital, "Task")["status"] == "accepted"
    done = {"resourceType": "Procedure", "status": "completed", "subject": task["for"],
            "basedOn": [task["focus"]],
            "code": {"coding": [{"system": "urn:theirs", "code": "food", "display": "Two bags"}]}}  # fmt: skip
    made = agency.post("Procedure", json=done).json()
    output = {"type": {"coding": [{"system": "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/"
                                   "SDOHCC-CodeSystemTemporaryCodes", "code": "resulting-activity"}]},
              "valueReference": {"reference": f"Procedure/{made['id']}"}}  # fmt: skip
    now = only(agency, "Task")
    assert agency.put(f"Task/{now['id']}", json={**now, "status": "completed", "output": [output]}).status_code == 200
    bridge.lanes.drain()
    result = only(hospital, "Task")
    assert result["status"] == "completed"
    procedure = hospital.get(result["output"][0]["valueReference"]["reference"]).json()
    assert procedure["code"]["coding"][0]["display"] == "Two bags"


@pytest.mark.usefixtures("sent")
def test_what_may_no_more_be_shown_is_as_if_it_never_was(bridge: Bridge, agency: httpx2.Client, tmp_path: Path) -> None:
    task = only(agency, "Task")
    before = bridge.site.clock()
    bridge.site.clock = lambda: before.replace(year=2027)  # the agreement has ended
    assert found(agency, "Task") == []
    assert agency.get(f"Task/{task['id']}").status_code == 404
    assert agency.get(f"Task/{task['id']}/_history").status_code == 404
    assert agency.get("Task?_summary=count").json()["total"] == 0
    assert found(agency, "Patient") == []
    for version in ({}, {"If-Match": 'W/"1"'}, {"If-Match": 'W/"7"'}):  # nor is there a version to be found out
        written = agency.put(f"Task/{task['id']}", json=task, headers=version)
        expected = 412 if version else 422  # as of a Task that never was: its order is not there
        assert (written.status_code, "version 1" in written.text) == (expected, False)
    asked = agency.get("Patient?name=Moreno&_total=accurate").json()
    assert (asked["total"], "entry" in asked) == (0, False)


@pytest.mark.usefixtures("sent")
def test_each_time_it_is_shown_is_on_the_books(bridge: Bridge, agency: httpx2.Client) -> None:
    def shown() -> int:
        with bridge.site.store.read() as c:
            return sum(1 for d in disclosures.listed(c, recipient="agency", effect="released") if not d["message"])

    before = shown()
    found(agency, "Task?_include=Task:patient")
    assert shown() == before + 2
