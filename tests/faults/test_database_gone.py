"""A database that goes away in the middle of a run and comes back: nothing is lost, and the workers, which nobody
starts again, go on by themselves. Meanwhile payloads keep coming."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from postgres import Cluster, binaries, running
from posting import Agency, agency, fill, posting_site
from sites import TestSite
from workers import at_work, at_work_here, comes_true, finished, moved

OFTEN = "\n[web]\npoll_seconds = 0.5\n"
A_FILE = 5
Away = Callable[[], AbstractContextManager[object]]

LOCKS = '''
import fcntl, sys
with open(sys.argv[1] + "-shm", "r+b") as index:
    fcntl.lockf(index, fcntl.LOCK_EX, {count}, 120)  # https://www.sqlite.org/walformat.html#wal_locks
    print("locked", flush=True)
    sys.stdin.read()
'''
WRITERS, EVERYBODY = 1, 8
"""Locks of the write-ahead log's index: the first is the writer's, all eight leave no room to read either."""


@pytest.fixture
def receiver() -> Iterator[Agency]:
    with agency() as known:
        yield known


@contextmanager
def locked(database: Path, count: int) -> Iterator[None]:
    """Another process has locked the file."""
    command = [sys.executable, "-c", LOCKS.format(count=count), str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        yield
        other.communicate()


@contextmanager
def down(cluster: Cluster, how: str) -> Iterator[None]:
    """The server has ended: killed, or as its operator ended it at once."""
    cluster.kill() if how == "KILL" else cluster.stop(how)
    yield
    cluster.start()


def gone_and_back(site: TestSite, receiver: Agency, away: Away, *, seconds: float, count: int, referrals: int) -> None:
    """Workers run, the database goes away and comes back, and files come in before, meanwhile and after."""
    before = moved(site)
    with at_work(site, count) as running:
        fill(site.folder, referrals, A_FILE)
        assert comes_true(lambda: moved(site) > before)
        site.bridge.close()
        with away():
            fill(site.folder, referrals, A_FILE, first=referrals)
            time.sleep(seconds)
            assert [process.poll() for process in running] == [None] * count
        fill(site.folder, referrals, A_FILE, first=2 * referrals)
        site.reopen_with_same_settings()
        assert comes_true(lambda: finished(site) and len(receiver.keys) == 3 * referrals)
        assert [process.poll() for process in running] == [None] * count  # nobody started them again
    all_is_delivered(site, receiver, 3 * referrals)


def all_is_delivered(site: TestSite, receiver: Agency, referrals: int) -> None:
    """Each once, as far as the agency honours keys."""
    assert {m.state for m in site.messages()} == {"done"}
    assert len(site.referrals()) == referrals
    assert sorted(receiver.order) == sorted(r.id for r in site.referrals())
    assert set(receiver.keys) == {m.id for m in site.messages(direction="out")}
    site.bridge.close()


def test_a_file_that_somebody_else_locks_for_a_moment_costs_a_delay_only(tmp_path: Path, receiver: Agency) -> None:
    site = posting_site(tmp_path / "site", "sqlite:///casebridge.db", receiver, OFTEN)
    before = moved(site)
    with at_work_here(site):
        fill(site.folder, 10, A_FILE)
        assert comes_true(lambda: moved(site) > before)
        with locked(site.folder / "casebridge.db", EVERYBODY):
            fill(site.folder, 10, A_FILE, first=10)
            time.sleep(0.5)
        assert comes_true(lambda: finished(site) and len(receiver.keys) == 20)
    all_is_delivered(site, receiver, 20)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [WRITERS, EVERYBODY])
def test_a_file_that_somebody_else_locks_for_long(tmp_path: Path, receiver: Agency, count: int) -> None:
    """Longer than a transaction waits (30 s), so that some break off."""
    site = posting_site(tmp_path / "site", "sqlite:///casebridge.db", receiver, OFTEN)
    database = site.folder / "casebridge.db"
    gone_and_back(site, receiver, lambda: locked(database, count), seconds=40, count=1, referrals=100)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["KILL", "INT"])
def test_a_server_that_goes_and_comes_back_finds_the_workers_there(
    tmp_path: Path, receiver: Agency, how: str
) -> None:
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine")
    with running(programs) as cluster:
        site = posting_site(tmp_path / "site", cluster.url(cluster.fresh()), receiver, OFTEN)
        gone_and_back(site, receiver, lambda: down(cluster, how), seconds=30, count=2, referrals=100)
