"""An offer to two agencies with FHIR servers of their own: Tasks, what is copied before one accepts, and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from agencies import on_sqlite
from fhir_server import FhirServer, fhir_server
from sites import TestSite, bundle, order, patient, task

AGENCY = """
[partner.{name}]
role = "cbo"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc-recipient"
known_as = ["Organization/{name}"]
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]
settings = {{ base_url = "{base}", recipient = "Organization/{name}", requester = "Organization/bridge", pause = 0 }}
"""
ROUTE = """
[[route]]
when = { kind = "referral", domain = "employment-status" }
to = ["north", "south"]
mode = "offer"
"""


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., TestSite]]:
    yield from on_sqlite(tmp_path)


@pytest.fixture
def servers() -> Iterator[dict[str, FhirServer]]:
    with ExitStack() as opened:
        found = {name: opened.enter_context(fhir_server()) for name in ("north", "south")}
        for name, server in found.items():
            server.put({"resourceType": "Organization", "id": name}, {"resourceType": "Organization", "id": "bridge"})
        yield found


@pytest.fixture
def site(servers: dict[str, FhirServer], make_site: Callable[..., TestSite]) -> TestSite:
    more = "".join(AGENCY.format(name=name, base=server.base) for name, server in servers.items())
    made = make_site(more=more + ROUTE)
    noted = {"note": [{"text": "Ada has a degree"}], "supportingInfo": [{"reference": "QuestionnaireResponse/form"}]}
    along = task(input=[{"type": {"text": "Letter"}, "valueReference": {"reference": "DocumentReference/letter"}}])
    made.drop("hospital", "1.json", bundle(along, order("employment-status", **noted), patient(), *sent_along()))
    return made


def sent_along() -> list[dict[str, Any]]:
    """A letter and a filled-in form; both speak of her by her name."""
    known = {"subject": {"reference": "Patient/p1"}}
    letter = {"resourceType": "DocumentReference", "id": "letter", "status": "current", **known,
              "content": [{"attachment": {"title": "Letter for Ada Moreno", "data": "QWRh"}}]}  # fmt: skip
    form = {"resourceType": "QuestionnaireResponse", "id": "form", "status": "completed", **known,
            "item": [{"linkId": "1", "text": "What do you like to be called?", "answer": [{"valueString": "Ada"}]}]}
    return [letter, form]


def one(server: FhirServer, kind: str) -> dict[str, Any]:
    (found,) = (r for r in server.resources.values() if r["resourceType"] == kind)
    return found


def accepts(site: TestSite, server: FhirServer) -> None:
    """The agency's people accept; some time later we look."""
    server.put({**one(server, "Task"), "status": "accepted"})
    later = site.bridge.site.clock() + timedelta(hours=1)
    site.bridge.site.clock = lambda: later
    site.work()


def test_before_one_accepts_neither_server_holds_who_it_is(site: TestSite, servers: dict[str, FhirServer]) -> None:
    assert site.held() == []
    for server in servers.values():
        assert one(server, "Task")["status"] == "requested"
        for word in ("Moreno", "555-0142", "1987", "Ada", "QWRh"):
            assert word not in str(server.resources), word


def test_who_accepts_gets_the_name_and_the_others_task_is_cancelled(
    site: TestSite, servers: dict[str, FhirServer]
) -> None:
    accepts(site, servers["south"])
    assert [name["family"] for name in one(servers["south"], "Patient")["name"]] == ["Moreno"]
    mine = one(servers["south"], "Task")
    assert mine["status"] == "accepted"
    assert servers["south"].resources[mine["input"][0]["valueReference"]["reference"]]["content"]
    assert one(servers["south"], "QuestionnaireResponse")["item"][0]["answer"] == [{"valueString": "Ada"}]
    withdrawn = one(servers["north"], "Task")
    assert withdrawn["status"] == "cancelled"
    assert "south" not in str(withdrawn)
    assert "Moreno" not in str(servers["north"].resources)
    assert [t["status"] for t in site.out("hospital")] == ["accepted"]


def test_whoever_accepts_too_late_finds_its_task_cancelled_again(
    site: TestSite, servers: dict[str, FhirServer]
) -> None:
    accepts(site, servers["south"])
    accepts(site, servers["north"])
    assert one(servers["north"], "Task")["status"] == "cancelled"
    assert "Moreno" not in str(servers["north"].resources)
    assert [t["status"] for t in site.out("hospital")] == ["accepted"]
