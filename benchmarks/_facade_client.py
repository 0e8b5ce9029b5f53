"""A client of a FHIR server, in a process of its own: one request after the other, and how long each took.

``python -m benchmarks._facade_client URL TOKEN`` reads lines ``METHOD PATH BODY`` (JSON), prints the seconds of each.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

Request = tuple[str, str, str]
"""Method, path below the server's address, body (empty for none)."""


def asked(url: str, token: str, requests: Sequence[Sequence[Request]]) -> tuple[float, list[float]]:
    """Each list of requests by a client of its own, at the same time: (seconds for all, seconds of each)."""
    command = [sys.executable, "-m", "benchmarks._facade_client", url, token]
    clients = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in requests]
    for client in clients:
        assert client.stdout
        client.stdout.readline()  # it is there
    start = time.perf_counter()
    for client, its in zip(clients, requests, strict=True):
        assert client.stdin
        client.stdin.write(json.dumps(its) + "\n")
        client.stdin.flush()
    said = [json.loads(client.stdout.readline() or "null") for client in clients if client.stdout]
    seconds = time.perf_counter() - start
    for client in clients:
        client.communicate()
    if any(times is None for times in said):
        raise SystemExit("a client ended early")
    return seconds, [one for times in said for one in times]


def main() -> None:
    """Wait for the requests, send them, print the times."""
    url, token = sys.argv[1:]
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    headers = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    connection.connect()
    print(flush=True)
    times = []
    for method, path, body in json.loads(sys.stdin.readline()):
        start = time.perf_counter()
        connection.request(method, f"{parts.path}/{path}".rstrip("/") if path else parts.path, body.encode(), headers)
        answer = connection.getresponse()
        said = answer.read()
        times.append(time.perf_counter() - start)
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {said[:500]!r}")
    print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
