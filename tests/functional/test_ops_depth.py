"""What waits, what is held, how fast it goes: counted along the indexes, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import text

from casebridge.store import depth, ledger, rates, seals, tally
from casebridge.store.database import Store, iso
from casebridge.store.seals import Seal

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = Store(store_url)
    yield made
    made.close()


def ago(**time: float) -> str:
    return iso(NOW - timedelta(**time))


def add(store: Store, **values: Any) -> None:
    row = {"direction": "out", "kind": "referral", "stop": "prepare", "state": "waiting", "partner": "pantry"}
    with store.write() as c:
        ledger.add(c, values.pop("made", ago()), **{**row, **values})


def queues(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as c:
        found = depth.queues(c, ago())
    return [(q.stop, q.partner, q.part, q.urgent, q.waiting, q.more, q.due, q.oldest) for q in found]


def test_each_lane_is_counted_and_the_oldest_that_is_due_is_named(store: Store) -> None:
    add(store, made=ago(hours=3), part=1)
    add(store, made=ago(hours=5), part=1)
    add(store, made=ago(minutes=2), part=1, urgent=True)
    add(store, stop="understand", partner="mercy", made=ago(days=1), due_at=iso(NOW + timedelta(hours=8)))
    add(store, state="done", made=ago(days=9))
    assert sorted(queues(store)) == [
        ("prepare", "pantry", 1, False, 2, False, True, ago(hours=5)),
        ("prepare", "pantry", 1, True, 1, False, True, ago(minutes=2)),
        ("understand", "mercy", 0, False, 1, False, False, ""),
    ]


def test_what_failed_and_is_tried_again_later_is_no_younger_for_it(store: Store) -> None:
    add(store, made=ago(hours=6), attempt=4, due_at=iso(NOW + timedelta(minutes=15)))
    ((*_, due, oldest),) = queues(store)
    assert (due, oldest) == (False, ago(hours=6))


def test_a_long_queue_is_counted_so_far_and_no_further(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "MOST", 3)
    for _ in range(3):
        add(store)
    assert queues(store)[0][4:6] == (3, False)
    add(store)
    assert queues(store)[0][4:6] == (3, True)


def test_held_by_reason_partner_and_who_must_act(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    bad_value, no_route = {"code": "CB-301", "who": "partner"}, {"code": "CB-504", "who": "it"}
    for partner, why in [("state", bad_value), ("state", bad_value), ("mercy", no_route)]:
        add(store, partner=partner, state="held", **why)
    with store.read() as c:
        found, more = depth.held(c)
        monkeypatch.setattr(depth, "MOST", 2)
        assert depth.held(c)[1]
    assert [(r.partner, r.code, r.who, r.held) for r in found] == [
        ("mercy", "CB-504", "it", 1), ("state", "CB-301", "partner", 2)]  # fmt: skip
    assert not more


def test_no_look_reads_all_messages(store: Store) -> None:
    """Every statement about messages goes along an index: with a million of them a look must not cost a second."""
    asked: list[tuple[str, Any]] = []

    @sa_event.listens_for(store.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    add(store)
    add(store, state="held", code="CB-504", who="it")
    asked.clear()
    with store.read() as c:
        depth.queues(c, ago())
        depth.held(c)
        depth.unanswered(c)
        if c.raw.dialect.name == "postgresql":
            c.raw.execute(text("SET LOCAL enable_seqscan = off"))  # of two rows it would read both at once
        looked = [(s, p) for s, p in asked if "FROM message" in s or "FROM dispatch" in s]
        plans = [_plan(c.raw, statement, parameters) for statement, parameters in looked]
    assert len(plans) >= 6
    assert [plan for plan in plans if "ix_message_" not in plan and "ix_dispatch_work" not in plan] == []


def _plan(raw: Any, statement: str, parameters: Any) -> str:
    explain = "EXPLAIN QUERY PLAN " if raw.dialect.name == "sqlite" else "EXPLAIN "
    return "\n".join(str(tuple(row)) for row in raw.exec_driver_sql(explain + statement, parameters))


def noted(store: Store, name: str, at: str, count: int = 1, **values: Any) -> None:
    with store.write() as c:
        for _ in range(count):
            ledger.note(c, at, name, **values)


def test_the_pace_counts_what_happened_since(store: Store) -> None:
    noted(store, "applied", ago(hours=2), 3)
    noted(store, "applied", ago(minutes=30), 2)
    noted(store, "delivered", ago(seconds=10), 4)
    with store.read() as c:
        said = [rates.since(c, ago(**span)) for span in ({"minutes": 1}, {"hours": 1}, {"days": 1}, {"seconds": 1})]
    assert [rate.counts for rate in said] == [
        {"delivered": 4}, {"delivered": 4, "applied": 2}, {"delivered": 4, "applied": 5}, {}]  # fmt: skip
    assert all(rate.exact for rate in said)


def test_a_pace_beyond_the_sample_is_reckoned_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "SAMPLE", 4)
    noted(store, "applied", ago(minutes=1), 6)
    noted(store, "delivered", ago(seconds=10), 2)
    with store.read() as c:
        rate = rates.since(c, ago(hours=1))
    assert (rate.counts, rate.exact) == ({"applied": 4, "delivered": 4}, False)  # half of 4, of 8


def sealed(store: Store, last: int) -> None:
    with store.write() as c:
        assert seals.add(c, Seal(1, 1, last, last, ago(), "none", f"{last:064}", b""))


def test_sums_are_the_same_before_and_after_they_are_counted_for_good(store: Store, monkeypatch: pytest.MonkeyPatch
                                                                       ) -> None:  # fmt: skip
    noted(store, "accepted", ago(hours=2), 3, partner="mercy", stop="accept")
    noted(store, "held", ago(hours=1), 2, partner="mercy", stop="apply", code="CB-504")
    with store.read() as c:
        before = tally.total(c)
    assert before["accepted", "mercy", "accept", "", ""] == tally.Sum(3, ago(hours=2))
    sealed(store, 4)
    monkeypatch.setattr(tally, "AT_ONCE", 3)
    counted = []
    while not counted or counted[-1]:
        with store.write() as c:
            counted.append(tally.fold(c))
    assert counted == [3, 1, 0]  # the fifth is not sealed
    with store.read() as c:
        assert tally.total(c) == before
    monkeypatch.setattr(tally, "TAIL", 0)
    with store.read() as c:
        assert sum(one.count for one in tally.total(c).values()) == 4
