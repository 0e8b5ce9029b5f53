"""Signing in at our door over HTTP: by sekmet's client, by our own, and by hand."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from casebridge_fhir.link import FhirRest
from casebridge_fhir.smart_server import Gate, NotSignedIn, SmartClientSettings, allows, client, router
from casebridge_fhir.smart_server.gate import FORM, MAX_BYTES, Answer
from fastapi import FastAPI, Request, Response
from smart_hospital import SEKMET, key_set
from smart_partner import OnceInSqlite, Partner, key

from casebridge import Context
from casebridge.core.signing_keys import SigningKeys

TASK = {"type": "Task", "interaction": [{"code": "read"}, {"code": "search-type"}, {"code": "update"}]}
STATEMENT = {"resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-22", "kind": "instance",
             "fhirVersion": "4.0.1", "format": ["json"], "rest": [{"mode": "server", "resource": [TASK]}]}  # fmt: skip
NOBODY = {"resourceType": "Bundle", "type": "searchset", "total": 0}


def guarded(gate: Gate) -> FastAPI:
    """A FHIR server with nothing on it, behind the gate."""
    app = FastAPI()
    app.include_router(router(gate), prefix="/fhir")

    @app.get("/fhir/metadata")
    def metadata() -> dict[str, Any]:
        return STATEMENT

    @app.get("/fhir/{type_}")
    def search(type_: str, request: Request) -> Response:
        try:
            grant = gate.grant(request.headers.get("authorization", ""))
        except NotSignedIn as nobody:
            return Response(status_code=401, headers={"WWW-Authenticate": nobody.challenge})
        if not allows(grant, type_, "search-type"):
            return Response(status_code=403)
        return Response(json.dumps(NOBODY), media_type="application/fhir+json")

    return app


@contextmanager
def served(partner: Partner, *clients: Any) -> Iterator[str]:
    """The FHIR base address of such a server on this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"
        gate = Gate(clients or (partner.client(),), base, partner.secret, partner.once)
        server = uvicorn.Server(uvicorn.Config(guarded(gate), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        try:
            yield base
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner(once=OnceInSqlite())
    made.clock.now = datetime.now(UTC)
    yield made
    made.once.close()


@pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)")
def test_sekmet_signs_in_at_our_door(partner: Partner, tmp_path: Path) -> None:
    def sekmet(*words: str) -> str:
        done = subprocess.run([SEKMET, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    sekmet("keys", "generate", "--out", "key.pem")
    settings = SmartClientSettings(client_id="sekmet", scopes="system/*.rs", jwks_file="key.jwks.json")
    with served(partner, client(settings, Context("mercy", base_dir=str(tmp_path)))) as base:
        auth = {"type": "smart", "client_id": "sekmet", "private_key_path": "key.pem"}
        (tmp_path / "sekmet.json").write_text(json.dumps({
            "data_dir": "data", "peers": {"casebridge": {"base_url": base, "auth": auth}}}))  # fmt: skip
        told = json.loads(sekmet("peers", "test", "casebridge", "-c", "sekmet.json"))
    assert told["token"] == {"token_type": "bearer", "expires_in": 300, "scope": "system/*.read"}
    assert told["metadata_status"] == 200


def test_one_casebridge_signs_in_at_another(partner: Partner, tmp_path: Path) -> None:
    keys: SigningKeys = key_set(tmp_path, "bridge", "ES384")
    settings = SmartClientSettings(client_id="county", scopes="system/*.cruds", jwks=keys.published())
    context = Context("bridge", environment="test", base_dir=str(tmp_path))
    with served(partner, client(settings, context)) as base:
        link = FhirRest(FhirRest.Settings(base_url=base, client_id="county", pause=0), context)
        try:
            assert list(link.receive(None)) == []
        finally:
            link.close()


def test_over_http_it_is_the_same_as_on_plain_values(partner: Partner) -> None:
    with served(partner) as base, httpx2.Client(trust_env=False) as web:
        said = web.get(f"{base}/.well-known/smart-configuration").json()
        assert said["token_endpoint"] == f"{base}/token"
        assert said["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
        assertion = partner.assertion({"aud": said["token_endpoint"]})
        form = partner.form(assertion)
        given = web.post(f"{base}/token", data=form)
        assert (given.status_code, given.headers["cache-control"]) == (200, "no-store")
        assert given.headers["content-type"] == "application/json"
        assert web.post(f"{base}/token", data=form).json()["error"] == "invalid_client"
        token = {"Authorization": f"Bearer {given.json()['access_token']}"}
        assert [web.get(f"{base}/{type_}", headers=token).status_code for type_ in ("Task", "Patient")] == [200, 403]
        without = web.get(f"{base}/Task")
        assert (without.status_code, without.headers["www-authenticate"]) == (401, "Bearer")


def test_an_assertion_for_another_server_is_not_good_here_whatever_name_the_request_gives(partner: Partner) -> None:
    with served(partner) as base, httpx2.Client(trust_env=False) as web:
        elsewhere = partner.assertion({"aud": "https://other.example/fhir/token"})
        form = partner.form(elsewhere)
        headers = {"Host": "other.example", "X-Forwarded-Host": "other.example", "X-Forwarded-Proto": "https"}
        assert web.post(f"{base}/token", data=form, headers=headers).status_code == 401


def test_a_form_that_is_too_long_or_does_not_end_is_refused(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casebridge_fhir.smart_server.routes.BODY_SECONDS", 0.2)
    with served(partner) as base, httpx2.Client(trust_env=False) as web:
        long = web.post(f"{base}/token", content=b"a=" + b"b" * MAX_BYTES, headers={"Content-Type": FORM})
        assert (long.status_code, long.json()["error"]) == (413, "invalid_request")
        host, port = base.removeprefix("http://").removesuffix("/fhir").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(f"POST /fhir/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: {FORM}\r\n"
                         "Content-Length: 100\r\n\r\ngrant".encode())  # fmt: skip
            assert slow.recv(4096).startswith(b"HTTP/1.1 400")


def test_tokens_that_take_long_leave_room_for_everybody_else(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them keeps a thread until a client's keys came, and there are forty."""
    goes_on = threading.Event()

    def slow(*_: Any) -> Answer:
        goes_on.wait(60)
        return Answer(400, {"error": "invalid_client"}, {})

    monkeypatch.setattr(Gate, "token", slow)
    with served(partner) as base, ThreadPoolExecutor(60) as many, httpx2.Client(trust_env=False) as client_:
        asked = [many.submit(httpx2.post, f"{base}/token", content=b"x", trust_env=False, timeout=90)
                 for _ in range(60)]  # fmt: skip
        time.sleep(0.5)  # until they are there
        try:
            assert client_.get(f"{base}/metadata", timeout=20).status_code == 200
            assert not any(one.done() for one in asked)
        finally:
            goes_on.set()
        assert {one.result().status_code for one in asked} == {400}


def test_a_key_of_a_partner_never_stands_for_another(partner: Partner) -> None:
    other = Partner(keys=(key("k2"),), once=partner.once)
    with served(partner, partner.client(), other.client("bridge", "bridge-1")) as base, httpx2.Client() as web:
        claims = {"aud": f"{base}/token", "iss": "bridge-1", "sub": "bridge-1"}
        forms = [partner.form(partner.assertion(claims, signer=signer)) for signer in (key("k1"), key("k2"))]
        answers = [web.post(f"{base}/token", data=form) for form in forms]
        assert [answer.status_code for answer in answers] == [401, 200]
