"""A power cut: of the write-ahead log only what was brought to the disk is left, and after it perhaps rubbish. On
PostgreSQL nothing else of what was written since the last checkpoint is left either.

What anybody was told is safe (a file moved to done/, a dispatch sent) must be on the books then.
"""

from __future__ import annotations

import os
import random
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from postgres import binaries, running
from posting import Agency, agency, fill, posting_site
from sites import TestSite
from workers import SEED, at_work, comes_true, finished, moved, workers

from casebridge.store import payloads

HEADER, FRAME = 32, 24  # bytes: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
REFERRALS = 60


@pytest.fixture
def receiver() -> Iterator[Agency]:
    with agency() as known:
        yield known


def brought_to_disk(log: bytes) -> int:
    """Where the last complete transaction of a write-ahead log ends: SQLite went to the disk after it, not since."""
    page, salts, end = struct.unpack(">I", log[8:12])[0], log[16:24], HEADER
    at = HEADER
    while at + FRAME + page <= len(log) and log[at + 8 : at + 16] == salts:
        at += FRAME + page
        if struct.unpack(">I", log[at - page - FRAME + 4 : at - page - FRAME + 8])[0]:
            end = at
    return end


def cut(folder: Path, chance: random.Random) -> None:
    """Cut the log somewhere after its last complete transaction; what follows is rubbish."""
    path = folder / "casebridge.db-wal"
    log = path.read_bytes() if path.exists() else b""
    if len(log) > HEADER:
        kept = chance.randint(brought_to_disk(log), len(log))
        path.write_bytes(log[:kept] + chance.randbytes(len(log) - kept))
    (folder / "casebridge.db-shm").unlink(missing_ok=True)  # it lay in memory


def in_done(site: TestSite) -> set[str]:
    return set(os.listdir(site.folder / "hospital" / "done")) if (site.folder / "hospital" / "done").is_dir() else set()


def test_what_was_said_to_be_safe_is_there_after_a_power_cut(tmp_path: Path, receiver: Agency) -> None:
    site = posting_site(tmp_path / "site", "sqlite:///casebridge.db", receiver)
    with_power_cuts(site, receiver, lambda chance: lambda: cut(site.folder, chance), count=1, referrals=REFERRALS)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_what_was_said_to_be_safe_is_there_after_a_power_cut_of_the_server(tmp_path: Path, receiver: Agency) -> None:
    """A server that would not wait for the disk by itself; our sessions tell it to."""
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine")
    settings = ("synchronous_commit=off", "checkpoint_timeout=1h", "max_wal_size=4GB", "wal_writer_delay=10s")
    with running(programs, *settings, durable=True) as cluster:
        site = posting_site(tmp_path / "site", cluster.url(cluster.fresh()), receiver)
        with_power_cuts(site, receiver, cluster.cut, count=2, referrals=4 * REFERRALS)


def test_what_fills_a_file_of_the_log_to_its_end_is_there_after_a_power_cut() -> None:
    """Of the test's own cut: once it took away the whole file, and the server could not start."""
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine")
    with running(programs, durable=True) as cluster:
        happens = cluster.cut(random.Random(SEED))
        with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as c:
            c.execute("CREATE TABLE kept AS SELECT 7 AS number")
            c.execute("SELECT pg_switch_wal()")
            ends = c.execute("SELECT file_offset FROM pg_walfile_name_offset(pg_current_wal_flush_lsn())").fetchall()
        assert ends == [(0,)]
        happens()
        with psycopg.connect(cluster.conninfo("postgres")) as c:
            assert c.execute("SELECT number FROM kept").fetchall() == [(7,)]


def with_power_cuts(
    site: TestSite, receiver: Agency, cut: Callable[[random.Random], Callable[[], None]], *, count: int, referrals: int
) -> None:
    """Three power cuts in the middle of the work; after each, all is there that anybody was told is safe."""
    print(f"CASEBRIDGE_SEED={SEED}")  # noqa: T201
    chance = random.Random(SEED)
    fill(site.folder, referrals, 3)
    for _ in range(3):
        before, happens = moved(site), cut(chance)
        running = workers(site.folder, count)
        until = time.monotonic() + 30
        while moved(site) == before and time.monotonic() < until and not finished(site):
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3))
        site.bridge.close()  # nobody else has the file open when the machine goes off
        for process in running:
            process.kill()
            process.wait()
        safe, sent = in_done(site), set(receiver.keys)
        happens()
        site.reopen_with_same_settings()
        assert safe <= {m.position.get("file") or name_of(site, m.payload) for m in site.messages(kind="payload")}
        assert sent <= {m.id for m in site.messages(direction="out")}
    with at_work(site, count):
        assert comes_true(lambda: finished(site))
    assert {m.state for m in site.messages()} == {"done"}
    assert sorted(receiver.order) == sorted(r.id for r in site.referrals())
    assert len(receiver.order) == referrals
    site.bridge.close()


def name_of(site: TestSite, payload: str | None) -> str:
    with site.bridge.site.store.read() as c:
        return payloads.name_of(c, payload or "")
