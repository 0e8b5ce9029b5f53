"""The public keys of clients: which are taken, how often they are fetched, and what becomes of one taken away."""

from __future__ import annotations

import json
import logging
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.smart_server import SmartClientSettings, client
from casebridge_fhir.smart_server.keys import MAX_BYTES, PublishedKeys, usable
from certificates import Authority, tls_server
from joserfc.jwk import ECKey
from smart_partner import Clock, Partner, jwks, key
from talking import talking_server

from casebridge import Context
from casebridge.core.errors import SetupError


class Publisher(ThreadingHTTPServer):
    """Where a partner publishes its keys; answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = 0
        self.status, self.body, self.headers = 200, b"", dict[str, str]()
        self.uri = f"http://127.0.0.1:{self.server_address[1]}/jwks.json"

    def publish(self, *keys: Any, **headers: str) -> None:
        self.status, self.body = 200, json.dumps(jwks(*keys)).encode()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(self.server.body)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def published(publisher: Publisher, clock: Clock) -> PublishedKeys:
    return PublishedKeys(publisher.uri, None, clock.seconds)


def has(keys: PublishedKeys, kid: str) -> bool:
    return bool(keys.named(kid, "ES384"))


def test_keys_are_fetched_when_one_is_asked_for_and_kept(publisher: Publisher, published: PublishedKeys) -> None:
    publisher.publish(key("k1"), key("k2"))
    assert [has(published, kid) for kid in ("k1", "k2", "k1")] == [True] * 3
    assert publisher.asked == 1


def test_a_new_key_is_found_within_a_minute_and_guessing_fetches_no_more(
    publisher: Publisher, published: PublishedKeys, clock: Clock
) -> None:
    publisher.publish(key("k1"))
    assert has(published, "k1")
    publisher.publish(key("k1"), key("k2"))
    assert [has(published, kid) for kid in ("k2", "k3", "k4", "k2")] == [False] * 4
    assert publisher.asked == 1
    clock.move(seconds=60)
    assert has(published, "k2")
    assert not has(published, "k3")
    assert publisher.asked == 2


@pytest.mark.parametrize(
    ("said", "seconds"),
    [({}, 300), ({"Cache_Control": "public, max-age=600"}, 600), ({"Cache_Control": "max-age=999999"}, 3600),
     ({"Cache_Control": "no-store"}, 60), ({"Cache_Control": "max-age=0"}, 60)],
)  # fmt: skip
def test_a_key_taken_away_is_good_no_longer_than_its_set_may_be_kept(
    said: dict[str, str], seconds: int, publisher: Publisher, published: PublishedKeys, clock: Clock
) -> None:
    publisher.publish(key("k1"), **said)
    assert has(published, "k1")
    publisher.publish(key("k2"), **said)
    clock.move(seconds=seconds - 1)
    assert has(published, "k1")
    clock.move(seconds=1)
    assert not has(published, "k1")
    assert has(published, "k2")


def test_while_keys_cannot_be_read_nobody_signs_in_with_old_ones(
    publisher: Publisher, published: PublishedKeys, clock: Clock
) -> None:
    publisher.publish(key("k1"))
    assert has(published, "k1")
    publisher.status = 500
    clock.move(seconds=300)
    assert [has(published, "k1") for _ in range(3)] == [False] * 3
    assert publisher.asked == 2
    publisher.publish(key("k1"))
    clock.move(seconds=60)
    assert has(published, "k1")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (302, b"", {"Location": "/elsewhere"}), (404, b"", {}), (200, b"", {}), (200, b"[]", {}),
        (200, b'{"keys": 5}', {}), (200, b"\xff", {}), (200, b" " * (MAX_BYTES + 1), {}),
        (200, b"{" * 5000, {}), (200, b'{"keys": [null, 5, {}]}', {}),
    ],
)  # fmt: skip
def test_what_is_no_key_set_is_none(
    status: int, body: bytes, headers: dict[str, str], publisher: Publisher, published: PublishedKeys
) -> None:
    publisher.status, publisher.body, publisher.headers = status, body, headers
    assert not has(published, "k1")
    assert publisher.asked == 1, "a redirect is not followed"


def test_a_server_that_never_ends_or_is_not_there_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casebridge_fhir.smart_server.keys.TIMEOUT", 0.3)
    with talking_server() as talk:
        port = talk(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", then=b" ")
        assert not has(PublishedKeys(f"http://127.0.0.1:{port}/"), "k1")
    assert not has(PublishedKeys(f"http://127.0.0.1:{port}/"), "k1")


def test_keys_come_over_tls_that_is_trusted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = Authority(tmp_path)
    cert, secret = authority.sign("mercy")
    body = json.dumps(jwks(key("k1"))).encode()
    with tls_server(cert, secret, None, body, []) as address:
        given = {"client_id": "mercy-1", "scopes": "system/*.rs", "jwks_uri": f"{address}/jwks.json"}
        context = Context("mercy", base_dir=str(tmp_path))
        assert not client(SmartClientSettings(**given), context).keys.named("k1", "ES384")
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        trusted = SmartClientSettings(**given, ca_file=authority.file.name)
        assert client(trusted, context).keys.named("k1", "ES384")
    with pytest.raises(SetupError, match="CB-114"):
        client(SmartClientSettings(**given, ca_file="not-there.pem"), context)


def test_a_partner_changes_its_key_without_a_word_to_us(publisher: Publisher) -> None:
    publisher.publish(key("k1"))
    partner = Partner(settings={"jwks": None, "jwks_uri": publisher.uri})
    gate = partner.gate()
    jku = {"jku": publisher.uri}
    assert partner.ask(gate, partner.assertion(header=jku)).status == 200
    other = Partner(keys=(key("k2", "RS384"),), clock=partner.clock)
    publisher.publish(*partner.keys, *other.keys)
    published: Any = partner.client().keys
    assert published.named("k2", "RS384")
    fresh = partner.gate()
    assert other.ask(fresh, other.assertion(header=jku)).status == 200
    assert other.ask(fresh, other.assertion(header={"jku": f"{publisher.uri}?x"})).status == 401
    partner.once.close()
    other.once.close()


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True), ({"key_ops": ["verify"]}, True), ({"use": "enc"}, False), ({"alg": "ES256"}, False),
        ({"alg": "RS384"}, False), ({"kid": ""}, False), ({"kid": 5}, False), ({"key_ops": ["sign"]}, False),
        ({"key_ops": "verify"}, False), ({"d": "AAAA"}, False), ({"kty": "RSA"}, False), ({"crv": "P-256"}, False),
        ({"x": "AAAA"}, False), ({"x": None}, False), ({"y": "é"}, False), ({"kty": "oct", "k": "AAAA"}, False),
    ],
)  # fmt: skip
def test_only_keys_that_smart_takes_are_taken(change: dict[str, Any], taken: bool) -> None:
    made = {**jwks(key("k1"))["keys"][0], **change}
    assert bool(list(usable({"keys": [made]}))) is taken


def whole(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8)
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True), ({"n": whole(2**1024 - 3)}, False), ({"n": whole(2**8193 + 1)}, False), ({"n": "é"}, False),
        ({"n": None}, False), ({"e": whole(2**40 + 1)}, False), ({"alg": "RS256"}, False), ({"alg": "ES384"}, False),
    ],
)  # fmt: skip
def test_only_rsa_keys_of_a_good_length_are_taken(change: dict[str, Any], taken: bool) -> None:
    made = {**jwks(key("k1", "RS384"))["keys"][0], **change}
    assert bool(list(usable({"keys": [made]}))) is taken


def test_a_private_key_in_the_configuration_is_refused() -> None:
    whole = {"keys": [ECKey.generate_key("P-384", {"kid": "k1"}).as_dict(private=True)]}
    given = SmartClientSettings(client_id="m", scopes="system/*.rs", jwks=whole)
    with pytest.raises(SetupError, match="none among them"):
        client(given, Context("mercy"))


def test_keys_in_a_file_are_read_from_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mercy.jwks.json").write_text(json.dumps(jwks(key("k1"), key("k2"))))
    given = {"client_id": "mercy-1", "scopes": "system/*.rs"}
    context = Context("mercy", base_dir=str(tmp_path))
    found = client(SmartClientSettings(**given, jwks_file="mercy.jwks.json"), context)
    assert [bool(found.keys.named(kid, "ES384")) for kid in ("k1", "k2", "k3")] == [True, True, False]
    (tmp_path / "broken.json").write_text("{")
    for name in ("not-there.json", "broken.json"):
        with pytest.raises(SetupError, match="CB-101"):
            client(SmartClientSettings(**given, jwks_file=name), context)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"jwks": None}, "say where its public keys are"), ({"jwks_file": "a.json"}, "say where its public keys are"),
        ({"jwks": None, "jwks_uri": "http://mercy.example/jwks"}, "plain http"),
        ({"ca_file": "ca.pem"}, "for jwks_uri"),
        ({"jwks": None, "jwks_uri": "https://u:p@mercy.example/jwks"}, "credential"), ({"client_id": ""}, "client_id"),
        ({"scopes": ""}, "expected scopes"), ({"scopes": "patient/Task.rs"}, "expected scopes"),
        ({"scopes": "system/Task.rs?owner=x"}, "expected scopes"),
    ],
)  # fmt: skip
def test_settings_say_what_is_wrong(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SmartClientSettings(**{"client_id": "m", "scopes": "system/*.rs", "jwks": jwks(key("k1")), **change})


def test_a_warning_names_the_address_and_nothing_of_the_answer(
    publisher: Publisher, published: PublishedKeys, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "casebridge")
    publisher.body = b"Jane Doe"
    assert not has(published, "k1")
    assert publisher.uri in caplog.text
    assert "Jane" not in caplog.text
