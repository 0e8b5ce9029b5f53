"""The flow in processes of its own, as a site runs it: workers on PostgreSQL, and a server that has nothing to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from casebridge.store import ledger
from casebridge.store.database import Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from postgres import binaries, running

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 600


@contextmanager
def processes(command: str, file: Path, count: int = 1) -> Iterator[list[int]]:
    """``casebridge COMMAND`` so many times; their process ids."""
    line = [str(Path(sys.executable).with_name("casebridge")), command, "--config", str(file)]
    began = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield [process.pid for process in began]
    finally:
        for process in began:
            process.send_signal(signal.SIGTERM)
        for process in began:
            process.wait(60)


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a database of a server that writes to the disk before it answers."""
    programs = binaries()
    if programs is None:
        raise SystemExit("no PostgreSQL on this machine")
    with running(programs, durable=True) as cluster:
        yield cluster.url(cluster.fresh())


def delivered(url: str, expected: int) -> float:
    """Seconds from the first payload accepted to the last message delivered."""
    store = Store(url)
    until = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            with store.read() as c:
                if ledger.tally(c, "state", stop="deliver").get(("done",), 0) == expected:
                    break
            time.sleep(0.5)
        with store.read() as c:
            first, last = ledger.events(c, name="accepted")[0]["at"], ledger.events(c, name="delivered")[-1]["at"]
    finally:
        store.close()
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def idle(file: Path, seconds: float = 20) -> tuple[float, float]:
    """(MB, percent of one core) of a server that nobody asks for anything."""
    with processes("serve", file) as (pid,):
        time.sleep(10)
        before = _ticks(pid)
        time.sleep(seconds)
        spent = (_ticks(pid) - before) / TICKS
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident / 1e6, 100 * spent / seconds


def _ticks(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(stat[11]) + int(stat[12])
