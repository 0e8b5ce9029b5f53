"""The hospital: a real FHIR R4 server of another project, started here or reached at ``--hospital URL``."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2

from casebridge.core.errors import SetupError

READY_SECONDS = 60
_SEED = files("casebridge.demo").joinpath("data/hospital.json").read_text(encoding="utf-8")
_IDS = [f"{r['resourceType']}/{r['id']}" for r in json.loads(_SEED)]


@dataclass(slots=True)
class Hospital:
    """The hospital's own view of its server: what it puts there, and what it finds there."""

    base_url: str
    http: httpx2.Client
    tag: str = ""  # see DemoSite

    def seed(self) -> None:
        """Put the demo's people and orders there, once: a Task that moved on is never set back."""
        for resource in json.loads(_tagged(_SEED, self.tag)):
            if self.read(f"{resource['resourceType']}/{resource['id']}") is None:
                self.put({**resource, "id": resource["id"] + self.tag})

    def read(self, reference: str) -> dict[str, Any] | None:
        """A resource as the server has it now, or None."""
        answer = self.http.get(f"{self.base_url}/{_tagged(reference, self.tag)}")
        return None if answer.status_code in (404, 410) else _body(answer)

    def put(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Create or update a resource under its own id."""
        url = f"{self.base_url}/{resource['resourceType']}/{resource['id']}"
        return _body(self.http.put(url, json=resource))

    def versions(self, reference: str) -> list[dict[str, Any]]:
        """Every version of a resource, the newest first."""
        bundle = _body(self.http.get(f"{self.base_url}/{_tagged(reference, self.tag)}/_history"))
        return [entry["resource"] for entry in bundle.get("entry", ()) if "resource" in entry]

    def search(self, query: str) -> list[dict[str, Any]]:
        """The matches of a search."""
        bundle = _body(self.http.get(f"{self.base_url}/{_tagged(query, self.tag)}"))
        return [e["resource"] for e in bundle.get("entry", ()) if e["resource"]["resourceType"] != "OperationOutcome"]


@contextlib.contextmanager
def open_hospital(folder: Path, port: int, url: str = "", tag: str = "") -> Iterator[Hospital]:
    """A hospital at ``url``, or one of our own on ``port`` with its data in ``folder``; ends it again if it is ours."""
    process = None if url else _start(folder, port)
    try:
        with httpx2.Client(timeout=30, headers={"Accept": "application/fhir+json"}) as http:
            hospital = Hospital(url.rstrip("/") or f"http://127.0.0.1:{port}/fhir", http, tag)
            _wait(hospital)
            yield hospital
    finally:
        if process is not None:
            _end(folder, process)


def _start(folder: Path, port: int) -> int:
    """The server's process id: one left over from a demo that was killed is taken over, never doubled."""
    folder.mkdir(parents=True, exist_ok=True)
    running = _left_over(folder)
    if running is not None:
        return running
    program = shutil.which("sekmet", path=str(Path(sys.executable).parent)) or shutil.which("sekmet")
    if program is None:
        remedy = "Install the demo extra (pip install 'casebridge[demo]'), or name a server with --hospital URL."
        raise SetupError("CB-103", "the demo's FHIR server is not installed", remedy=remedy)
    config = folder / "server.json"
    config.write_text(json.dumps({
        "host": "127.0.0.1", "port": port, "base_url": f"http://127.0.0.1:{port}/fhir",
        "simulator": {"enabled": False}, "server_auth": {"types": ["none"]}, "data_dir": str(folder / "data"),
    }))  # fmt: skip
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  (our own pinned server, our own configuration)
            [program, "serve", "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True)  # fmt: skip
    return process.pid


def _left_over(folder: Path) -> int | None:
    """Found by its command line: a demo killed right after the start had no time to write anything down."""
    config = str(folder / "server.json").encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if config in (process / "cmdline").read_bytes().split(b"\0"):
                return int(process.name)
    return None


def _end(folder: Path, pid: int) -> None:
    if _left_over(folder) != pid:
        return
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if _left_over(folder) is None:
            break
        time.sleep(0.05)


def _wait(hospital: Hospital) -> None:
    ends = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends:
        with contextlib.suppress(httpx2.HTTPError):
            if hospital.http.get(f"{hospital.base_url}/metadata").status_code == 200:
                return
        time.sleep(0.1)
    raise SetupError("CB-109", f"no FHIR server answers at {hospital.base_url}",
                     remedy="Look at hospital/server.log in the demo's folder.")  # fmt: skip


def _tagged(text: str, tag: str) -> str:
    """The references to the demo's own resources, each with the tag at its end."""
    known = "|".join(sorted(map(re.escape, _IDS), key=len, reverse=True))
    return re.sub(rf"({known})(?![\w-])", rf"\1{tag}", text) if tag else text


def _body(answer: httpx2.Response) -> dict[str, Any]:
    if answer.status_code >= 400:
        raise SetupError("CB-109", f"the hospital's server answered {answer.status_code}")
    body: dict[str, Any] = answer.json()
    return body
