"""A lane has one holder; whoever takes it over raises its epoch, and the one before commits nothing more."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from signal import SIGCONT, SIGKILL, SIGSTOP

import pytest
from lane_sites import Clock, LaneSite, comes_true
from postgres import Cluster

from casebridge.engine.turn import Turn
from casebridge.engine.worker import HANGS, Worker
from casebridge.store import leases, ledger
from casebridge.store.database import Store
from casebridge.store.leases import Lane, Superseded

LANE = Lane("prepare", "a", 2)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = Store(store_url)
    yield made
    made.close()


@pytest.fixture
def site(store_url: str) -> Iterator[LaneSite]:
    made = LaneSite(store_url)
    made.site.clock = Clock()
    yield made
    made.close()


@pytest.mark.parametrize(
    "lane",
    [LANE, Lane("deliver", "food-bank", 0, True), Lane("accept", "a/b/0/urgent", 11), Lane("apply", "", 3, True)],
)
def test_a_lane_has_a_name(lane: Lane) -> None:
    assert Lane.named(lane.name) == lane


def test_one_key_is_always_in_the_same_part() -> None:
    parts = [leases.part_of(f"referral-{n}") for n in range(100)]
    assert parts == [leases.part_of(f"referral-{n}") for n in range(100)]
    assert set(parts) == {0, 1, 2, 3}
    assert {leases.part_of(""), leases.part_of(None), *(leases.part_of(f"r{n}", 1) for n in range(9))} == {0}


def test_a_lane_is_taken_by_one_until_it_is_silent(store: Store) -> None:
    """Who takes it, when, until when; and the epoch under which, none while another has it."""
    table = [("one", "10:00", "10:30", 1), ("two", "10:01", "10:31", None), ("two", "10:30", "11:00", 2),
             ("one", "10:45", "11:15", None), ("three", "11:01", "11:31", 3)]  # fmt: skip
    for holder, now, until, epoch in table:
        with store.write() as c:
            assert leases.take(c, LANE, holder, now, until) == epoch, (holder, now)


def test_what_was_let_go_is_free_at_once(store: Store) -> None:
    with store.write() as c:
        leases.take(c, LANE, "one", "10:00", "10:30")
        leases.let_go(c, LANE, 1)
        assert leases.take(c, LANE, "two", "10:01", "10:31") == 2
        leases.let_go(c, LANE, 1)  # too late: it is another's
        assert leases.take(c, LANE, "three", "10:02", "10:32") is None


def test_a_lane_whose_holder_stands_in_the_middle_of_a_commit_is_not_waited_for(site: LaneSite) -> None:
    """PostgreSQL: the row is locked, perhaps by a process that was stopped. (SQLite writes one after the other.)"""
    with site.store.write() as c:
        assert leases.take(c, LANE, "one", "10:00", "10:30") == 1
    if site.worker._sole:
        return
    with Turn(site.site, LANE, 1).write(), site.store.write() as c:
        assert leases.take(c, LANE, "two", "11:00", "11:30") is None


def test_a_commit_under_an_old_epoch_is_none(site: LaneSite) -> None:
    with site.store.write() as c:
        leases.take(c, LANE, "one", "10:00", "10:30")
        leases.take(c, LANE, "two", "10:31", "11:00")
    old, new = Turn(site.site, LANE, 1), Turn(site.site, LANE, 2)
    with pytest.raises(Superseded), old.write() as c:
        ledger.note(c, "10:32", "never")
    with pytest.raises(Superseded):
        old.check()
    with new.write() as c:
        ledger.note(c, "10:32", "written")
    with site.store.read() as c:
        assert [e["name"] for e in ledger.events(c)] == ["written"]


def test_a_worker_that_was_silent_too_long_writes_nothing_more(site: LaneSite) -> None:
    """Half through its turn another takes the lane over, does the work, and lets it go."""
    other = Worker(site.site, site.turn, timedelta(seconds=30))
    site.add("a", "k1", wake=False)
    (lane,) = site.worker.due()

    def away(turn: Turn) -> None:
        site.before = lambda turn: None
        site.site.clock.move(31)
        assert other.turn(lane) == 1
        other.let_go()

    site.before = away
    assert site.worker.turn(lane) == 0
    assert (len(site.done), site.waiting()) == (1, 0)
    assert site.worker.turn(lane) == 0  # free again, nothing due


def test_each_commit_holds_the_lane_for_longer(site: LaneSite, store_url: str) -> None:
    site.add("a", "k1", wake=False)
    (lane,) = site.worker.due()
    with site.store.write() as c:
        epoch = leases.take(c, lane, "one", site.site.now(), "2026-03-01T12:00:30")
    turn = Turn(site.site, lane, epoch or 0)
    site.site.clock.move(29)
    turn.check()
    site.site.clock.move(29)
    with site.store.write() as c:
        assert leases.take(c, lane, "two", site.site.now(), "2026-03-01T13:00:00") is None


def test_a_clock_that_goes_back_takes_no_lane_from_anybody(site: LaneSite) -> None:
    site.add("a", "k1", wake=False)
    (lane,) = site.worker.due()
    site.before = lambda turn: site.site.clock.move(-3600)
    assert site.worker.turn(lane) == 1
    assert site.waiting() == 0


def test_a_turn_that_lasts_keeps_its_lane_but_not_for_ever(site: LaneSite) -> None:
    """A slow partner is not sent the same thing by a second worker; only one that hangs is given up."""
    site.worker._sole = False  # as one of many processes
    other = Worker(site.site, site.turn)
    other._sole = False
    site.add("a", "k1", wake=False)
    (lane,) = site.worker.due()
    took = []

    def slow(turn: Turn) -> None:
        site.before = lambda turn: None
        for seconds in (20, 20, 20, HANGS.total_seconds(), 31):
            site.site.clock.move(seconds)
            site.worker.keep()
            took.append(other.turn(lane))

    site.before = slow
    assert site.worker.turn(lane) == 0
    assert took == [0, 0, 0, 1, 0]


def test_whoever_comes_while_a_lane_is_taken_is_remembered(site: LaneSite) -> None:
    site.worker._sole = False
    other = Worker(site.site, site.turn)
    other._sole = False
    site.add("a", "k1", wake=False)
    (lane,) = site.worker.due()
    site.before = lambda turn: other.turn(lane)
    assert site.worker.turn(lane) == 1
    assert site.worker.let_go() == [lane]
    assert other.turn(lane) == 0
    assert other.let_go() == []


PROCESS = """
import sys
from datetime import timedelta
from lane_sites import LaneSite
from casebridge.store.leases import Lane
site = LaneSite(sys.argv[1], lease=1)
site.before = lambda turn: (print("begun", flush=True), sys.stdin.readline())
print(site.worker.turn(site.worker.due()[0]), len(site.done), flush=True)
site.close()
"""


@pytest.fixture
def shared(postgres: Cluster) -> str:
    """A store that many processes may work on: SQLite has one."""
    return postgres.url(postgres.fresh())


@pytest.fixture
def process(shared: str) -> Iterator[subprocess.Popen[str]]:
    """Another worker process, in the middle of its turn at the one lane that is due."""
    site = LaneSite(shared)
    site.add("a", "k1", wake=False)
    site.close()
    path = [p for p in sys.path if p.endswith("tests/support")]
    with subprocess.Popen(
        [sys.executable, "-c", PROCESS, shared], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": ":".join(path)},
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        yield child
        child.kill()


def test_a_process_stopped_past_its_lease_and_continued_writes_nothing_more(
    process: subprocess.Popen[str], shared: str
) -> None:
    process.send_signal(SIGSTOP)
    site = LaneSite(shared, lease=1)
    (lane,) = site.worker.due()
    assert comes_true(lambda: site.worker.turn(lane) == 1)
    process.send_signal(SIGCONT)
    assert process.communicate("\n")[0] == "0 0\n"
    assert (site.waiting(), len(site.done)) == (0, 1)
    site.close()


def test_what_a_killed_process_had_begun_is_done_by_another(process: subprocess.Popen[str], shared: str) -> None:
    process.send_signal(SIGKILL)
    site = LaneSite(shared, lease=1)
    with site.running():
        assert comes_true(lambda: site.done == [("a", "k1", False)])
    site.close()


def test_threads_that_want_one_lane_take_it_once(site: LaneSite) -> None:
    threads = [threading.Thread(target=site.worker.take, args=([LANE],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turn = Turn(site.site, LANE, 1)
    turn.check()  # epoch 1: it was taken once
