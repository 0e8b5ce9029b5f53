"""Two listeners: who is let in, what every answer carries, how they start and end."""

from __future__ import annotations

import json
import logging
import re
import signal
import socket
import time
from urllib.parse import urlsplit

import httpx2
import pytest
from databases import copy_of_migrated
from programs import Program

from casebridge.app import open_bridge
from casebridge.core.errors import SetupError
from casebridge.store import ledger, referrals, tokens
from casebridge.web import silence
from casebridge.web.guard import host_name
from casebridge.web.server import Listeners

FOOD = b"""number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn
R-3,requested,,,material-hardship,Blankets,,,,Marcus,Webb,
"""


@pytest.fixture
def bridge(tmp_path, a_site):
    copy_of_migrated(tmp_path / "casebridge.db")
    bridge = open_bridge(a_site(tmp_path))
    yield bridge
    bridge.close()


def test_each_listener_knows_only_its_own_pages(house):
    ours, theirs = house.listeners.console_url, house.listeners.partners_url
    assert httpx2.get(f"{theirs}/healthz").text == "well\n"
    for path in ("/", "/held", "/partners", "/static/console.css", "/docs", "/openapi.json"):
        assert httpx2.get(theirs + path).status_code == 404
    for path in ("/healthz", "/web-form/static/form.css", "/docs", "/openapi.json"):
        assert httpx2.get(ours + path).status_code == 404
    assert httpx2.get(f"{theirs}/web-form/static/form.css").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8421", "", "127.0.0.1.evil.example", "[::2]"])
def test_another_hosts_name_is_refused(house, host):
    for url in (house.listeners.console_url, f"{house.listeners.partners_url}/healthz"):
        answer = httpx2.get(url, headers={"Host": host})
        assert answer.status_code in (400, 421)
        assert "Riverside" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:8421"])
def test_loopback_by_any_of_its_names_is_served(house, host):
    assert httpx2.get(house.url, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.example:80", "a.example"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("A.Example", "a.example"), ("", "")],
)
def test_the_name_in_a_host_header(host, name):
    assert host_name(host) == name


def test_the_outside_name_opens_the_doors_and_not_the_console(bridge):
    bridge.config = bridge.config.model_copy(
        update={"web": bridge.config.web.model_copy(update={"partners_url": "https://bridge.riverside.example"})}
    )
    listeners = Listeners(bridge)
    listeners.start()
    try:
        outside = {"Host": "bridge.riverside.example"}
        assert httpx2.get(f"{listeners.partners_url}/healthz", headers=outside).status_code == 200
        assert httpx2.get(listeners.console_url, headers=outside).status_code == 421
    finally:
        listeners.stop()


def test_every_answer_carries_the_guards(house):
    pages = [house.url, f"{house.url}/nothing", f"{house.url}/static/console.css",
             f"{house.listeners.partners_url}/healthz", f"{house.listeners.partners_url}/web-form/nothing-here-nobody"]
    for url in pages:  # fmt: skip
        headers = httpx2.get(url).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers
        assert headers["cache-control"] == ("max-age=3600" if url.endswith(".css") else "no-store")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "[::]", "gateway.example"])
@pytest.mark.parametrize("which", ["partners", "console"])
def test_outside_loopback_neither_starts(bridge, host, which):
    with pytest.raises(SetupError) as refused:
        Listeners(bridge, **{which: f"{host}:0"}).start()
    assert refused.value.code == "CB-107"
    assert "127.0.0.1" in refused.value.remedy


@pytest.mark.parametrize("address", ["127.0.0.1", "8421", "127.0.0.1:http", "127.0.0.1:70000", ":80"])
def test_an_address_is_a_host_and_a_port(bridge, address):
    with pytest.raises(SetupError) as refused:
        Listeners(bridge, console=address).start()
    assert refused.value.code == "CB-101"


def test_a_taken_port_is_said_and_the_other_listener_is_let_go(bridge):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with pytest.raises(SetupError) as refused:
            Listeners(bridge, f"127.0.0.1:{port}", f"127.0.0.1:{taken.getsockname()[1]}").start()
    assert refused.value.code == "CB-108"
    socket.create_server(("127.0.0.1", port)).close()


def test_the_two_never_share_a_port(bridge):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SetupError) as refused:
        Listeners(bridge, f"127.0.0.1:{port}", f"127.0.0.1:{port}").start()
    assert refused.value.code == "CB-108"


def test_links_name_the_port_that_was_chosen(house):
    assert house.bridge.site.partners_url == house.listeners.partners_url
    assert not house.listeners.partners_url.endswith(":0")


def test_an_answer_at_the_door_is_taken_up_at_once(house):
    """Partners are asked once an hour; the door wakes the lanes."""
    house.arrives("mercy", "one.csv", FOOD)
    site = house.bridge.site
    with site.store.write() as c:
        message = ledger.listed(c, partner="food-bank", direction="out")[0]
        token = tokens.mint(c, "food-bank", house.referral("R-3"), message.id, "9999")
    url = f"{house.listeners.partners_url}/web-form/{token}"
    page = re.search(r'name="page" value="([0-9a-f]{32})"', httpx2.get(url).text)[1]
    assert httpx2.post(url, data={"page": page, "answer": "accept"}).status_code == 303
    assert comes_true(lambda: status(site, house.referral("R-3")) == "accepted")


def test_lanes_that_fail_are_seen_and_tried_again(house):
    worker, whole = house.bridge.lanes.worker, house.bridge.lanes.worker.due
    health = f"{house.listeners.partners_url}/healthz"

    def broken(stops: object = ()) -> list[object]:
        raise OSError("no space left on device")

    worker.due = broken
    assert comes_true(lambda: httpx2.get(health).status_code == 503)
    assert "Work stopped: unexpected OSError" in httpx2.get(house.url).text
    worker.due = whole
    assert comes_true(lambda: httpx2.get(health).status_code == 200)
    assert "Work stopped" not in httpx2.get(house.url).text


def test_lanes_that_were_stopped_are_seen(house):
    house.bridge.lanes.stop()
    assert comes_true(lambda: "Work was stopped" in httpx2.get(house.url).text)
    assert httpx2.get(f"{house.listeners.partners_url}/healthz").status_code == 503


def test_the_unexpected_is_said_and_its_text_goes_nowhere(house, monkeypatch, caplog):
    def broken(site: object) -> dict[str, int]:
        raise ValueError("Moreno")

    monkeypatch.setattr("casebridge.web.console.views.referral_counts", broken)
    answer = httpx2.get(house.url)
    assert answer.status_code == 500
    assert "CB-901" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert comes_true(lambda: "unexpected ValueError at test_listeners.py" in caplog.text)
    assert "Moreno" not in answer.text + caplog.text


def test_no_address_of_a_page_is_logged(house, caplog):
    with caplog.at_level(logging.DEBUG):
        httpx2.get(f"{house.url}/held?who=somebody")
        httpx2.get(f"{house.listeners.partners_url}/web-form/a-token-nobody-may-read")
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    assert [line for line in ours if "a-token" in line or "somebody" in line] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_when_told_to(tmp_path, a_site, number):
    config = a_site(tmp_path)
    with Program("serve", "--config", config) as process:
        try:
            said = process.stdout.readline() + process.stdout.readline()
            console, partners = re.findall(r"http://127\.0\.0\.1:\d+", said) or (said, process.stderr.read())
            assert httpx2.get(console).status_code == 200
            assert httpx2.get(f"{partners}/healthz").status_code == 200
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert {json.loads(line)["level"] for line in err.splitlines()} <= {"info", "warning"}  # one is the missing key


def status(site, referral: str) -> str:
    with site.store.read() as c:
        return referrals.get(c, referral).status


def comes_true(claim, seconds: float = 20) -> bool:
    """Whether it does, before a test must give up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def impatient(bridge, monkeypatch):
    """A site whose listeners wait a tenth of a second."""
    monkeypatch.setattr(silence, "SECONDS", 0.1)
    monkeypatch.setattr(silence, "IDLE", 0.1)
    listeners = Listeners(bridge)
    listeners.start()
    yield listeners
    listeners.stop()


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=30)


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_connection_that_asks_for_nothing_is_closed(impatient, said):
    for url in (impatient.partners_url, impatient.console_url):
        with connected(url) as asking:
            asking.sendall(said)
            assert asking.recv(1) == b""


def test_one_that_asks_once_and_then_for_nothing_more_is_closed(impatient):
    with connected(impatient.partners_url) as asking:
        asking.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said = asking.recv(10_000)
        assert said.startswith(b"HTTP/1.1 200")
        asking.sendall(b"GET /health HTTP/1.1\r\n")  # from here on uvicorn's own limit of rest does not count
        while said:
            said = asking.recv(10_000)


def test_a_request_that_lasts_is_not_cut_off(impatient):
    with connected(impatient.partners_url) as asking:
        asking.sendall(b"POST /web-form/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nanswer=")
        time.sleep(0.3)
        asking.sendall(b"no")
        assert asking.recv(12) == b"HTTP/1.1 404"
