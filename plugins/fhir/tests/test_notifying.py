"""Partners subscribe at our FHIR door, and are told by a real listener of theirs; two CaseBridges tell each other."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiosmtpd.controller import Controller
from casebridge_fhir.notifying.endpoints import is_allowed, resolved
from casebridge_fhir.notifying.settings import NotifyingSettings
from casebridge_fhir.xml import from_xml
from databases import NewStore
from doors import TOKEN, fhir_client
from sites import TestSite, order, patient, task
from sqlalchemy import update

from casebridge.core.errors import SetupError
from casebridge.core.subscriptions import Happened, Notification
from casebridge.engine.subscribed import SiteSubscriptions
from casebridge.store import subscriptions
from casebridge.store.database import StoreTrouble
from casebridge.store.tables import subscription

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport"
TOPIC = "http://hl7.org/fhir/us/sdoh-clinicalcare/SubscriptionTopic/Task"


class Listener:
    """A subscriber's endpoint; what came is kept, ``statuses`` are answered in turn, then 200."""

    def __init__(self) -> None:
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = outer.statuses.pop(0) if outer.statuses else 200
                outer.came.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{outer.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def told(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Of each Bundle: type, count, and (number, focus) of its events."""
        return [read(json.loads(body)) for _, _, body in self.came if body]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def read(bundle: dict[str, Any]) -> tuple[str, str, list[tuple[str, str]]]:
    said = bundle["entry"][0]["resource"]["parameter"]
    plain = {p["name"]: next((v for k, v in p.items() if k.startswith("value")), None) for p in said}
    events = [{part["name"]: part for part in p["part"]} for p in said if p["name"] == "notification-event"]
    numbered = [(e["event-number"]["valueString"], e["focus"]["valueReference"]["reference"].rpartition("/fhir/")[2])
                for e in events]  # fmt: skip
    return str(plain["type"]), str(plain["events-since-subscription-start"]), numbered


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def make_site(tmp_path: Path, some_store: NewStore) -> Iterator[Callable[..., TestSite]]:
    made: list[TestSite] = []

    def make(*notify_at: str, more: str = "") -> TestSite:
        (tmp_path / "token").write_text(TOKEN)
        settings = f'{{ token = "file:token", may_write = ["*"], notify_at = {json.dumps(notify_at)}{more} }}'
        made.append(TestSite(tmp_path, store=some_store(), hospital_carrier="fhir", hospital_settings=settings,
                             treatment="treatment"))  # fmt: skip
        return made[-1]

    yield make
    for one in made:
        one.bridge.close()


@pytest.fixture
def site(make_site: Callable[..., TestSite], listener: Listener) -> TestSite:
    return make_site(listener.url)


@pytest.fixture
def hospital(site: TestSite) -> Iterator[httpx2.Client]:
    with fhir_client(site.bridge) as client:
        yield client


def by_topic(endpoint: str, *filters: str, **channel: Any) -> dict[str, Any]:
    narrowed = [{"url": f"{BACKPORT}-filter-criteria", "valueString": f} for f in filters]
    return {"resourceType": "Subscription", "status": "requested", "reason": "News", "criteria": TOPIC,
            **({"_criteria": {"extension": narrowed}} if narrowed else {}), "channel": {
                "type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json",
                "header": ["Authorization: Bearer their-secret"], "_payload": {"extension": [
                    {"url": f"{BACKPORT}-payload-content", "valueCode": "id-only"}]}, **channel}}  # fmt: skip


def classic(endpoint: str, criteria: str = "Task?status=requested,accepted", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Subscription", "status": "requested", "reason": "News", "criteria": criteria,
            "channel": {"type": "rest-hook", "endpoint": endpoint}, **more}  # fmt: skip


def subscribed(hospital: httpx2.Client, resource: dict[str, Any]) -> str:
    answer = hospital.post("Subscription", json=resource)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "requested"
    return str(answer.json()["id"])


def put(hospital: httpx2.Client, *resources: dict[str, Any]) -> None:
    for resource in resources:
        answer = hospital.put(f"{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.is_success, answer.text


def refer(hospital: httpx2.Client, **more: Any) -> None:
    put(hospital, patient(), order(), task(**more))


def outcome(answer: httpx2.Response) -> str:
    return str(answer.json()["issue"][0]["diagnostics"])


def test_a_handshake_makes_it_active(site: TestSite, hospital: httpx2.Client, listener: Listener) -> None:
    id_ = subscribed(hospital, by_topic(listener.url))
    site.work()
    assert listener.told() == [("handshake", "0", [])]
    (path, headers, _), *_ = listener.came
    assert (path, headers["authorization"]) == ("/hooks", "Bearer their-secret")
    assert hospital.get(f"Subscription/{id_}").json()["status"] == "active"


def test_what_changes_is_told_by_number_and_id_only(
    site: TestSite, hospital: httpx2.Client, listener: Listener
) -> None:
    id_ = subscribed(hospital, by_topic(listener.url))
    site.work()
    refer(hospital)
    site.work()
    site.answer(site.referral().id, "accept")
    events = [event for kind, _, some in listener.told() if kind == "event-notification" for event in some]
    assert [number for number, _ in events] == [str(n) for n in range(1, len(events) + 1)]
    assert {focus for _, focus in events} == {"Task/t1"}
    assert len(events) >= 2
    assert not any(b"Moreno" in body or b"p1" in body for _, _, body in listener.came)
    (entry,) = hospital.get(f"Subscription/{id_}/$status").json()["entry"]
    assert read({"entry": [entry]})[:2] == ("query-status", str(len(events)))
    kept = read(hospital.get(f"Subscription/{id_}/$events", params={"eventsSinceNumber": 2}).json())
    assert kept[2] == events[1:]


def test_a_filter_narrows(site: TestSite, hospital: httpx2.Client, listener: Listener) -> None:
    subscribed(hospital, by_topic(listener.url, "Task?owner=Organization/us"))
    site.work()
    put(hospital, patient(), order(), task(id_="t1", owner={"reference": "Organization/us"}))
    put(hospital, {**task(id_="t2", owner={"reference": "Organization/others"}), "focus": {"display": "something"}})
    site.work()
    told = [event for _, _, some in listener.told() for event in some]
    assert {focus for _, focus in told} == {"Task/t1"}


def test_a_classic_one_is_an_empty_post(site: TestSite, hospital: httpx2.Client, listener: Listener) -> None:
    subscribed(hospital, classic(listener.url))
    site.work()
    assert listener.came == []  # it knows no handshake
    refer(hospital)
    site.work()
    assert [body for _, _, body in listener.came] == [b""] * len(listener.came)
    assert listener.came


def test_what_is_not_taken_comes_again_with_its_number(
    site: TestSite, hospital: httpx2.Client, listener: Listener
) -> None:
    subscribed(hospital, by_topic(listener.url))
    site.work()
    listener.statuses = [503, 302]
    refer(hospital)
    for _ in range(3):
        site.work()
        pass_time(site, minutes=10)
    site.work()
    numbers = [n for _, _, events in listener.told() for n, _ in events]
    assert numbers[:3] == ["1", "1", "1"]
    assert sorted(set(numbers)) == sorted(set(numbers[2:]))
    assert {path for path, _, _ in listener.came} == {"/hooks"}  # not where it was sent on to


def pass_time(site: TestSite, **span: float) -> None:
    clock = site.bridge.site.clock
    site.bridge.site.clock = lambda: clock() + timedelta(**span)


def test_after_a_day_it_ends_in_an_error_that_people_see_and_goes_on_when_asked_anew(
    site: TestSite, hospital: httpx2.Client, listener: Listener
) -> None:
    id_ = subscribed(hospital, by_topic(listener.url))
    site.work()
    listener.statuses = [500] * 100
    refer(hospital)
    for _ in range(5):
        site.work()
        pass_time(site, hours=8)
    there = hospital.get(f"Subscription/{id_}").json()
    assert (there["status"], "CB-401" in there["error"]) == ("error", True)
    assert id_ in site.bridge.lanes.problems["hospital"]
    listener.statuses, before = [], len(listener.came)
    assert hospital.put(f"Subscription/{id_}", json={**there, "status": "requested"}).status_code == 200
    site.work()
    kinds = [read(json.loads(body)) for _, _, body in listener.came[before:]]
    assert kinds[0][0] == "handshake"
    assert kinds[1][2][0][0] == "1"
    site.work()
    assert "hospital" not in site.bridge.lanes.problems


def test_what_may_not_be_seen_any_more_is_not_told_and_leaves_no_gap(
    site: TestSite, hospital: httpx2.Client, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(hospital, by_topic(listener.url))
    site.work()
    refer(hospital)
    put(hospital, {**task(id_="t2"), "focus": {"display": "something"}})
    monkeypatch.setattr("casebridge.engine.subscribed.may_see", lambda c, s, p, type_, id_: id_ != "t1")
    site.work()
    told = [event for _, _, some in listener.told() for event in some]
    assert told
    assert {focus for _, focus in told} == {"Task/t2"}
    assert [n for n, _ in told] == [str(n) for n in range(1, len(told) + 1)]


def test_it_is_told_after_a_restart(site: TestSite, hospital: httpx2.Client, listener: Listener) -> None:
    subscribed(hospital, by_topic(listener.url))
    site.work()
    refer(hospital)
    site.reopen_with_same_settings()
    site.work()
    assert [n for _, _, events in listener.told() for n, _ in events][:1] == ["1"]


def test_no_other_partner_sees_or_ends_it(site: TestSite, hospital: httpx2.Client, listener: Listener) -> None:
    subscribed(hospital, by_topic(listener.url))
    theirs = SiteSubscriptions(site.bridge.site)
    (mine,) = theirs.listed("hospital")
    assert theirs.listed("agency") == []
    assert theirs.get("agency", mine.id) is None
    assert not theirs.end("agency", mine.id)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:1/hooks"}}, "may not notify this address"),
    ({"channel": {"type": "rest-hook", "endpoint": "{url}-not"}}, "may not notify this address"),
    ({"channel": {"type": "rest-hook", "endpoint": "{url}/../admin"}}, "may not notify this address"),
    ({"channel": {"type": "rest-hook", "endpoint": "{url}/%2e%2e/admin"}}, "may not notify this address"),
    ({"channel": {"type": "email", "endpoint": "mailto:a@b.example"}}, "may not notify this address"),
    ({"channel": {"type": "websocket", "endpoint": "{url}"}}, "rest-hook and email"),
    ({"channel": {"type": "rest-hook", "endpoint": "{url}", "payload": "application/fhir+json"}}, "no records"),
    ({"channel": {"type": "rest-hook", "endpoint": "{url}", "header": ["Host: elsewhere"]}}, "Authorization"),
    ({"channel": {"type": "rest-hook", "endpoint": "{url}", "header": ["A: b\r\nC: d"]}}, "Authorization"),
    ({"criteria": "Patient?name=x"}, "You are told of"),
    ({"criteria": "Task?modified=gt2026"}, "codes, references and ids"),
    ({"criteria": "Task?owner:identifier=x"}, "codes, references and ids"),
    ({"criteria": "http://example.org/topic"}, "topic is not known"),
    ({"status": "off"}, "delete it"),
    ({"end": "2020-01-01T00:00:00Z"}, "over already"),
]  # fmt: skip


def test_what_is_refused(hospital: httpx2.Client, listener: Listener, site: TestSite) -> None:
    for change, says in REFUSED:
        resource = json.loads(json.dumps(classic(listener.url) | change).replace("{url}", listener.url))
        answer = hospital.post("Subscription", json=resource)
        assert (answer.status_code, says in outcome(answer)) == (422, True), (change, answer.text)
    site.work()
    assert hospital.get("Subscription").json()["total"] == 0
    assert listener.came == []


def test_whom_the_site_names_no_address_for_may_not_subscribe(
    make_site: Callable[..., TestSite], listener: Listener
) -> None:
    with fhir_client(make_site().bridge) as hospital:
        assert hospital.post("Subscription", json=classic(listener.url)).status_code == 403


def test_the_same_one_twice_is_one_and_an_ended_one_is_told_nothing(
    site: TestSite, hospital: httpx2.Client, listener: Listener
) -> None:
    id_ = subscribed(hospital, classic(listener.url))
    again = hospital.post("Subscription", json=classic(listener.url), headers={"If-None-Exist": f"url={listener.url}"})
    assert (again.status_code, again.json()["id"]) == (200, id_)
    assert hospital.get("Subscription", params={"url": listener.url}).json()["total"] == 1
    site.work()
    assert hospital.delete(f"Subscription/{id_}").status_code == 204
    assert hospital.get(f"Subscription/{id_}").status_code == 404
    refer(hospital)
    site.work()
    assert listener.came == []


def test_by_mail_there_is_news_and_nothing_more(make_site: Callable[..., TestSite]) -> None:
    with mail_server() as (port, mails):
        mail = f'host = "127.0.0.1", port = {port}, security = "plain", sender = "us@us.example"'
        site = make_site("mailto:desk@county.example", more=f", notify_mail = {{ {mail} }}")
        with fhir_client(site.bridge) as hospital:
            subscribed(hospital, classic("mailto:desk@county.example") | {
                "channel": {"type": "email", "endpoint": "mailto:desk@county.example"}})  # fmt: skip
            site.work()
            refer(hospital)
            site.work()
    words = [m.get_content().replace("\r\n", "\n").partition("\n")[0] for m in mails]
    assert words[0].startswith("You will be told here")
    assert set(words[1:]) == {"There is something new for you. Sign in as usual to see it."}
    assert not any(word in m.as_string() for m in mails for word in ("Moreno", "Task", "t1", "requested"))


@contextmanager
def mail_server() -> Iterator[tuple[int, list[Any]]]:
    """A mail server of the subscriber's; its port, and what came."""
    mails: list[Any] = []

    class Catcher:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mails.append(message_from_bytes(envelope.content, policy=default))
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(Catcher(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, mails
    finally:
        controller.stop()


@pytest.mark.parametrize(("addresses", "networks", "refused"), [
    (["93.184.216.34"], (), False), (["10.1.2.3"], (), True), (["10.1.2.3"], ("10.1.0.0/16",), False),
    (["93.184.216.34", "127.0.0.1"], (), True), (["169.254.169.254"], (), True), (["::1"], (), True),
    (["::ffff:10.0.0.1"], (), True), (["fd00::1"], (), True), (["2606:2800:220:1::1"], (), False),
])  # fmt: skip
def test_a_name_that_leads_into_a_private_network_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], networks: tuple[str, ...], refused: bool
) -> None:
    found = [(0, 0, 0, "", (address, 443)) for address in addresses]
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **more: found)
    settings = NotifyingSettings(notify_at=("https://ehr.example/hooks",), notify_networks=networks)
    if not refused:
        assert resolved("ehr.example", 443, settings) == addresses[0]
        return
    with pytest.raises(SetupError, match="private network"):
        resolved("ehr.example", 443, settings)


@pytest.mark.parametrize(("endpoint", "allowed"), [
    ("https://ehr.example/hooks", True), ("https://ehr.example/hooks/1?a=b", True),
    ("https://EHR.example/hooks/1", True), ("https://ehr.example/hooks2", False), ("https://ehr.example", False),
    ("https://ehr.example:8443/hooks", False), ("http://ehr.example/hooks", False),
    ("https://ehr.example.evil.example/hooks", False), ("https://ehr.example@evil.example/hooks", False),
    ("https://ehr.example/hooks/../admin", False), ("https://ehr.example/hooks#x", False),
    ("https://ehr.example/hooks/%2E%2E/x", False), ("https://ehr.example/hooks\\..\\x", False),
    ("ftp://ehr.example/hooks", False), ("https://ehr.example:x/hooks", False), ("", False),
    ("file:///etc/passwd", False), ("mailto:a@b.example", False),
])  # fmt: skip
def test_only_below_what_the_site_named(endpoint: str, allowed: bool) -> None:
    settings = NotifyingSettings(notify_at=("https://ehr.example/hooks", "mailto:a@b.example"))
    assert is_allowed(endpoint, settings) is allowed


def test_who_is_silent_hears_that_there_is_nothing(site: TestSite, hospital: httpx2.Client, listener: Listener) -> None:
    beats = [{"url": f"{BACKPORT}-heartbeat-period", "valueUnsignedInt": 300}]
    subscribed(hospital, by_topic(listener.url, extension=beats))
    for _ in range(3):
        site.work()
        pass_time(site, minutes=4)
    assert [kind for kind, _, _ in listener.told()] == ["handshake", "heartbeat"]


def test_xml_for_who_wants_it(site: TestSite, hospital: httpx2.Client, listener: Listener) -> None:
    subscribed(hospital, by_topic(listener.url, payload="application/fhir+xml"))
    site.work()
    ((_, headers, body),) = listener.came
    assert headers["content-type"].startswith("application/fhir+xml")
    assert read(from_xml(body))[0] == "handshake"


def test_nothing_of_a_record_has_room_in_a_notification() -> None:
    assert {f.name for f in fields(Notification)} == {"kind", "events"}
    assert {f.name for f in fields(Happened)} == {"number", "at", "type", "id"}


def test_what_nobody_knows_whether_it_arrived_is_told_again_and_nothing_else(
    site: TestSite, hospital: httpx2.Client, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(hospital, by_topic(listener.url))
    site.work()
    refer(hospital)

    def died(*args: Any) -> None:
        raise StoreTrouble("killed before it was written down")

    with monkeypatch.context() as m:
        m.setattr("casebridge.store.subscriptions.told", died)
        with pytest.raises(StoreTrouble):
            site.work()
    site.work()
    site.work()
    numbers = [n for _, _, events in listener.told() for n, _ in events]
    assert numbers[0] == numbers[1] == "1"
    assert len(set(numbers[1:])) == len(numbers[1:])


def test_who_asks_anew_after_long_hears_of_what_is_new_and_not_of_nothing_without_end(
    site: TestSite, hospital: httpx2.Client, listener: Listener
) -> None:
    """What was numbered and never taken is forgotten after a month; the numbers go on without it."""
    one = f"Subscription/{subscribed(hospital, by_topic(listener.url))}"
    site.work()
    with site.bridge.site.store.write() as c:
        c.execute(update(subscription).values(number=3))  # three that were never taken, and are forgotten
    put(hospital, {**hospital.get(one).json(), "status": "requested"})
    for _ in range(4):
        site.work()
    assert [kind for kind, _, _ in listener.told()] == ["handshake", "handshake", "heartbeat"]
    with site.bridge.site.store.read() as c:
        assert subscriptions.due_partners(c, site.bridge.site.now()) == []
