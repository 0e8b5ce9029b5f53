"""Who works when, on both engines: SQLite's own and Procrastinate on PostgreSQL keep the same promises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from lane_sites import SOON, LaneSite, comes_true

from casebridge.engine.turn import Turn

Make = Callable[..., LaneSite]


@pytest.fixture
def make(store_url: str) -> Iterator[Make]:
    """Sites on one store: one after the other as after a restart, or beside each other as worker processes are."""
    made: list[LaneSite] = []

    def one(names: str = "ab", **settings: Any) -> LaneSite:
        made.append(LaneSite(store_url, names, **settings))
        return made[-1]

    yield one
    for site in made:
        site.close()


def test_a_commit_that_makes_work_wakes_its_lane(make: Make) -> None:
    site = make()
    site.lanes.worker.due = lambda stops=(): []  # type: ignore[method-assign]  # no sweep finds it
    with site.running():
        site.add("a", "k1")
        assert comes_true(lambda: site.done == [("a", "k1", False)])
        site.add("b", "k2")
        assert comes_true(lambda: ("b", "k2", False) in site.done)


def test_a_lost_wake_costs_a_delay_only(make: Make) -> None:
    site = make()
    with site.running():
        site.add("a", "k1", wake=False)
        assert comes_true(lambda: site.waiting() == 0)


def test_what_waited_at_the_start_is_done(make: Make) -> None:
    make().add("a", "k1", "k2")
    site = make()
    with site.running():
        assert comes_true(lambda: site.waiting() == 0)


def test_no_two_turns_at_one_lane_at_a_time(make: Make) -> None:
    """Also of two processes, and however often a lane is woken."""
    sites = [make() for _ in range(1 if make().lanes.engine.sweep == 1 else 2)]  # SQLite has one process
    at_work, both = set[str](), []

    def look(turn: Turn) -> None:
        both.extend({turn.lane.name} & at_work)
        at_work.add(turn.lane.name)
        time.sleep(0.02)
        at_work.discard(turn.lane.name)

    for site in sites:
        site.before, site.batch = look, 1
    sites[0].add("a", *[""] * 25)
    with ExitStack() as stack:
        for site in sites:
            stack.enter_context(site.running())
        for _ in range(10):
            for site in sites:
                site.lanes.wake()
        assert comes_true(lambda: sites[0].waiting() == 0)
    assert (sum(len(s.done) for s in sites), both) == (25, [])


def test_many_records_of_one_partner_do_not_hold_up_the_only_one_of_another(make: Make) -> None:
    """One thread; a partner with 5,000 in line, then one record of another, then an urgent one of the first."""
    site, asked = make(threads=1), threading.Event()
    site.add("a", *[""] * 5000, wake=False)
    site.before = lambda turn: time.sleep(0.05) if len(site.done) < 500 else asked.wait(SOON)
    with site.running():
        assert comes_true(lambda: len(site.done) >= 500)
        site.add("b", "only")
        site.add("a", "hurry", urgent=True)
        site.before = lambda turn: time.sleep(0.25)  # on PostgreSQL turns at one lane last a second together
        asked.set()
        assert comes_true(lambda: site.waiting() == 0)
    order = {what: place for place, what in enumerate(site.done)}
    assert order["a", "hurry", True] < 4900
    assert order["b", "only", False] < 4900


def test_urgent_work_does_not_stop_the_rest(make: Make) -> None:
    site = make(threads=1)
    site.batch = 1
    site.add("a", *[""] * 40, urgent=True, wake=False)
    site.add("b", "patient", wake=False)
    site.before = lambda turn: time.sleep(0.02)
    with site.running():
        assert comes_true(lambda: site.waiting() == 0)
    assert site.done.index(("b", "patient", False)) < 35


def test_a_slow_partner_holds_up_its_own_lanes_only(make: Make) -> None:
    site, free = make("abcdefgh", threads=1), threading.Event()
    site.worker.work = lambda turn: free.wait(30) and 0 if turn.lane.stop == "accept" else site.turn(turn)
    with site.running():
        site.lanes.receive()  # every partner's link hangs
        site.add("b", "k1")
        assert comes_true(lambda: site.done == [("b", "k1", False)])
        free.set()


def test_a_turn_that_raises_is_said_and_tried_again(make: Make) -> None:
    site, full = make(), [True]

    def disk(turn: Turn) -> None:
        if full and turn.lane.partner == "a":
            raise OSError("no space left on device")

    site.before = disk
    with site.running():
        site.add("a", "k1")
        site.add("b", "k2")
        assert comes_true(lambda: "unexpected OSError" in site.lanes.trouble)
        assert comes_true(lambda: site.done == [("b", "k2", False)])
        full.clear()
        assert comes_true(lambda: ("a", "k1", False) in site.done)
        assert comes_true(lambda: site.lanes.trouble == "")


def test_stop_ends_after_the_batch_at_hand(make: Make) -> None:
    site = make()
    begun = threading.Event()
    site.before, site.batch = lambda turn: (begun.set(), time.sleep(0.2)), 10
    site.add("a", *[""] * 1000, wake=False)
    with site.running():
        assert begun.wait(20)
    assert len(site.done) % 10 == 0
    assert 0 < site.waiting() == 1000 - len(site.done)


def test_stop_does_not_wait_for_ever(make: Make) -> None:
    """A turn that hangs is cut off; what it had begun is done at the next start."""
    site, begun, end = make(lease=1), threading.Event(), threading.Event()
    site.before = lambda turn: (begun.set(), end.wait(30))
    site.add("a", "k1")
    with site.running():
        site.lanes.wake()
        assert begun.wait(20)
    assert site.waiting() == 1
    again = make(lease=1)
    with again.running():
        assert comes_true(lambda: again.done == [("a", "k1", False)])
    end.set()
    site.worker.quiet()
    assert site.done == []  # it was superseded: it wrote nothing more


def test_jobs_by_the_clock_are_done_in_one_process_or_in_each(make: Make) -> None:
    site, did = make(), []
    site.lanes.every(1, "alarm", lambda: did.append("one"))
    site.lanes.every(0.1, "look", lambda: did.append("each"), everywhere=True)
    with site.running():
        assert comes_true(lambda: {"one", "each"} <= set(did))


def test_a_job_that_raises_is_done_again(make: Make) -> None:
    site, did = make(), []

    def job() -> None:
        did.append(1)
        raise ValueError("Moreno")

    site.lanes.every(1, "alarm", job)
    with site.running():
        assert comes_true(lambda: len(did) > 1)
