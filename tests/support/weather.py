"""Hospital weather: a real HTTP proxy on loopback in front of any FHIR server, with passing faults and lasting habits.

What falls when is drawn from the seed and the number of the request of its kind, so the same requests meet the same
weather each time, whatever threads they come from.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from habits import FHIR, Asked, Habits, Said, outcome

STORM: Mapping[str, float] = {
    "slow": 0.03, "429": 0.02, "429-date": 0.02, "500": 0.03, "503": 0.02, "cut-before": 0.03, "cut-after": 0.03,
    "cut-within": 0.01, "expired": 0.01, "stale": 0.02,
}  # fmt: skip
"""One request in five meets something."""


class Cut(Exception):
    """The connection ends here, in the middle of ``said`` if there was to be an answer."""

    def __init__(self, said: Said | None = None) -> None:
        super().__init__("cut")
        self.said = said


class Weather:
    """The weather at one server. ``faults``: chance per request; ``met`` counts what fell; ``calm``: nothing falls."""

    def __init__(self, behind: str, faults: Mapping[str, float], habits: Habits, seed: int) -> None:
        unknown = sorted(set(faults) - set(_FAULTS))
        assert not unknown, f"no such faults: {unknown}"
        self.behind, self.faults, self.habits, self.seed = behind, faults, habits, seed
        self.base, self.calm = "", False
        self.met: Counter[str] = Counter()
        self.asked: list[tuple[str, str]] = []  # method and path of what was asked, as it came
        self.before: dict[str, bytes] = {}  # what reads were answered last, by address: what a stale page is made of
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._http = httpx2.Client(trust_env=False, timeout=30, verify=False)  # plain http

    def close(self) -> None:
        self._http.close()

    def exchange(self, asked: Asked) -> Said:
        """The answer to a request; Cut when there is none."""
        fault = self._drawn(asked)
        if fault:
            return _FAULTS[fault](self, asked)
        return self.passed(asked)

    def passed(self, asked: Asked) -> Said:
        """What the server says, its habits taken into account."""
        address = asked.address
        said = self.habits.before(asked) or self._upstream(asked)
        self.habits.after(asked, said)
        if asked.method == "GET" and said.status == 200:
            self.before[address] = said.to_bytes()
        return said

    def _drawn(self, asked: Asked) -> str:
        kind = f"{asked.method} {asked.path}"
        with self._lock:
            self.asked.append((asked.method, asked.path))
            self._numbers[kind] += 1
            draw = random.Random(f"{self.seed} {kind} {self._numbers[kind]}").random()
            for fault, chance in self.faults.items() if not self.calm else ():
                if (draw := draw - chance) < 0:
                    self.met[fault] += 1
                    return fault
        return ""

    def _upstream(self, asked: Asked) -> Said:
        url = f"{self.behind}/{asked.address}"
        body = asked.body.replace(self.base.encode(), self.behind.encode())
        answer = self._http.request(asked.method, url, headers=asked.headers, content=body)
        text = answer.text.replace(self.behind, self.base)
        headers = {n: answer.headers[n].replace(self.behind, self.base) for n in _KEPT if n in answer.headers}
        return Said(answer.status_code, headers, json.loads(text) if text else None)


_KEPT = ("content-type", "etag", "location", "last-modified")
_FORWARDED = ("accept", "content-type", "if-match", "if-none-exist", "prefer", "authorization")


# --- what falls ------------------------------------------------------------------------------------------------------


def _slow(weather: Weather, asked: Asked) -> Said:
    time.sleep(0.05)
    return weather.passed(asked)


def _cut_before(weather: Weather, asked: Asked) -> Said:
    raise Cut


def _cut_after(weather: Weather, asked: Asked) -> Said:
    weather.passed(asked)
    raise Cut


def _cut_within(weather: Weather, asked: Asked) -> Said:
    raise Cut(weather.passed(asked))


def _stale(weather: Weather, asked: Asked) -> Said:
    """What a cache still has of an earlier answer to the same."""
    kept = weather.before.get(asked.address) if asked.method == "GET" else None
    return Said(200, {"Content-Type": FHIR}, json.loads(kept)) if kept else weather.passed(asked)


def _date() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


_FAULTS: dict[str, Callable[[Weather, Asked], Said]] = {
    "slow": _slow, "cut-before": _cut_before, "cut-after": _cut_after, "cut-within": _cut_within, "stale": _stale,
    "429": lambda *_: outcome(429, "throttled", **{"Retry-After": "1"}),
    "429-date": lambda *_: outcome(429, "throttled", **{"Retry-After": _date()}),
    "500": lambda *_: outcome(500, "exception"), "503": lambda *_: outcome(503, "transient"),
    "expired": lambda *_: outcome(401, "expired", **{"WWW-Authenticate": 'Bearer error="invalid_token"'}),
}  # fmt: skip


# --- the proxy -------------------------------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits for the acknowledgement of its head
    weather: Weather

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        headers = {n: self.headers[n] for n in _FORWARDED if n in self.headers}
        query = parse_qsl(parts.query, keep_blank_values=True)
        path = parts.path.removeprefix("/fhir").strip("/")
        asked = Asked(self.command, path, query, headers, self.rfile.read(length))
        try:
            self._send(self.weather.exchange(asked))
        except Cut as cut:
            if cut.said is not None:
                self._send(cut.said, kept=0.5)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, said: Said, kept: float = 1.0) -> None:
        body = said.to_bytes()
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: int(len(body) * kept)])

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # named so by http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  named so by http.server
        """Says nothing: tests look at ``met`` and ``asked``."""


@contextmanager
def weather(
    behind: str, *habits: str, faults: Mapping[str, float] | None = None, seed: int = 0,
    skew: timedelta = timedelta(),
) -> Iterator[Weather]:  # fmt: skip
    """A proxy before the FHIR server at ``behind`` for as long as the block lasts; its address is ``base``."""
    made = Weather(behind, faults or {}, Habits(*habits, skew=skew), seed)
    handler = type("Handler", (_Handler,), {"weather": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    made.base = f"http://127.0.0.1:{server.server_port}/fhir"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        made.close()
