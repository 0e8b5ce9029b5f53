"""A client of a FHIR server, in a process of its own: several connections, one request after the other on each.

It costs little beside the server: requests are made ready before, and of an answer only status and length are read.
``python -m benchmarks._facade_client URL TOKEN CONNECTIONS`` reads a line, a list of ``[METHOD, PATH, BODY]`` (JSON),
asks each on the next connection that is free, and prints how long all took, and each.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Request = tuple[str, str, str]
"""Method, path below the server's address, body (empty for none)."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def asked(url: str, token: str, requests: Sequence[Request], connections: int = 1) -> tuple[float, list[float]]:
    """The requests on so many connections at the same time: (seconds for all, seconds of each)."""
    command = [sys.executable, "-m", "benchmarks._facade_client", url, token, str(connections)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        said, _ = client.communicate(json.dumps(requests))
    if client.returncode:
        raise SystemExit("the client ended early")
    seconds, times = json.loads(said)
    return seconds, times


@dataclass(slots=True)
class Connection:
    """One connection, and what is asked on all of them: whole requests, the next one last."""

    socket: socket.socket
    waiting: list[bytes]
    times: list[float] = field(default_factory=list)
    begun: float = 0.0
    came: bytearray = field(default_factory=bytearray)

    def ask(self) -> bool:
        """Send the next request; False when there is none."""
        if not self.waiting:
            return False
        self.begun = time.perf_counter()
        self.socket.sendall(self.waiting.pop())
        return True

    def hear(self) -> bool:
        """Take what has come; is the answer whole?"""
        part = self.socket.recv(1 << 20)
        if not part:
            raise SystemExit("the server closed the connection")
        self.came += part
        head = self.came.find(b"\r\n\r\n")
        length = _LENGTH.search(self.came, 0, head + 2) if head >= 0 else None
        if length is None or len(self.came) < head + 4 + int(length[1]):
            return False
        self.times.append(time.perf_counter() - self.begun)
        if self.came[9:10] != b"2":
            raise SystemExit(f"not what was expected: {bytes(self.came[:800])!r}")
        self.came.clear()
        return True


def whole(url: str, token: str, request: Request) -> bytes:
    """A request as it goes over the wire."""
    method, path, body = request
    parts, data = urlsplit(url), body.encode()
    head = [f"{method} {f'{parts.path}/{path}' if path else parts.path} HTTP/1.1", f"Host: {parts.netloc}",
            "Accept: application/fhir+json", "Content-Type: application/fhir+json", f"Content-Length: {len(data)}"]
    head += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*head, "", ""]).encode() + data


def main() -> None:
    """Read the requests, send them, print the times."""
    url, token, count = sys.argv[1:]
    parts = urlsplit(url)
    waiting = [whole(url, token, request) for request in reversed(json.loads(sys.stdin.readline()))]
    connections = []
    with selectors.DefaultSelector() as ready:
        for _ in range(int(count)):
            made = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.append(Connection(made, waiting))
            ready.register(made, selectors.EVENT_READ, connections[-1])
        start = time.perf_counter()
        busy = sum(connection.ask() for connection in connections)
        while busy:
            for key, _ in ready.select(60):
                if key.data.hear() and not key.data.ask():
                    busy -= 1
        seconds = time.perf_counter() - start
    print(json.dumps([seconds, [one for connection in connections for one in connection.times]]))


if __name__ == "__main__":
    main()
