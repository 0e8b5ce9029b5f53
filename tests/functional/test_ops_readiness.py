"""Ready tells the truth: each part rests on something that happened, and says what to do when it did not."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lane_sites import Clock
from sites import TestSite, food_referral
from sqlalchemy import text

from casebridge.engine import readiness, upkeep
from casebridge.engine.pulse import Pulse, beats_of
from casebridge.engine.readiness import Answer
from casebridge.engine.turn import Turn
from casebridge.store import beats
from casebridge.store.leases import Lane

JOBS = [(name, seconds) for name, seconds, _ in upkeep.JOBS]


class Watched:
    """A site at work whose clock the test moves."""

    def __init__(self, site: TestSite) -> None:
        self.site, self.bridge, self.pulse = site, site.bridge, site.bridge.pulse
        self.clock = Clock()
        self.bridge.site.clock = self.clock
        self.due: list[Lane] = []

    def work(self, *but: str) -> None:
        """Everything that is done by the clock, but some of it; then a sign of life."""
        for name, _, job in upkeep.JOBS:
            if name not in but:
                self.pulse.job(name, lambda job=job: job(self.bridge.site))()  # type: ignore[misc]
        self.pulse.beat()

    def pass_(self, seconds: float, *but: str) -> None:
        """Time passes, with a sign of life every ten seconds."""
        for _ in range(int(seconds // 10)):
            self.clock.move(10)
            self.work(*but)

    def not_well(self) -> dict[str, Answer]:
        lanes = self.bridge.lanes
        answers = readiness.answers(self.bridge.site, self.pulse.name, JOBS, lambda: self.due, lanes.trouble)
        assert readiness.ready(answers) == all(answer.well for answer in answers)
        return {answer.name: answer for answer in answers if not answer.well}


@pytest.fixture
def watched(site: TestSite) -> Watched:
    return Watched(site)


def test_a_process_that_has_not_written_yet_is_not_ready_and_then_it_is(watched: Watched) -> None:
    assert set(watched.not_well()) == {"database", "lanes"}
    watched.work()
    assert watched.not_well() == {}


def test_one_whose_sign_of_life_is_old_cannot_write(watched: Watched) -> None:
    watched.work()
    watched.clock.move(31)
    said = watched.not_well()["database"]
    assert "Nothing could be written to the database since 2026-03-01T12:00" in said.said
    assert said.remedy


def test_a_database_that_does_not_answer_is_said(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.work()
    monkeypatch.setattr(watched.bridge.site.store, "read", _gone(watched))
    said = watched.not_well()
    assert set(said) == {"database"}
    assert "does not answer" in said["database"].said


def _gone(watched: Watched) -> Callable[[], Any]:
    from casebridge.store.database import StoreTrouble

    def read() -> Any:
        raise StoreTrouble("OperationalError")

    return read


def test_a_database_that_was_moved_on_meanwhile_is_said(watched: Watched) -> None:
    watched.work()
    with watched.bridge.site.store.write() as c:
        c.raw.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    assert set(watched.not_well()) == {"schema"}


def test_due_work_that_nobody_touches_for_a_minute_is_said(watched: Watched) -> None:
    watched.work()
    watched.due = [Lane("apply", "hospital")]
    watched.pass_(60)
    assert watched.not_well() == {}
    watched.pass_(10)
    assert set(watched.not_well()) == {"lanes"}
    watched.bridge.lanes.worker.turn(Lane("apply", "hospital"))
    watched.work()
    assert watched.not_well() == {}


def test_nothing_due_is_no_reason_to_worry(watched: Watched) -> None:
    watched.work()
    watched.pass_(600)
    assert watched.not_well() == {}


def test_work_that_another_process_does_counts(watched: Watched) -> None:
    other = Pulse(watched.bridge.site, "elsewhere:1:ab")
    watched.work()
    watched.due = [Lane("apply", "hospital")]
    watched.pass_(120)
    assert set(watched.not_well()) == {"lanes"}
    other.watched(lambda turn: 1)(Turn(watched.bridge.site, Lane("apply", "hospital"), 1))
    other.beat()
    assert watched.not_well() == {}


def test_a_turn_that_hangs_is_said_with_its_place(watched: Watched) -> None:
    def hang(turn: Turn) -> int:
        watched.pass_(590)
        assert watched.not_well() == {}
        watched.pass_(20)
        assert "has hung since 2026-03-01T12:00" in watched.not_well()["lanes"].said
        return 0

    watched.work()
    watched.pulse.watched(hang)(Turn(watched.bridge.site, Lane("deliver", "agency"), 1))
    watched.work()
    assert watched.not_well() == {}


@pytest.mark.parametrize(("job", "seconds"), [("seal", 60), ("count", 90), ("timers", 100)])
def test_a_job_that_is_not_done_any_more_is_named(watched: Watched, job: str, seconds: int) -> None:
    watched.work()
    watched.pass_(seconds, job)
    assert watched.not_well() == {}
    watched.pass_(20, job)
    said = watched.not_well()
    assert set(said) == {job}
    assert "has not been done since 2026-03-01T12:00" in said[job].said


def test_a_job_that_was_never_done_is_named_when_its_time_is_over(watched: Watched) -> None:
    watched.work("seal")
    assert watched.not_well() == {}
    watched.pass_(80, "seal")
    assert "since the start at 2026-03-01T12:00" in watched.not_well()["seal"].said


def test_a_process_that_died_is_forgotten_and_one_that_ended_is_not_looked_for(watched: Watched) -> None:
    site = watched.bridge.site
    died, ended = Pulse(site, "died"), Pulse(site, "ended")
    died.beat()
    ended.beat()
    ended.end()
    watched.work()
    assert sorted((beat.name, beat.alive(site)) for beat in beats_of(site)) == [
        (name, True) for name in sorted([watched.pulse.name, "died"])]  # fmt: skip
    watched.pass_(50)
    assert {beat.name: beat.alive(site) for beat in beats_of(site)} == {watched.pulse.name: True, "died": False}
    watched.clock.move(timedelta(hours=1).total_seconds())
    watched.work()
    with site.store.read() as c:
        assert set(beats.listed(c)) == {watched.pulse.name}


def test_a_sign_of_life_says_what_the_process_does(site: TestSite) -> None:
    site.drop("hospital", "a.json", food_referral())
    site.bridge.pulse.role = "serve"
    site.bridge.pulse.beat()
    (beat,) = beats_of(site.bridge.site)
    assert (beat.role, beat.pid, beat.busy, beat.silent, beat.trouble) == ("serve", os.getpid(), 0, "", "")
    assert beat.turns > 3
    assert Path(beat.host).name == beat.host


def test_one_at_the_doors_tells_of_the_trouble_of_the_others(watched: Watched) -> None:
    """It has no lanes of its own."""
    watched.work()
    assert readiness.trouble_of(watched.bridge.site, "") == ""
    watched.pulse.trouble = lambda: "Work stopped."
    watched.pulse.beat()
    assert readiness.trouble_of(watched.bridge.site, "") == "Work stopped."
    assert readiness.trouble_of(watched.bridge.site, "My own.") == "My own."
    watched.clock.move(60)
    assert readiness.trouble_of(watched.bridge.site, "") == ""
