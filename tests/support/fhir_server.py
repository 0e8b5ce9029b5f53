"""A hospital's FHIR server on loopback that does what a test tells it to: right, slowly, wrongly or not at all."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from casebridge_fhir.references import identifiers
from casebridge_fhir.structure import problems


@dataclass(slots=True)
class Fault:
    """How one answer goes wrong. ``applied`` writes first; status 0 closes the connection without a word."""

    method: str
    path: str  # a pattern the path begins with, as in Task/t1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    applied: bool = False
    times: int = 1


@dataclass(slots=True)
class FhirServer:
    """Its resources, the faults still to come, and what it was asked."""

    base: str = ""
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)  # what was really written: PUT Task/t1
    asked: list[str] = field(default_factory=list)
    extra_entries: list[dict[str, Any]] = field(default_factory=list)  # strange company in each searchset
    versions: int = 0
    quiet: bool = False  # answers to writes hold no resource
    before: Callable[[str], object] = lambda path: None  # called with what a GET asks for, before it is answered
    after_write: Callable[[], object] = lambda: None  # called when something is written and not yet answered
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, *resources: dict[str, Any]) -> None:
        """The hospital's own people write."""
        for resource in resources:
            self.keep(deepcopy(resource))

    def keep(self, resource: dict[str, Any]) -> dict[str, Any]:
        """A new version of a resource."""
        with self.lock:
            self.versions += 1
            hour, minute = divmod(self.versions, 60)
            stamp = {"versionId": str(self.versions), "lastUpdated": f"2026-11-20T{hour:02}:{minute:02}:00.000Z"}
            resource["meta"] = {**resource.get("meta", {}), **stamp}
            self.resources[f"{resource['resourceType']}/{resource['id']}"] = resource
            return resource

    def fault(self, method: str, path: str, status: int = 0, *, applied: bool = False, times: int = 1, **headers: str
              ) -> None:  # fmt: skip
        """The next ``times`` answers to ``method path`` go wrong."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Fault(method, path, status, named, applied, times))

    def due(self, method: str, path: str) -> Fault | None:
        """The fault for this request, used up once."""
        with self.lock:
            for fault in self.faults:
                if fault.times and fault.method == method and path.startswith(fault.path):
                    fault.times -= 1
                    return fault
            return None

    def search(self, kind: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """A searchset: by identifier, or everything of the type."""
        with self.lock:
            found = [r for r in self.resources.values() if r["resourceType"] == kind]
        for wanted in query.get("identifier", []):
            system, _, value = wanted.rpartition("|")
            found = [r for r in found if {"system": system, "value": value} in identifiers(r)]
        entry = [{"fullUrl": f"{self.base}/{kind}/{r['id']}", "resource": r} for r in found]
        return {"resourceType": "Bundle", "type": "searchset", "entry": [*entry, *self.extra_entries]}


@contextmanager
def fhir_server() -> Iterator[FhirServer]:
    """A server of its own on a free port of 127.0.0.1."""
    state = FhirServer()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _answering(state))
    state.base = f"http://127.0.0.1:{listener.server_port}/fhir"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def _answering(state: FhirServer) -> type[BaseHTTPRequestHandler]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = self._asked()
            state.before(path)
            if self._goes_wrong(path):
                return
            if "/" not in path:
                self._json(200, state.search(path, query))
                return
            found = state.resources.get(path)
            self._json(200 if found else 404, found or _outcome("not-found"))

        def do_PUT(self) -> None:
            path, _ = self._asked()
            body = self._body()
            if self._goes_wrong(path, body):
                return
            status, stored = self._update(path, body)
            state.after_write()
            with suppress(BrokenPipeError, ConnectionResetError):
                self._json(status, {} if state.quiet else stored)

        def do_POST(self) -> None:
            path, _ = self._asked()
            body = self._body()
            if self._goes_wrong(path, body):
                return
            answer = self._create(path, body)
            state.after_write()
            with suppress(BrokenPipeError, ConnectionResetError):
                self._json(*answer)

        def _asked(self) -> tuple[str, dict[str, list[str]]]:
            parts = urlsplit(self.path)
            path = re.sub(r"^/fhir/", "", parts.path)
            state.asked.append(f"{self.command} {path}")
            return path, parse_qs(parts.query)

        def _body(self) -> dict[str, Any]:
            read: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            return read

        def _goes_wrong(self, path: str, body: dict[str, Any] | None = None) -> bool:
            fault = state.due(self.command, path)
            if fault is None:
                return False
            if fault.applied and body is not None:
                self._update(path, body) if self.command == "PUT" else self._create(path, body)
            if fault.status:
                self._json(fault.status, _outcome("transient"), fault.headers)
            else:
                self.close_connection = True
            return True

        def _update(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            with state.lock:
                if problems(body):
                    return 422, _outcome("structure")
                now = state.resources.get(path)
                wanted = self.headers.get("If-Match", "").strip('W/"')
                if now is None and wanted:
                    return 404, _outcome("not-found")
                if now is not None and wanted and wanted != now["meta"]["versionId"]:
                    return 412, _outcome("conflict")
                state.writes.append(f"PUT {path}")
                return 200, state.keep(body)

        def _create(self, kind: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            with state.lock:
                if problems(body):
                    return 422, _outcome("structure")
                state.writes.append(f"POST {kind}")
                return 201, state.keep({**body, "id": f"made-{state.versions}"})

        def _json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/fhir+json", "Content-Length": str(len(data)),
                                **(headers or {})}.items():  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Answers


def _outcome(code: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}
