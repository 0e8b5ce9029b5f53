"""The PostgreSQL that tests start: it keeps what was committed when it is killed, and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from databases import MISSING
from postgres import binaries, running

SUPPORT = Path(__file__).parents[1] / "support"
START = "from postgres import *; c = Cluster(binaries()); print(c.folder, c.pid, flush=True); time.sleep(600)"

pytestmark = pytest.mark.skipif(binaries() is None and "CI" not in os.environ, reason=MISSING)


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Within half a minute."""
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_nothing_is_left_when_the_tests_are_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", START], cwd=SUPPORT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        folder, pid = tests.stdout.readline().split()
        assert is_alive(int(pid))
        tests.send_signal(signal.SIGKILL)
    assert becomes_true(lambda: not is_alive(int(pid)))
    assert becomes_true(lambda: not Path(folder).exists())


def test_what_was_committed_is_there_after_every_process_was_killed() -> None:
    with running(binaries(), durable=True) as cluster:
        name = cluster.empty()
        with closing(psycopg.connect(cluster.conninfo(name))) as c:
            c.execute("CREATE TABLE kept AS SELECT 1 AS number")
            c.commit()
            c.execute("INSERT INTO kept VALUES (2)")
            cluster.kill()
            assert not cluster.answers()
        cluster.start()
        with psycopg.connect(cluster.conninfo(name)) as c:
            assert c.execute("SELECT number FROM kept").fetchall() == [(1,)]
