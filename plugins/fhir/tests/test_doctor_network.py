"""casebridge doctor before a word of FHIR is spoken: names, ports and certificates, over real connections."""

from __future__ import annotations

import errno
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from certificates import Authority, tls_server
from examined import is_row, until

from casebridge import Context, Examined, Step

STATEMENT = json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}).encode()
OLD_TLS = bytes.fromhex("15030100020246")  # an alert: protocol_version
Look = Callable[..., Iterator[Step]]


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    """Examines a server; files are named beside casebridge.toml."""
    made: list[FhirRest] = []

    def examine(base: str, **settings: Any) -> Iterator[Step]:
        chosen = {"base_url": base, "connect_timeout": 0.3, "timeout": 5, **settings}
        made.append(FhirRest(FhirRest.Settings(**chosen), Context("mercy", "test", base_dir=str(tmp_path))))
        return made[-1].examine()

    yield examine
    for each in made:
        each.close()


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def port() -> Iterator[Callable[..., int]]:
    """A port where each caller is told ``says`` and then left."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(says: bytes) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.sendall(says)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

    def start(says: bytes = b"") -> int:
        threading.Thread(target=serve, args=(says,), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_name_that_nobody_knows(look: Look) -> None:
    name, *later = look("https://a..b.example/fhir")
    assert is_row(name, "name", "unknown")
    assert "ask their network team whether a..b.example is known on the internet" in name.remedy
    assert {step.state for step in later} == {"not tried"}
    assert {step.message for step in later} == {"not tried because name failed"}
    assert [step.name for step in later][:4] == ["connection", "certificate", "metadata", "clock"]


def test_our_own_name_server_is_silent(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    step = until(look("https://hospital.example/fhir"), "name")
    assert is_row(step, "name", "no-name-server")
    assert step.who == "it"


def test_an_address_that_is_found_and_a_port_where_nobody_listens(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    name, connection, *later = look(f"https://localhost:{number}/fhir")
    assert is_row(name, "name", "found")
    assert "127.0.0.1" in name.message
    assert is_row(connection, "connection", "refused")
    assert f"port {number}" in connection.message
    assert {step.message for step in later} == {"not tried because connection failed"}


def test_a_firewall_that_swallows_everything(look: Look) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    first = socket.create_connection(full.getsockname())
    with full, first:
        step = until(look(f"https://127.0.0.1:{full.getsockname()[1]}/fhir"), "connection")
    assert is_row(step, "connection", "silent")
    assert "through their firewall to 127.0.0.1 port" in step.remedy


def test_no_way_there(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    step = until(look("https://127.0.0.1:1/fhir"), "connection")
    assert is_row(step, "connection", "no-way")
    assert "Network is unreachable" in step.message


def test_through_a_proxy_nobody_here_sees_the_port(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:1")
    steps = list(look("https://hospital.example/fhir"))
    assert [(step.name, step.state) for step in steps[:4]] == [
        ("name", "not tried"), ("connection", "not tried"), ("certificate", "not tried"), ("metadata", "failed"),
    ]  # fmt: skip
    assert "proxy 127.0.0.1:1" in steps[0].message
    assert "secret" not in "".join(step.message + step.remedy for step in steps)


def test_plain_http_on_this_machine_has_no_certificate(look: Look, port: Callable[..., int]) -> None:
    *_, step = _first(look(f"http://127.0.0.1:{port()}/fhir"), 3)
    assert is_row(step, "certificate", "none-here")


@pytest.mark.parametrize(
    ("days", "finding", "said"),
    [
        (40, "trusted", "issued by ca"), (12, "ends-soon", "in 11 days"), (-1, "ended", "ended on"),
        (400, "not-yet", "not good yet"),
    ],
)  # fmt: skip
def test_how_long_a_certificate_is_good(look: Look, ours: Authority, days: int, finding: str, said: str) -> None:
    with tls_server(*ours.sign("server", timedelta(days=days)), None, STATEMENT, []) as base:
        step = until(look(base, ca_file="ca.pem"), "certificate")
    assert is_row(step, "certificate", finding)
    assert said in step.message
    assert "127.0.0.1" in step.message


def test_a_certificate_for_another_name(look: Look, ours: Authority) -> None:
    with tls_server(*ours.sign("server"), None, STATEMENT, []) as base:
        step = until(look(base.replace("127.0.0.1", "localhost"), ca_file="ca.pem"), "certificate")
    assert is_row(step, "certificate", "other-name")
    assert "the certificate is for 127.0.0.1, not for localhost" in step.message


def test_a_certificate_from_an_authority_of_their_own(look: Look, ours: Authority) -> None:
    with tls_server(*ours.sign("server"), None, STATEMENT, []) as base:
        step = until(look(base), "certificate")
    assert is_row(step, "certificate", "unknown-issuer")
    assert "it says ca did" in step.message
    assert "name the file under ca_file" in step.remedy


def test_a_certificate_that_is_not_for_servers(look: Look, ours: Authority) -> None:
    with tls_server(*ours.sign("server", for_clients=True), None, STATEMENT, []) as base:
        step = until(look(base, ca_file="ca.pem"), "certificate")
    assert is_row(step, "certificate", "not-trusted")


@pytest.mark.parametrize(("says", "finding"), [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no-tls"), (OLD_TLS, "old"), (b"", "cut")])  # fmt: skip
def test_what_does_not_speak_tls_as_we_do(
    look: Look, port: Callable[..., int], says: bytes, finding: str
) -> None:
    step = until(look(f"https://127.0.0.1:{port(says)}/fhir"), "certificate")
    rows = {"no-tls": is_row(step, "certificate", "no-tls"), "old": is_row(step, "certificate", "old"),
            "cut": is_row(step, "certificate", "cut")}  # fmt: skip
    assert rows[finding], step


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_ours(look: Look, ours: Authority, newest: ssl.TLSVersion) -> None:
    with tls_server(*ours.sign("server"), ours.file, STATEMENT, [], newest) as base:
        steps = list(look(base, ca_file="ca.pem"))
    failed = next(step for step in steps if step.state == "failed")
    if newest == ssl.TLSVersion.TLSv1_2:
        assert is_row(failed, "certificate", "ours-refused")
    else:  # the handshake is over for us before the server has looked
        assert is_row(failed, "metadata", "ours-refused")
    assert "mutual TLS" in failed.remedy


@pytest.mark.parametrize(("days", "finding"), [(60, "in-order"), (5, "ends-soon"), (-1, "ended")])
def test_our_own_certificate(look: Look, ours: Authority, days: int, finding: str) -> None:
    ours.sign("us", timedelta(days=days))
    with tls_server(*ours.sign("server"), ours.file, STATEMENT, []) as base:
        steps = look(base, ca_file="ca.pem", client_cert_file="us.crt", client_key_file="us.key")
        step = until(steps, "our certificate")
        assert "client_cert_file" in step.message
    rows = {"in-order": is_row(step, "our certificate", "in-order"),
            "ends-soon": is_row(step, "our certificate", "ends-soon"),
            "ended": is_row(step, "our certificate", "ended")}  # fmt: skip
    assert rows[finding], step


def test_a_key_that_others_may_read_is_not_used(look: Look, ours: Authority, tmp_path: Path) -> None:
    ours.sign("us")
    (tmp_path / "us.key").chmod(0o644)
    with tls_server(*ours.sign("server"), ours.file, STATEMENT, []) as base:
        steps = list(look(base, ca_file="ca.pem", client_cert_file="us.crt", client_key_file="us.key"))
    failed = next(step for step in steps if step.state == "failed")
    assert is_row(failed, "our certificate", "unusable")
    assert (failed.code, "us.key" in failed.message) == ("CB-145", True)
    assert steps[-1].message == "not tried because our certificate failed"


def test_the_link_says_that_it_can_be_examined(look: Look) -> None:
    link = FhirRest(FhirRest.Settings(base_url="https://hospital.example/fhir"), Context("mercy", "test"))
    assert isinstance(link, Examined)
    link.close()


def _first(steps: Iterator[Step], number: int) -> list[Step]:
    return [next(steps) for _ in range(number)]
