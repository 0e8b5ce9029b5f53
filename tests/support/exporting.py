"""A FHIR server that exports a population, and the storage its files lie on."""

from __future__ import annotations

import json
from typing import Any

from told_server import Told

READY = "2026-11-20T08:00:00Z"


def patient(name: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, "name": [{"family": name}], "birthDate": "1980-01-01"}


def lines(*resources: Any) -> bytes:
    """One line for each; what is bytes already stays as it is."""
    return b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in resources)


def exports(server: Told, *output: dict[str, Any], level: str = "Patient/", **more: Any) -> None:
    """The server exports: what it is asked for is ready at once, under /fhir/status."""
    server.tell(f"GET {level}$export", 202, b"", Content_Location=f"{server.base}/status")
    manifest = {"transactionTime": READY, "request": "", "requiresAccessToken": False, "output": list(output)}
    server.tell("GET status", 200, {**manifest, **more})
    server.tell("DELETE status", 202, b"")


def lies(server: Told, path: str, *resources: Any, type_: str = "Patient") -> dict[str, Any]:
    """A file on this server; its entry in the manifest."""
    server.tell(f"GET {path}", 200, lines(*resources), Content_Type="application/fhir+ndjson")
    return {"type": type_, "url": f"{server.base}/{path}"}


def times_asked(server: Told, path: str) -> int:
    return sum(asked.partition("?")[0] == path for _, asked, _ in server.asked)
