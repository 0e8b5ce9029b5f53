"""Two real FHIR R4 servers of other people, one of each per test process: sekmet-fhir, and Medplum's router.

They share no code: what holds against both is FHIR, not one server's habit. Both listen on loopback at free ports and
keep what is put there until the session ends, so every test uses ids of its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
from medplum import install

PATIENCE = 60  # seconds until a server that does not answer is given up
NO_SEKMET = "sekmet-fhir is not installed: pip install 'casebridge[demo]'"
NO_MEDPLUM = "Medplum's router and a node to run it are not here: make sandboxes"


@pytest.fixture(scope="session")
def sekmet() -> Iterator[str]:
    """The base address of sekmet-fhir, empty at the start of the session."""
    program = Path(sys.executable).with_name("sekmet")
    if not program.exists():
        _refuse(NO_SEKMET)
    with TemporaryDirectory(prefix="casebridge-sekmet-") as folder, running_sekmet(program, Path(folder)) as base:
        yield base


@pytest.fixture(scope="session")
def medplum() -> Iterator[str]:
    """The base address of Medplum's router, empty at the start of the session."""
    if not install.ready():
        _refuse(NO_MEDPLUM)
    with running_medplum() as base:
        yield base


@pytest.fixture(params=["sekmet", "medplum"])
def either(request: pytest.FixtureRequest) -> str:
    """The base address of one real server, then of the other."""
    return str(request.getfixturevalue(request.param))


def _refuse(reason: str) -> None:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@contextmanager
def running_sekmet(program: Path, folder: Path, auth: dict[str, Any] | None = None) -> Iterator[str]:
    """A server for as long as the block lasts; its data and its log are in ``folder``. ``auth``: whom it lets in."""
    port = _free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    (folder / "sekmet.json").write_text(json.dumps({
        "host": "127.0.0.1", "port": port, "base_url": base, "simulator": {"enabled": False},
        "server_auth": auth or {"types": ["none"]}, "data_dir": str(folder / "data"),
    }))  # fmt: skip
    command = [program, "serve", "-c", str(folder / "sekmet.json")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until_ready(base, server)
        yield base
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def running_medplum() -> Iterator[str]:
    """A server for as long as the block lasts. It ends with its standard input, so also when we are killed."""
    command = [str(install.node()), str(install.HERE / "server.mjs"), str(install.folder())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        said = server.stdout.readline().split()
        assert said[:1] == ["listening"], "Medplum's router did not start; its words are above"
        yield f"http://127.0.0.1:{said[1]}/fhir"
        server.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(base: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    with httpx2.Client(trust_env=False) as client:
        while time.monotonic() < until and server.poll() is None:
            try:
                if client.get(f"{base}/metadata").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
    raise RuntimeError("the FHIR server did not start")
