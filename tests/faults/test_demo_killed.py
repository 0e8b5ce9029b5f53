"""The demo, killed with SIGKILL again and again: started again it ends in the same facts, and nothing is doubled."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from programs import STDOUT, Program

from casebridge.demo.hospital import Hospital

pytest.importorskip("aiosmtpd", reason="the demo extra is not installed")
SEKMET = Path(sys.executable).with_name("sekmet")
KILLS = 4
SEED = int(os.environ.get("CASEBRIDGE_SEED", "0")) or random.randrange(1, 2**32)


def start(folder: Path) -> Program:
    quiet = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return Program("demo", "--no-serve", "--keep", folder, stderr=STDOUT, env=quiet)


def servers(folder: Path) -> list[int]:
    """The hospital's server processes that belong to this folder."""
    config = str(folder / "hospital" / "server.json").encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        found += [int(process.name)] if config in arguments else []
    return found


def killed_at(folder: Path, step: int, seconds: float) -> int:
    """Start it, and kill it some time after a step began (step 0: after the server's process appears)."""
    process = start(folder)
    assert process.stdout is not None
    if step:
        for line in process.stdout:
            if re.search(rf"\[{step}/\d+\]", line):
                break
    else:
        while process.poll() is None and not servers(folder):
            time.sleep(0.005)
    time.sleep(seconds)
    process.kill()
    process.stdout.close()
    return process.wait()


def finished(folder: Path) -> str:
    """A run to its end; what it printed."""
    with start(folder) as process:
        printed, _ = process.communicate()
    assert process.returncode == 0, printed
    return printed


@contextmanager
def hospital(folder: Path) -> Iterator[Hospital]:
    """The hospital's server once more, to look at what it holds."""
    config = folder / "hospital" / "server.json"
    command = [SEKMET, "serve", "-c", config]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server,
        httpx2.Client(timeout=30, headers={"Accept": "application/fhir+json"}) as http,
    ):
        base = json.loads(config.read_text())["base_url"]
        for _ in range(600):
            with suppress(httpx2.HTTPError):
                if http.get(f"{base}/metadata").status_code == 200:
                    break
            time.sleep(0.05)
        try:
            yield Hospital(base, http)
        finally:
            server.terminate()


def left_at_the_partners(folder: Path) -> dict[str, object]:
    """What the hospital, the mail and the HMIS have, straight from them."""
    with hospital(folder) as there:
        tasks = {name: [t["status"] for t in there.versions(f"Task/{name}")] for name in ("rosa-food", "marcus-bed")}
        procedures = len(there.search("Procedure?subject=Patient/rosa"))
    mails = [re.search(rb"(?mi)^message-id:.*$", file.read_bytes()) for file in (folder / "mail").glob("*.eml")]
    exports = len(list((folder / "hmis" / "out").iterdir()))
    return {**tasks, "procedures": procedures, "exports": exports, "mails": len({m.group() for m in mails if m})}


ONCE = {
    "rosa-food": ["completed", "accepted", "requested"], "marcus-bed": ["accepted", "requested"], "procedures": 1,
    "mails": 2, "exports": 1,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A demo's folder; also when the test fails no server of it stays behind."""
    yield tmp_path / "demo"
    for server in servers(tmp_path / "demo"):
        os.kill(server, signal.SIGKILL)


def test_killed_at_any_moment_and_started_again_it_ends_in_the_same_facts(folder: Path) -> None:
    chance = random.Random(SEED)
    for number in range(KILLS):
        step, seconds = (0 if number == 0 else chance.randint(1, 8)), chance.uniform(0, 0.4)
        print(f"CASEBRIDGE_SEED={SEED}: kill {number + 1} is {seconds:.3f} s into step {step}")  # noqa: T201
        before = servers(folder)
        assert killed_at(folder, step, seconds) in (-9, 0)
        assert len(servers(folder)) <= 1, "a server left over is taken over, never doubled"
        assert before in ([], servers(folder)) or servers(folder) == []
    printed = finished(folder)
    assert "0 not so" in printed
    assert servers(folder) == [], "the server a killed demo left over was taken over and ended"
    assert left_at_the_partners(folder) == ONCE
    finished(folder)
    assert left_at_the_partners(folder) == ONCE, "a finished demo run again doubles nothing"
    assert servers(folder) == []
