"""A partner that does not answer is left alone: its circuit opens, one is tried now and then, and when it is back it is
not overrun."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from receivers import DOWN, BulkReceiver, DeliverySite, Receiver
from sites import TestSite
from sqlalchemy import text

from casebridge.app import alone
from casebridge.core.errors import RecordError, SetupError, TryAgain
from casebridge.engine.circuit import OPENS_AFTER, claimed
from casebridge.engine.worker import Worker
from casebridge.store import circuits
from casebridge.store.circuits import Circuit

PEOPLE = [f"p{n}" for n in range(8)]
MANY = [f"p{n}" for n in range(18)]


def circuit(at: DeliverySite) -> Circuit:
    with at.inner.store.read() as c:
        return circuits.get(c, "agency")


def rows(at: DeliverySite) -> list[Any]:
    """All that is written of messages, dispatches and events."""
    with at.inner.store.read() as c:
        return [c.raw.execute(text(f"SELECT * FROM {t} ORDER BY id")).all() for t in ("message", "dispatch")]


def test_it_opens_after_some_failures_in_a_row_and_then_nothing_is_touched(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer(*PEOPLE)
    assert len(at.receiver.calls) == OPENS_AFTER, "the other messages were not tried"
    assert sorted(m.attempt for m in at.waiting()) == [0] * 3 + [1] * 5
    assert at.noted("circuit-opened") == [("agency", "CB-401")]
    before = rows(at)
    at.later(seconds=7)
    assert rows(at) == before
    assert at.site.bridge.lanes.worker.due(["deliver"]) == []


def test_one_is_tried_now_and_then_and_the_waits_grow(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer(*PEOPLE[:5])
    tries = []
    for _ in range(24):
        before = at.receiver.asked
        at.later(minutes=1)
        tries.append(at.receiver.asked - before)
    assert set(tries) <= {0, 1, 2}, "never two at once"
    assert 4 <= sum(tries) <= 14, "at first every half minute, in the end every five or less"
    assert sum(tries[:8]) >= sum(tries[-8:]), "ever more seldom"
    assert at.noted("circuit-opened") == [("agency", "CB-401")], "on the books once, however often it is tried"


def test_when_it_is_back_one_goes_then_two_then_four(site: TestSite) -> None:
    at = DeliverySite(site, BulkReceiver(), parallel=1)
    at.receiver.down()
    at.refer(*MANY)
    assert isinstance(at.receiver, BulkReceiver)
    at.receiver.down(None)
    at.receiver.batches.clear()
    at.later(minutes=4)
    assert at.receiver.batches[:4] == [1, 2, 4, 8]
    assert sum(at.receiver.batches) == len(at.receiver.got) == len(MANY)
    assert (at.waiting(), circuit(at).state) == ([], "closed")
    assert at.noted("circuit-closed") == [("agency", None)]


def test_when_it_is_down_again_in_between_it_opens_again(site: TestSite) -> None:
    at = DeliverySite(site, BulkReceiver())
    at.receiver.down()
    at.refer(*MANY)
    at.receiver.says = lambda dispatch: None if len(at.receiver.got) < 3 else DOWN
    at.later(minutes=4)
    assert len(at.receiver.got) == 3
    assert circuit(at).state == "open"
    assert at.noted("circuit-closed") == []


def test_many_that_fail_at_once_open_it_for_no_longer_than_five_one_by_one(site: TestSite) -> None:
    receiver = BulkReceiver()
    receiver.window = len(MANY)
    at = DeliverySite(site, receiver, parallel=1)
    receiver.down()
    at.refer(*MANY)
    assert (receiver.batches, circuit(at).failures) == ([len(MANY)], OPENS_AFTER)
    assert timedelta(seconds=8) <= datetime.fromisoformat(circuit(at).until or "") - at.clock() <= timedelta(seconds=16)


def test_a_record_that_is_refused_says_nothing_of_the_partner(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down(RecordError("CB-305", "refused"))
    at.refer(*PEOPLE)
    assert len(at.receiver.calls) == len(PEOPLE)
    assert [m.attempt for m in site.held()] == [0] * len(PEOPLE), "held at once"
    assert circuit(at).state == "closed"


def test_one_record_that_never_gets_an_answer_stops_no_other(site: TestSite) -> None:
    """It is tried between the others, and they are answered."""
    at, bad = DeliverySite(site), set()

    def says(dispatch: Any) -> TryAgain | None:
        referral = dispatch.releases[0].document["referral"]
        return DOWN if referral in bad or (not bad and not bad.add(referral)) else None  # the first that comes

    at.receiver.says = says
    at.refer(*PEOPLE)
    assert (len(at.receiver.got), circuit(at).state) == (len(PEOPLE) - 1, "closed")


@pytest.mark.parametrize("code", ["CB-106", "CB-109"])
def test_a_wrong_setting_is_tried_once_and_not_by_every_message(site: TestSite, code: str) -> None:
    at = DeliverySite(site)
    at.receiver.down(SetupError(code, "the server refused our password"))
    at.refer(*PEOPLE)
    assert len(at.receiver.calls) == 1
    (told,) = [m for m in at.waiting() if m.code]
    assert (told.code, told.who) == (code, "it")
    assert told.remedy
    at.receiver.down(None)
    at.later(minutes=1)
    assert (len(at.receiver.got), circuit(at).state) == (len(PEOPLE), "closed")


ASKED = [  # how long the partner asked us to wait, and how long we do
    (timedelta(minutes=42), timedelta(minutes=42)),
    (timedelta(days=400), timedelta(days=1)),
]


@pytest.mark.parametrize(("asked", "waits"), ASKED, ids=str)
def test_a_partner_that_asks_us_to_wait_is_not_asked_again_before(
    site: TestSite, asked: timedelta, waits: timedelta
) -> None:
    at = DeliverySite(site)
    at.receiver.down(TryAgain("CB-402", "wait", after=at.clock() + asked))
    at.refer(*PEOPLE)
    assert len(at.receiver.calls) == 1, "the others wait, too"
    at.receiver.down(None)
    at.later(seconds=waits.total_seconds() - 1)
    assert at.receiver.got == []
    at.later(seconds=2)
    assert len(at.receiver.got) > 0


def test_a_moment_that_has_passed_is_no_answer_to_how_long(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down(TryAgain("CB-402", "wait", after=at.clock() - timedelta(days=1)))
    at.refer("p0")
    assert len(at.receiver.calls) == 1, "not at once again"
    at.later(seconds=1)
    assert len(at.receiver.calls) == 2


def test_other_partners_go_on(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer(*PEOPLE)
    with at.inner.store.read() as c:
        assert circuits.shut(c, at.inner.now()) == {"agency"}


def test_a_clock_that_goes_back_does_not_keep_it_shut(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer(*PEOPLE)
    at.clock.move(-timedelta(days=30).total_seconds())
    assert not circuit(at).shut(at.inner.now())


def test_two_workers_do_not_both_try(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer(*PEOPLE)
    at.clock.move(600)
    now, later = at.inner.now(), "9999"
    with at.inner.store.write() as c:
        assert [circuits.claim(c, "agency", now, later) for _ in range(2)] == [True, False]
    at.receiver.down(None)
    calls = len(at.receiver.calls)
    site.work()
    assert len(at.receiver.calls) == calls, "the other one tries"


def test_a_try_lasts_as_long_as_the_turn_that_makes_it(site: TestSite) -> None:
    """However slow the partner is, no other worker tries meanwhile."""
    at = DeliverySite(site)
    worker = site.bridge.lanes.worker
    at.receiver.down()
    at.refer(*PEOPLE[:5])
    seen = []

    def says(dispatch: Any) -> None:
        for _ in range(10):
            at.clock.move(worker.lease.total_seconds() / 3)
            worker.keep()  # as the engine does by the clock
            seen.append(circuit(at).shut(at.inner.now()))

    at.receiver.says = says
    at.clock.move(120)
    worker.turn(worker.due(["deliver"])[0])
    assert set(seen) == {True}
    assert circuit(at).window == 2, "and what it found out counts"


def test_one_that_died_in_its_try_is_waited_for_as_long_as_its_lease(site: TestSite) -> None:
    at = DeliverySite(site)
    at.receiver.down()
    at.refer(*PEOPLE[:5])
    at.clock.move(120)
    dies = Worker(at.inner, lambda turn: int(claimed(turn, circuit(at)) is not None))
    (lane, *_) = dies.due(["deliver"])
    assert dies.turn(lane) == 1
    at.clock.move(dies.lease.total_seconds() - 1)
    assert circuit(at).shut(at.inner.now())
    at.clock.move(1)
    assert not circuit(at).shut(at.inner.now())


def test_a_try_whose_process_was_killed_is_over_at_the_next_start(make_site: Any) -> None:
    """Where one process alone works on a store, whoever comes after it need not wait."""
    at = DeliverySite(make_site())
    at.receiver.down()
    at.refer(*PEOPLE[:5])
    at.receiver.down(None)
    at.clock.move(600)
    with at.inner.store.write() as c:
        assert circuits.claim(c, "agency", at.inner.now(), "9999")
    with alone(at.site.bridge):
        at.site.work()
    sole = at.inner.store.url.startswith("sqlite")
    assert len(at.receiver.got) == (5 if sole else 0)


def test_the_healthy_path_writes_nothing_of_it(site: TestSite) -> None:
    at = DeliverySite(site, Receiver())
    at.refer(*PEOPLE)
    with at.inner.store.read() as c:
        assert c.raw.execute(text("SELECT count(*) FROM circuit")).scalar() == 0
