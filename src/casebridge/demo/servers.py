"""Real FHIR R4 servers of another project, one process for each organization that has one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2

from casebridge.core.errors import SetupError

READY_SECONDS = 60
END_SECONDS = 5


@contextlib.contextmanager
def running(folders: Mapping[Path, int], elsewhere: str = "") -> Iterator[None]:
    """A server with its data in each folder, on that port of this machine; all answer when the block begins.

    ``elsewhere``: a server of somebody else's that must answer, too. One left over from a demo that was killed is
    taken over, never doubled. SetupError CB-103 when the server is not installed, CB-109 when one does not answer.
    """
    started: dict[Path, subprocess.Popen[bytes] | None] = {}
    try:
        for folder, port in folders.items():
            started[folder] = _start(folder, port)
        for folder, port in folders.items():
            _wait(base_url(port), f"Look at {folder.name}/server.log in the demo's folder.")
        if elsewhere:
            _wait(elsewhere, "Name the base address of a FHIR R4 server that answers.")
        yield
    finally:
        for folder, process in started.items():
            _end(folder, process)


def base_url(port: int) -> str:
    """The address of a server of ours."""
    return f"http://127.0.0.1:{port}/fhir"


def _start(folder: Path, port: int) -> subprocess.Popen[bytes] | None:
    """The server's process; None when one was left over."""
    folder.mkdir(parents=True, exist_ok=True)
    if _left_over(folder) is not None:
        return None
    program = shutil.which("sekmet", path=str(Path(sys.executable).parent)) or shutil.which("sekmet")
    if program is None:
        remedy = "Install the demo extra: pip install 'casebridge[demo]'."
        raise SetupError("CB-103", "the demo's FHIR server is not installed", remedy=remedy)
    config = folder / "server.json"
    config.write_text(json.dumps({
        "host": "127.0.0.1", "port": port, "base_url": base_url(port), "simulator": {"enabled": False},
        "server_auth": {"types": ["none"]}, "data_dir": str(folder / "data"),
    }))  # fmt: skip
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603  (our own pinned server, our own configuration)
            [program, "serve", "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True)  # fmt: skip


def _left_over(folder: Path) -> int | None:
    """Found by its command line: a demo killed right after the start had no time to write anything down."""
    config = str(folder / "server.json").encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if config in (process / "cmdline").read_bytes().split(b"\0"):
                return int(process.name)
    return None


def _end(folder: Path, process: subprocess.Popen[bytes] | None) -> None:
    pid = _left_over(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    ends = time.monotonic() + END_SECONDS
    while (_left_over(folder) or (process and process.poll() is None)) and time.monotonic() < ends:
        time.sleep(0.02)


def _wait(url: str, remedy: str) -> None:
    ends = time.monotonic() + READY_SECONDS
    with httpx2.Client(headers={"Accept": "application/fhir+json"}) as http:
        while time.monotonic() < ends:
            with contextlib.suppress(httpx2.HTTPError):
                if http.get(f"{url}/metadata").status_code == 200:
                    return
            time.sleep(0.1)
    raise SetupError("CB-109", f"no FHIR server answers at {url}", remedy=remedy)
