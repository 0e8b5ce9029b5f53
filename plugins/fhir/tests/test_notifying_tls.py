"""Notifications over real TLS, and to listeners that do not behave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from casebridge_fhir.notifying import hook
from casebridge_fhir.notifying.settings import NotifyingSettings
from certificates import Authority, tls_server

from casebridge.core.errors import SetupError, TryAgain


def post(url: str, folder: Path, ca_file: str = "", *, at: str = "") -> None:
    settings = NotifyingSettings(notify_at=(at or url,), notify_ca_file=ca_file)
    hook.post(url, [("Authorization", "Bearer theirs")], b"{}", "application/fhir+json", settings, folder)


def test_whom_we_trust_is_told_and_nobody_else(tmp_path: Path) -> None:
    cert, key = Authority(tmp_path).sign("listener")
    Authority(tmp_path, "stranger")
    with tls_server(cert, key, None, b"", []) as url:
        post(f"{url}/hooks", tmp_path, "ca.pem")
        for trusted in ("", "stranger.pem"):
            with pytest.raises(TryAgain, match="SSLCertVerificationError"):
                post(f"{url}/hooks", tmp_path, trusted)


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A listener that answers with these bytes whatever it is asked, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hooks"
        thread.join(10)


@pytest.mark.parametrize(("answer", "error", "says"), [
    (b"", TryAgain, "does not answer"), (b"SSH-2.0-nothing\r\n\r\n", TryAgain, "does not answer"),
    (b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:9/\r\n\r\n", TryAgain, "answers 307"),
    (b"HTTP/1.1 429 Slow\r\nRetry-After: 60\r\n\r\n", TryAgain, "answers 429"),
    (b"HTTP/1.1 410 Gone\r\n\r\n", SetupError, "gone"),
    (b"HTTP/1.1 200 " + b"x" * 100_000, TryAgain, "does not answer"),
    (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n", TryAgain, "does not answer"),
])  # fmt: skip
def test_an_answer_that_is_none_is_no_receipt(
    tmp_path: Path, answer: bytes, error: type[Exception], says: str
) -> None:
    with saying(answer) as url, pytest.raises(error, match=says):
        post(url, tmp_path)


def test_the_body_of_an_answer_is_not_waited_for(tmp_path: Path) -> None:
    with saying(b"HTTP/1.1 204 No\r\nContent-Length: 1000000\r\n\r\n") as url:
        post(url, tmp_path)


def test_what_the_site_names_no_more_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="notify_at"):
        post("http://127.0.0.1:9/hooks", tmp_path, at="http://127.0.0.1:9/other")
