"""Our Subscription on a server that answers as the test says: found, doubled, given up, refused, forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from casebridge_fhir.link import FhirRest
from casebridge_fhir.subscribing import subscriber as module
from pydantic import SecretStr

from casebridge import Context

BASE = "https://hospital.example/fhir"
SECRET = SecretStr("0123456789abcdef0123456789abcdef-for-tests")


class Site:
    """A link onto the scripted server; each ``poll`` is one, and its look at the Subscription is due."""

    def __init__(self, script: Any, **settings: Any) -> None:
        self.script = script
        script.on("GET", "metadata", answer(404, {}))
        script.on("GET", "Task", answer(200, {"resourceType": "Bundle", "type": "searchset"}))
        script.on("GET", "Subscription", found())
        context = Context("hospital", partners_url="https://us.example")
        chosen = {"base_url": BASE, "pause": 0, "attempts": 1, "subscribe": "classic", "notify_key": SECRET, **settings}
        self.link = FhirRest(FhirRest.Settings(**chosen), context, httpx2.MockTransport(script))
        self.notes = context.notes

    def poll(self) -> str:
        self.link.subscriber._next = 0.0
        assert list(self.link.receive(None)) == []
        return self.link.remark

    def ours(self, id_: str = "s1", **more: Any) -> dict[str, Any]:
        address = self.link.subscriber.address
        channel = {"type": "rest-hook", "endpoint": address.url, "header": [f"Authorization: Bearer {address.token}"]}
        return {"resourceType": "Subscription", "id": id_, "status": "active", "channel": channel,
                "criteria": "Task?code=http://hl7.org/fhir/CodeSystem/task-code|fulfill",
                "end": (datetime.now(UTC) + timedelta(days=29)).isoformat(), **more}  # fmt: skip

    def written(self, method: str) -> list[dict[str, Any]]:
        return [json.loads(r.content) for r in self.script.asked_for(method, "Subscription")]


def answer(status: int, body: dict[str, Any], **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json=body, headers=headers)


def found(*resources: dict[str, Any]) -> httpx2.Response:
    entries = [{"fullUrl": f"{BASE}/Subscription/{r['id']}", "resource": r} for r in resources]
    return answer(200, {"resourceType": "Bundle", "type": "searchset", "entry": entries})


@pytest.fixture
def site(script: Any) -> Site:
    return Site(script)


def test_none_is_there_so_one_is_made_and_the_same_is_kept(site: Site, script: Any) -> None:
    script.on("POST", "Subscription", answer(201, {}, Location=f"{BASE}/Subscription/s1/_history/1"))
    assert site.poll() == ""
    (made,) = site.written("POST")
    assert made["channel"]["endpoint"] == site.link.subscriber.address.url
    script.on("GET", "Subscription/s1", answer(200, site.ours()))
    assert [site.poll() for _ in range(3)] == ["", "", ""]
    assert len(site.written("POST")) == 1
    assert site.written("PUT") == []


def test_one_that_is_there_is_taken_and_its_double_is_ended(site: Site, script: Any) -> None:
    strangers = site.ours("s9", channel={"type": "rest-hook", "endpoint": "https://elsewhere.example"})
    script.on("GET", "Subscription", found(strangers, site.ours("s1"), site.ours("s2")))
    script.on("DELETE", "Subscription/s2", answer(204, {}))
    assert site.poll() == ""
    assert site.notes.get("subscription") == "s1"
    assert [r.url.path for r in script.asked_for("DELETE")] == ["/fhir/Subscription/s2"]
    assert site.written("POST") == []


@pytest.mark.parametrize(("there", "remark"), [
    ({"status": "error"}, "could not notify us"), ({"status": "off"}, ""),
    ({"end": "2026-01-01T00:00:00Z"}, ""), ({"criteria": "Task?owner=Organization/x"}, ""),
])  # fmt: skip
def test_one_that_is_not_as_it_should_be_is_set_right(
    site: Site, script: Any, there: dict[str, Any], remark: str
) -> None:
    site.notes.keep("subscription", "s1")
    script.on("GET", "Subscription/s1", answer(200, site.ours(**there, meta={"versionId": "4"})))
    script.on("PUT", "Subscription/s1", answer(200, site.ours()))
    said = site.poll()
    assert remark in said
    assert bool(said) == bool(remark)
    (put,) = site.written("PUT")
    assert (put["status"], put["criteria"]) == ("requested", site.ours()["criteria"])
    assert script.asked_for("PUT")[0].headers["if-match"] == 'W/"4"'


def test_one_that_is_gone_is_made_anew(site: Site, script: Any) -> None:
    site.notes.keep("subscription", "s1")
    script.on("GET", "Subscription/s1", answer(410, {}))
    script.on("POST", "Subscription", answer(201, {"resourceType": "Subscription", "id": "s2"}))
    assert site.poll() == ""
    assert site.notes.get("subscription") == "s2"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422, 500, 503])
def test_a_server_that_takes_none_is_polled_and_people_hear_of_it(site: Site, script: Any, status: int) -> None:
    script.on("POST", "Subscription", answer(status, {"resourceType": "OperationOutcome", "issue": []}))
    assert "We are not told of news there and poll" in site.poll()
    assert script.asked_for("GET", "Task")


def test_a_door_on_this_machine_only_is_said(script: Any) -> None:
    site = Site(script)
    site.link.subscriber._partners_url = "http://127.0.0.1:8420"
    assert "partners_url" in site.poll()
    assert site.written("POST") == []


def test_silence_is_said_and_lost_numbers_are_taken_up(script: Any) -> None:
    site = Site(script, subscribe="backport")
    silent = datetime.now(UTC) - module.SILENT - timedelta(minutes=1)
    site.notes.keep("subscription", "s1")
    site.notes.keep("heard", f"3 {silent.isoformat(timespec='seconds')}")
    want = module.wanted.wanted(site.link._settings, site.link.subscriber.address, datetime.now(UTC))
    script.on("GET", "Subscription/s1", answer(200, {**want, "id": "s1", "status": "active"}))
    said = {"resourceType": "Parameters", "parameter": [
        {"name": "type", "valueCode": "query-status"}, {"name": "events-since-subscription-start", "valueString": "7"}]}
    script.on("GET", "Subscription/s1/$status", answer(200, {"resourceType": "Bundle", "entry": [{"resource": said}]}))
    assert "Nothing has reached us from there since" in site.poll()
    assert site.notes.get("heard").startswith("7 ")


def test_one_that_is_wanted_no_more_is_ended(script: Any) -> None:
    site = Site(script, subscribe="no")
    site.notes.keep("subscription", "s1")
    script.on("DELETE", "Subscription/s1", answer(404, {}))
    assert site.poll() == ""
    assert site.notes.get("subscription") == ""
