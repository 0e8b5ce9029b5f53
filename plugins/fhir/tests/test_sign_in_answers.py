"""What is made of a token endpoint that is not found, refuses, or answers strangely; and whom a token never reaches."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.link import FhirRest
from casebridge_fhir.sign_in import SignIn
from casebridge_fhir.smart import KeptToken
from casebridge_fhir.smart_client import Token
from smart_hospital import key_set

from casebridge import Context
from casebridge.core.errors import CaseBridgeError, SetupError, TryAgain

BASE = "https://hospital.example/fhir"
TOKEN = "https://login.example/token"
KNOWN = {"token_endpoint": TOKEN, "capabilities": ["permission-v2"]}
GIVEN = {"access_token": "s3cret-token", "token_type": "Bearer", "expires_in": 300, "scope": "system/*.cruds"}
EMPTY = {"resourceType": "Bundle", "type": "searchset"}


class Hospital:
    """Answers by address: what was set for it, in turn; the last one repeats."""

    def __init__(self) -> None:
        self.asked: list[httpx2.Request] = []
        self.answers: dict[str, list[httpx2.Response]] = {}
        self.on(f"{BASE}/.well-known/smart-configuration", httpx2.Response(200, json=KNOWN))
        self.on(TOKEN, httpx2.Response(200, json=GIVEN))
        self.on(f"{BASE}/Task", httpx2.Response(200, json=EMPTY))

    def on(self, address: str, *answers: httpx2.Response) -> None:
        self.answers[address] = list(answers)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        found = self.answers[str(request.url).partition("?")[0]]
        made = found.pop(0) if len(found) > 1 else found[0]
        return httpx2.Response(made.status_code, headers=made.headers, content=made.content)

    def to(self, address: str) -> list[httpx2.Request]:
        return [request for request in self.asked if str(request.url).startswith(address)]


@pytest.fixture
def hospital() -> Hospital:
    return Hospital()


@pytest.fixture
def link(hospital: Hospital, tmp_path: Path) -> Iterator[Callable[..., FhirRest]]:
    key_set(tmp_path, "hospital")
    made: list[FhirRest] = []

    def make(partner: str = "hospital", **settings: Any) -> FhirRest:
        chosen = {"base_url": BASE, "client_id": "us", "pause": 0, **settings}
        context = Context(partner, environment="test", base_dir=str(tmp_path))
        made.append(FhirRest(FhirRest.Settings(**chosen), context, httpx2.MockTransport(hospital)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def error_of(link: FhirRest) -> CaseBridgeError:
    with pytest.raises(CaseBridgeError) as caught:
        list(link.receive(None))
    return caught.value


def failed_step(link: FhirRest) -> str:
    return next(step.name for step in link.sign_in_steps() if not step.ok)


# --- where tokens are given --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx2.Response(404), "answers 404"),
        (httpx2.Response(401), "cannot be read"),
        (httpx2.Response(200, text="<html>Sign in</html>"), "is not the JSON document"),
        (httpx2.Response(200, json=["token_endpoint"]), "is not the JSON document"),
        (httpx2.Response(200, json={}), "names no token_endpoint"),
        (httpx2.Response(200, json={"token_endpoint": 7}), "names no token_endpoint"),
        (httpx2.Response(200, json={"token_endpoint": "http://login.example/token"}), "plain http"),
        (httpx2.Response(200, json={"token_endpoint": "http://127.0.0.1:9/token"}), "on this machine"),
        (httpx2.Response(200, json={"token_endpoint": "https://localhost/token"}), "on this machine"),
        (httpx2.Response(200, json={"token_endpoint": "/token"}), "expected an address"),
        (httpx2.Response(302, headers={"Location": "https://elsewhere.example/"}), "sends us elsewhere"),
    ],
)
def test_a_sign_in_that_cannot_be_found(hospital: Hospital, link: Any, answer: httpx2.Response, said: str) -> None:
    hospital.on(f"{BASE}/.well-known/smart-configuration", answer)
    error = error_of(link())
    assert error.code == "CB-110"
    assert said in error.message
    assert "token_url" in error.remedy
    assert failed_step(link()) == "discovery"
    assert hospital.to(TOKEN) == hospital.to("https://elsewhere.example") == []


def test_the_address_that_is_set_stands_in_for_one_that_is_not_published(hospital: Hospital, link: Any) -> None:
    hospital.on(f"{BASE}/.well-known/smart-configuration", httpx2.Response(404))
    assert list(link(token_url=TOKEN).receive(None)) == []
    assert b"system%2FTask.read" in hospital.to(TOKEN)[0].content  # it says nothing, so it is older


def test_what_is_asked_for_can_be_set(hospital: Hospital, link: Any) -> None:
    list(link(scopes="system/Task.read launch").receive(None))
    assert b"scope=system%2FTask.read+launch&" in hospital.to(TOKEN)[0].content


# --- what the endpoint answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (httpx2.Response(400, json={"error": "invalid_client"}), "CB-111", "client us is not mapped there"),
        (httpx2.Response(401, json={"error": "invalid_client", "error_description": "Jane"}), "CB-111", "not mapped"),
        (httpx2.Response(401), "CB-111", "answers 401: client us"),
        (httpx2.Response(400, json={"error": "Jane Doe"}), "CB-111", "answers 400: client us"),
        (httpx2.Response(400, json={"error": "unauthorized_client"}), "CB-111", "not registered for this way"),
        (httpx2.Response(400, json={"error": "invalid_scope"}), "CB-112", "may not have all of what we ask for"),
        (httpx2.Response(404, text="<html>"), "CB-110", "no tokens are given there"),
        (httpx2.Response(405), "CB-110", "no tokens are given there"),
        (httpx2.Response(307, headers={"Location": "https://elsewhere.example/"}), "CB-110", "no tokens are given"),
        (httpx2.Response(200, text="<html>"), "CB-110", "gives no access_token"),
        (httpx2.Response(200, json={**GIVEN, "access_token": "a b"}), "CB-110", "gives no access_token"),
        (httpx2.Response(200, json={**GIVEN, "access_token": "a\r\nX: y"}), "CB-110", "gives no access_token"),
        (httpx2.Response(200, json={**GIVEN, "token_type": "mac"}), "CB-110", "another kind than Bearer"),
        (httpx2.Response(200, content=b" " * 300_000), "CB-110", "too large"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_it_means(
    hospital: Hospital, link: Any, answer: httpx2.Response, code: str, said: str
) -> None:
    hospital.on(TOKEN, answer)
    error = error_of(link())
    assert isinstance(error, SetupError)
    assert error.code == code
    assert said in error.message
    assert "Jane" not in str(error)
    assert failed_step(link()) == "token"
    assert len(hospital.to(TOKEN)) == 2  # one for each link: a refusal is not argued with
    assert hospital.to(f"{BASE}/Task") == hospital.to("https://elsewhere.example") == []


@pytest.mark.parametrize(
    ("off", "said"), [(1200, "is 1200 seconds ahead of ours"), (-1200, "is 1200 seconds behind ours")]
)
def test_clocks_that_differ_are_named(hospital: Hospital, link: Any, off: int, said: str) -> None:
    date = {"Date": format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)}
    no = httpx2.Response(401, json={"error": "invalid_client"}, headers=date)
    hospital.on(TOKEN, no)
    assert re.search(r"its clock and ours differ by 1(19|20)[0-9] seconds", error_of(link()).message)
    assert len(hospital.to(TOKEN)) == 2
    hospital.on(TOKEN, no, httpx2.Response(200, json=GIVEN))
    steps = {step.name: step.message for step in link().sign_in_steps()}
    assert re.sub("1(19|20)[0-9]", "1200", steps["token"]).endswith(said)


def test_a_clock_years_away_is_not_followed(hospital: Hospital, link: Any) -> None:
    hospital.on(TOKEN, httpx2.Response(401, headers={"Date": "Thu, 01 Jan 2032 00:00:00 GMT"}))
    assert "clock" not in error_of(link()).message
    assert len(hospital.to(TOKEN)) == 1


def test_a_token_endpoint_that_moved_is_found_after_a_refusal(hospital: Hospital, link: Any) -> None:
    moved = "https://login.example/moved"
    hospital.on(TOKEN, httpx2.Response(404))
    hospital.on(moved, httpx2.Response(200, json=GIVEN))
    made = link()
    assert error_of(made).code == "CB-110"
    hospital.on(f"{BASE}/.well-known/smart-configuration", httpx2.Response(200, json={"token_endpoint": moved}))
    assert list(made.receive(None)) == []


def test_an_endpoint_that_is_down_is_tried_again_and_no_message_is_lost(hospital: Hospital, link: Any) -> None:
    hospital.on(TOKEN, httpx2.Response(503), httpx2.Response(500), httpx2.Response(200, json=GIVEN))
    assert list(link().receive(None)) == []
    jtis = {request.content for request in hospital.to(TOKEN)}
    assert len(jtis) == 3


@pytest.mark.parametrize(
    ("answer", "code"),
    [(httpx2.Response(502), "CB-401"), (httpx2.Response(429, headers={"Retry-After": "60"}), "CB-402")],
)
def test_an_endpoint_that_stays_down_makes_the_message_wait(
    hospital: Hospital, link: Any, answer: httpx2.Response, code: str
) -> None:
    hospital.on(TOKEN, answer)
    error = error_of(link())
    assert isinstance(error, TryAgain)
    assert (error.code, error.unsent) == (code, True)
    assert TOKEN in error.message


@pytest.mark.parametrize("lasts", [300, "300", 300.5, None, "soon", -1, 0])
def test_a_token_is_used_whatever_is_said_of_its_end(hospital: Hospital, link: Any, lasts: object) -> None:
    hospital.on(TOKEN, httpx2.Response(200, json={**GIVEN, "expires_in": lasts}))
    made = link()
    assert [list(made.receive(None)) for _ in range(3)] == [[], [], []]
    assert len(hospital.to(TOKEN)) == 1


@pytest.mark.parametrize(("lasts", "used"), [(3600, 3540), (300, 240), (240, 180), (60, 45), (4, 3), (None, 240)])
def test_a_token_is_renewed_shortly_before_its_end(hospital: Hospital, link: Any, lasts: object, used: int) -> None:
    hospital.on(TOKEN, httpx2.Response(200, json={**GIVEN, "expires_in": lasts}))
    made, before = link(), time.monotonic()
    until = made._sign_in.smart.ask().until
    assert before + used <= until <= time.monotonic() + used


def test_a_token_whose_time_is_up_is_asked_for_anew() -> None:
    tokens = iter([Token("a", time.monotonic() - 1, ()), Token("b", time.monotonic() + 3600, ())])
    kept = KeptToken(lambda: next(tokens))
    assert [kept.get().text for _ in range(3)] == ["a", "b", "b"]


def test_a_refused_request_is_not_read_to_its_end(hospital: Hospital, link: Any) -> None:
    """A 401 with a body without end costs no more than one without a body."""
    endless = Endless()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if str(request.url).startswith(f"{BASE}/Task") and len(hospital.to(TOKEN)) < 2:
            return httpx2.Response(401, headers={"Content-Encoding": "gzip"}, stream=endless)
        return hospital(request)

    made = link()
    made._server._client._transport = httpx2.MockTransport(answer)
    assert list(made.receive(None)) == []
    assert endless.closed


class Endless(httpx2.SyncByteStream):
    closed = False

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("somebody reads it")

    def close(self) -> None:
        self.closed = True


class CountingLock:
    """Says how many came in."""

    def __init__(self) -> None:
        self.lock, self.count = threading.Lock(), 0

    def __enter__(self) -> None:
        self.lock.acquire()
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def test_threads_that_wait_for_a_token_hear_of_its_one_refusal() -> None:
    go, asked, heard = threading.Event(), [], []

    def ask() -> Token:
        asked.append(1)
        assert go.wait(60)
        raise SetupError("CB-111", "no")

    kept = KeptToken(ask)
    kept._lock = lock = CountingLock()  # type: ignore[assignment]

    def work() -> None:
        with pytest.raises(SetupError) as caught:
            kept.get()
        heard.append(caught.value.code)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    while lock.count < 5:
        threading.Event().wait(0.005)
    go.set()
    for thread in threads:
        thread.join()
    assert heard == ["CB-111"] * 5
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("said", "noted"),
    [
        ({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, "does not name private_key_jwt"),
        ({"token_endpoint_auth_signing_alg_values_supported": ["RS384"]}, "names RS384 and not our ES384"),
        ({"token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"]}, ""),
    ],
)
def test_what_a_server_does_not_name_is_noted_and_tried_all_the_same(
    hospital: Hospital, link: Any, said: dict[str, list[str]], noted: str
) -> None:
    hospital.on(f"{BASE}/.well-known/smart-configuration", httpx2.Response(200, json={**KNOWN, **said}))
    steps = {step.name: step for step in link().sign_in_steps()}
    assert all(step.ok for step in steps.values())
    assert noted in steps["discovery"].message
    assert bool(steps["discovery"].remedy) == bool(noted)


def test_rights_that_are_lacking_are_logged_once(
    hospital: Hospital, link: Any, caplog: pytest.LogCaptureFixture
) -> None:
    hospital.on(TOKEN, httpx2.Response(200, json={**GIVEN, "scope": "system/*.rs"}))
    made = link()
    for _ in range(3):
        made._sign_in.smart.ask()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{TOKEN} does not grant what no referral is served without: Task: update"
    ]


@pytest.mark.parametrize("told", [None, "", " "])
def test_an_endpoint_that_does_not_say_what_it_granted_granted_what_was_asked(
    hospital: Hospital, link: Any, told: str | None
) -> None:
    hospital.on(TOKEN, httpx2.Response(200, json={**GIVEN, "scope": told}))
    assert all(step.ok for step in link().sign_in_steps())


def test_no_key_was_made(link: Any) -> None:
    error = error_of(link("nobody"))
    assert error.code == "CB-113"
    assert "casebridge keys new" in error.remedy
    assert failed_step(link("nobody")) == "key"


def test_a_private_key_that_others_may_read_is_not_used(link: Any, tmp_path: Path) -> None:
    next(tmp_path.rglob("*.pem")).chmod(0o640)
    assert error_of(link()).code == "CB-145"


# --- whom it never reaches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"client_id": "us"}, {"token": "s3cret-token"}, {"user": "u", "password": "p"}])
@pytest.mark.parametrize(
    "address",
    ["https://storage.example/file", "https://hospital.example:8443/fhir/Task", "http://hospital.example/fhir/Task",
     "https://hospital.example.evil/fhir"],
)  # fmt: skip
def test_no_other_origin_is_told_who_we_are(hospital: Hospital, tmp_path: Path, settings: Any, address: str) -> None:
    key_set(tmp_path, "hospital")
    context = Context("hospital", environment="test", base_dir=str(tmp_path))
    made = SignIn(FhirRest.Settings(base_url=BASE, **settings), context, httpx2.MockTransport(hospital))
    hospital.on(address, httpx2.Response(401))
    with httpx2.Client(auth=made.auth, transport=httpx2.MockTransport(hospital)) as client:
        client.get(address)
        client.get(f"{BASE}/Task")
    made.close()
    assert ["authorization" in request.headers for request in hospital.asked if request.url.path != "/token"
            and ".well-known" not in request.url.path] == [False, True]  # fmt: skip
    assert all("authorization" not in request.headers for request in hospital.to(TOKEN))


def test_no_token_is_shown_or_logged(
    hospital: Hospital, link: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    made = link()
    list(made.receive(None))
    token = made._sign_in.smart.ask()
    pem = next(tmp_path.rglob("*.pem")).read_text().splitlines()[1]
    said = caplog.text + repr(token) + json.dumps([step.message for step in made.sign_in_steps()])
    assert "s3cret" not in said
    assert pem not in said
    assert "client_assertion" not in said
