"""MessageFoundry (PyPI, its own process) from file to file: HL7 v2 referrals in, each passed on unchanged as a file.

It has no case model, no rules of disclosure and no map to run. Its SQLite goes to the disk at each commit, as ours.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FEED = """
from messagefoundry import File, Send, handler, inbound, outbound, router

inbound("IB_REFERRAL", File(directory="in", poll_seconds=0.2), router="all")
outbound("FILE-OUT_REFERRAL", File(directory="out", filename="{MSH-10}.hl7"))


@router("all")
def route(msg):
    return ["pass_on"]


@handler("pass_on")
def pass_on(msg):
    return Send("FILE-OUT_REFERRAL", msg)
"""
SETTINGS = '[store]\nsynchronous = "full"\n[ai]\nenvironment = "dev"\n'
PATIENCE = 300


def installed() -> bool:
    """Is it in this environment?"""
    try:
        return bool(version("messagefoundry"))
    except PackageNotFoundError:
        return False


def passed_on(messages: int, a_file: int, port: int) -> float:
    """Seconds from the first message passed on to the last."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("config", "in", "out"):
            (folder / part).mkdir()
        (folder / "config" / "feed.py").write_text(FEED)
        (folder / "messagefoundry.toml").write_text(SETTINGS)
        for start in range(0, messages, a_file):
            some = "".join(referral(n) for n in range(start, min(start + a_file, messages)))
            (folder / "in" / f"{start:08d}.hl7").write_text(some, newline="")
        with _running(folder, port):
            first = _when(folder / "out", 1)
            return _when(folder / "out", messages) - first


def referral(number: int) -> str:
    """A made-up referral for food (HL7 v2.5.1 REF^I12), 1.2 kB."""
    lines = [
        f"MSH|^~\\&|EHR|HOSPITAL|CASE|AGENCY|20261120174000||REF^I12^REF_I12|M{number:08d}|P|2.5.1",
        f"RF1|P^Pending|R^Routine|FOOD^Food|||R{number:08d}|20261120",
        "PRD|RP|Haddad^Lina^^^Dr||||555-0100",
        "PRD|RT|Food Bank||||555-0111",
        f"PID|1||p{number}^^^HOSPITAL^MR~7{number:08d}^^^SSA^SS||Moreno{number}^Ada||19870220|F|||12 Elm||555-0142",
        "NTE|1||" + "A food pantry is wanted, two children at home. " * 18,
    ]
    return "\r".join([*lines, ""])


@contextmanager
def _running(folder: Path, port: int) -> Iterator[None]:
    options = {"config": "config", "db": "store.db", "env": "dev", "host": "127.0.0.1", "port": port}
    command = [sys.executable, "-m", "messagefoundry", "serve", *(f"--{k}={v}" for k, v in options.items())]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            yield
        finally:
            process.terminate()


def _when(folder: Path, count: int) -> float:
    """The moment at which there were so many files."""
    until = time.perf_counter() + PATIENCE
    while len(list(folder.glob("*.hl7"))) < count:
        time.sleep(0.02)
        if time.perf_counter() > until:
            raise SystemExit("MessageFoundry does not pass them on")
    return time.perf_counter()
