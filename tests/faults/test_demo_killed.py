"""The demo, killed with SIGKILL again and again: started again it ends in the same facts, and nothing is doubled."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import STDOUT, Program

from casebridge.demo.facts import TASKS
from casebridge.demo.fhir import Server, at
from casebridge.demo.play import STEPS
from casebridge.demo.servers import base_url, running

pytest.importorskip("aiosmtpd", reason="the demo extra is not installed")
README = Path(__file__).parents[2] / "README.md"
KILLS = 3
SEED = int(os.environ.get("CASEBRIDGE_SEED", "0")) or random.randrange(1, 2**32)


def start(folder: Path) -> Program:
    quiet = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return Program("demo", "--no-serve", "--keep", folder, stderr=STDOUT, env=quiet)


def servers(folder: Path, whose: str = "hospital") -> list[int]:
    """The processes of this server that belong to this folder."""
    config = str(folder / whose / "server.json").encode()
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
def started(folder: Path) -> Iterator[tuple[Server, Server]]:
    """The hospital's server and the agency's once more, to look at what they hold."""
    ports = json.loads((folder / "ports.json").read_text())
    theirs = {folder / name: ports[name] for name in ("hospital", "rides")}
    with running(theirs), at(base_url(ports["hospital"])) as hospital, at(base_url(ports["rides"])) as rides:
        yield hospital, rides


def left_at_the_partners(folder: Path) -> dict[str, object]:
    """What the hospital, the agency, the mail and the HMIS have, straight from them."""
    with started(folder) as (hospital, rides):
        tasks = {name: [t["status"] for t in hospital.versions(f"Task/{name}")] for name in TASKS}
        procedures = len(hospital.search("Procedure"))
        copies = [len(rides.search(kind)) for kind in ("Patient", "ServiceRequest", "Task", "Procedure")]
    mails = [re.search(rb"(?mi)^message-id:.*$", file.read_bytes()) for file in (folder / "mail").glob("*.eml")]
    exports = len(list((folder / "hmis" / "out").iterdir()))
    return {**tasks, "procedures": procedures, "copies": copies, "exports": exports,
            "mails": len({m.group() for m in mails if m})}  # fmt: skip


CLOSED = ["completed", "accepted", "requested"]
ONCE = {
    "rosa-food": CLOSED, "june-rides": CLOSED, "marcus-bed": ["accepted", "requested"], "procedures": 2,
    "copies": [1, 1, 1, 1], "mails": 3, "exports": 1,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A demo's folder; also when the test fails no server of it stays behind."""
    yield tmp_path / "demo"
    for server in (*servers(tmp_path / "demo"), *servers(tmp_path / "demo", "rides")):
        os.kill(server, signal.SIGKILL)


def test_killed_at_any_moment_and_started_again_it_ends_in_the_same_facts(folder: Path) -> None:
    chance = random.Random(SEED)
    for number in range(KILLS):
        step, seconds = (0 if number == 0 else chance.randint(1, len(STEPS))), chance.uniform(0, 0.4)
        print(f"CASEBRIDGE_SEED={SEED}: kill {number + 1} is {seconds:.3f} s into step {step}")  # noqa: T201
        before = servers(folder)
        assert killed_at(folder, step, seconds) in (-9, 0)
        assert len(servers(folder)) <= 1 >= len(servers(folder, "rides")), "one left over is taken over, never doubled"
        assert before in ([], servers(folder)) or servers(folder) == []
    printed = finished(folder)
    (number,) = re.findall(r"(\d+) facts, 0 not so", printed)
    assert f"It ends with {number} facts" in README.read_text(encoding="utf-8")
    assert servers(folder) == servers(folder, "rides") == [], "what a killed demo left over was taken over and ended"
    finished(folder)
    assert left_at_the_partners(folder) == ONCE, "a finished demo run again doubles nothing"
    assert servers(folder) == servers(folder, "rides") == []
