"""A lane draws a breath when work comes in a stream, and never when a message is alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from casebridge.engine.embedded import LITTLE, Embedded
from casebridge.store.leases import Lane

ONE, OTHER_PART, ELSEWHERE = Lane("prepare", "pantry", 1), Lane("prepare", "pantry", 2), Lane("prepare", "shelter", 1)


class Worker:
    """Turns begin when they are asked for and end when the test says how much was done."""

    site = SimpleNamespace(partners=["pantry", "shelter"])
    going = True

    def __init__(self) -> None:
        self.begun: list[Lane] = []
        self._change, self._ends = threading.Condition(), dict[Lane, list[int]]()

    def turn(self, lane: Lane) -> int:
        with self._change:
            self.begun.append(lane)
            self._change.notify_all()
            assert self._change.wait_for(lambda: self._ends.get(lane), 10)
            return self._ends[lane].pop()

    def end(self, lane: Lane, done: int) -> None:
        with self._change:
            self._ends.setdefault(lane, []).append(done)
            self._change.notify_all()

    def wait(self, *lanes: Lane) -> None:
        with self._change:
            assert self._change.wait_for(lambda: self.begun == list(lanes), 10), self.begun


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def later() -> list[Callable[[], Any]]:
    """What is to be done after a breath."""
    return []


@pytest.fixture
def engine(worker: Worker, later: list[Callable[[], Any]]) -> Iterator[Embedded]:
    made = Embedded(worker)  # type: ignore[arg-type]
    made.working = True
    made._timetable.after = lambda seconds, job: later.append(job)  # type: ignore[method-assign]
    yield made
    made.stop()


def until(holds: Callable[[], object]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError


def test_a_lane_alone_begins_at_once_and_looks_again_later(
    engine: Embedded, worker: Worker, later: list[Callable[[], Any]]
) -> None:
    engine.wake([ONE])
    worker.wait(ONE)
    worker.end(ONE, 1)
    until(lambda: len(later) == 1)
    later.pop()()
    worker.wait(ONE, ONE)
    worker.end(ONE, 0)
    until(lambda: ONE not in engine._at_work)
    assert later == []


def test_what_comes_while_it_is_at_work_waits_for_a_breath(
    engine: Embedded, worker: Worker, later: list[Callable[[], Any]]
) -> None:
    engine.wake([ONE])
    worker.wait(ONE)
    engine.wake([ONE])
    engine.wake([OTHER_PART])
    engine.wake([ELSEWHERE])  # another partner's does not
    worker.wait(ONE, ELSEWHERE)
    assert len(later) == 1
    worker.end(ONE, 1)
    until(lambda: len(later) == 2)
    engine.wake([ONE, OTHER_PART])  # it is in line already
    assert len(later) == 2
    later.pop()()
    worker.wait(ONE, ELSEWHERE, ONE)
    for lane in (ONE, ELSEWHERE):
        worker.end(lane, 0)


def test_with_much_to_do_it_goes_on(engine: Embedded, worker: Worker, later: list[Callable[[], Any]]) -> None:
    engine.wake([ONE])
    worker.wait(ONE)
    engine.wake([ONE])
    worker.end(ONE, LITTLE)
    worker.wait(ONE, ONE)
    assert later == []
    worker.end(ONE, 0)


def test_a_look_holds_nobody_up(engine: Embedded, worker: Worker, later: list[Callable[[], Any]]) -> None:
    engine.wake([ONE])
    worker.wait(ONE)
    worker.end(ONE, 1)
    until(lambda: len(later) == 1)
    later.pop()()  # it looks whether there is more
    worker.wait(ONE, ONE)
    engine.wake([OTHER_PART])
    worker.wait(ONE, ONE, OTHER_PART)
    for lane in (ONE, OTHER_PART):
        worker.end(lane, 0)
