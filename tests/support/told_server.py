"""A real HTTP server on loopback that answers what a test tells it to, path by path, and notes what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

NAMED = "Ada Moreno, born 1987"  # what a server's free text may quote


@dataclass(slots=True)
class Told:
    """``answers``: (status, headers, resource) by ``METHOD path`` below /fhir; else ``otherwise``. Status 0 hangs up.
    ``ahead``: its clock less ours; None: it tells no time."""

    base: str = ""
    answers: dict[str, tuple[int, dict[str, str], Any]] = field(default_factory=dict)
    otherwise: tuple[int, dict[str, str], Any] = (404, {}, None)
    ahead: timedelta | None = timedelta()
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)  # method, path with query, body
    signed: list[str] = field(default_factory=list)  # what was asked with an Authorization
    refuses_signed: bool = False  # as storage does whose addresses are signed themselves
    halts: dict[str, Event] = field(default_factory=dict)  # paths that are answered when the event is set

    def tell(self, path: str, status: int = 200, resource: Any = None, **headers: str) -> None:
        """From now on this is the answer; ``resource`` None: an outcome that names a person; bytes go
        as they are."""
        issue = [{"severity": "error", "code": "processing", "diagnostics": NAMED}]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        outcome = {"resourceType": "OperationOutcome", "issue": issue}
        self.answers[path] = (status, named, outcome if resource is None else resource)


@contextmanager
def told_server() -> Iterator[Told]:
    """A server for as long as the block lasts."""
    told = Told()

    class Answering(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path.removeprefix("/fhir/")
            told.asked.append((self.command, self.path.removeprefix("/fhir/"), body))
            status, headers, resource = told.answers.get(f"{self.command} {path}", told.otherwise)
            if "Authorization" in self.headers:
                told.signed.append(path)
                status = 400 if told.refuses_signed else status
            if path in told.halts:
                told.halts[path].wait(60)
            if not status:
                self.close_connection = True
                return
            content = resource if isinstance(resource, bytes) else json.dumps(resource).encode() if resource else b""
            self.send_response_only(status)
            if told.ahead is not None:
                self.send_header("Date", format_datetime(datetime.now(UTC) + told.ahead, usegmt=True))
            for name, value in {"Content-Type": "application/fhir+json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):  # whoever asked may have been killed
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # named so by http.server

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    listener.daemon_threads = True
    told.base = f"http://127.0.0.1:{listener.server_port}/fhir"
    thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
