"""Which lanes have due work: one row a lane is looked at, and what waits for a partner that is off is no due work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lane_sites import LaneSite
from sqlalchemy import event

from casebridge.core.ids import new_id
from casebridge.store import dispatches, ledger
from casebridge.store.due import due
from casebridge.store.leases import PARTS, Lane

PAST, FUTURE = "2020-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"


@pytest.fixture
def make(store_url: str) -> Iterator[Any]:
    made = []

    def one(**partner: Any) -> LaneSite:
        made.append(LaneSite(store_url, **partner))
        return made[-1]

    yield one
    for site in made:
        site.close()


def dispatch(site: LaneSite, partner: str, due_at: str, state: str = "claimed", **values: Any) -> None:
    with site.store.write() as c:
        dispatches.add(c, new_id(), partner, due_at, [], state, **values)


def test_urgent_lanes_come_first_then_by_stop_and_partner(make: Any) -> None:
    site = make()
    site.add("b", "", stop="apply", direction="in")
    site.add("b", "", stop="understand", direction="in")
    site.add("a", *[""] * 30)
    site.add("b", "", urgent=True)
    dispatch(site, "a", PAST)
    dispatch(site, "b", PAST, "inflight", part=3, urgent=True)
    assert site.worker.due() == [
        Lane("deliver", "b", 3, True), Lane("prepare", "b", 0, True), Lane("apply", "b"), Lane("deliver", "a"),
        Lane("prepare", "a"), Lane("understand", "b"),
    ]  # fmt: skip
    assert site.worker.due(["deliver"]) == [Lane("deliver", "b", 3, True), Lane("deliver", "a")]


def parts(site: LaneSite) -> int:
    """Where one process does all the work, one lane prepares for a partner."""
    return 1 if site.lanes.engine.sweep == 1 else PARTS


def test_each_part_is_a_lane_of_its_own(make: Any) -> None:
    site = make()
    site.add("a", *(f"key-{n}" for n in range(60)))
    assert site.worker.due() == [Lane("prepare", "a", part) for part in range(parts(site))]


def test_one_key_stays_in_order_across_parts(make: Any) -> None:
    """As after a move from SQLite, where all lay in one part: the later one waits for the earlier."""
    site = make()
    for part in (0, 3):
        site.add("a", "k1", part=part)
    with site.store.read() as c:
        found = [ledger.work(c, Lane("prepare", "a", part), site.site.now()) for part in (0, 3)]
    assert [len(messages) for messages in found] == [1, 0]


def test_what_is_due_later_done_or_held_is_not_due_now(make: Any) -> None:
    site = make()
    site.add("a", "", due_at=FUTURE)
    site.add("a", "", due_at="9999")
    site.add("a", "", state="held")
    site.add("a", "", state="done")
    dispatch(site, "a", FUTURE)
    dispatch(site, "a", PAST, "sent")
    dispatch(site, "a", PAST, "shown")
    assert site.worker.due() == []
    with site.store.read() as c:
        assert due(c, "2100") == [Lane("deliver", "a"), Lane("prepare", "a")]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"mode": "live"}, {"understand", "apply", "prepare", "deliver"}),
        ({"mode": "dry-run"}, {"understand", "apply", "prepare"}),
        ({"mode": "off"}, {"understand", "apply"}),
        ({"names": "xyz"}, set()),
    ],
)
def test_what_waits_for_a_partner_that_cannot_take_it_is_no_due_work(
    make: Any, settings: dict[str, Any], found: set[str]
) -> None:
    site = make(**settings)
    for stop in ("understand", "apply", "prepare"):
        site.add("a", "", stop=stop)
    dispatch(site, "a", PAST)
    assert {lane.stop for lane in site.worker.due()} == found


def test_the_index_is_walked_not_counted(make: Any) -> None:
    """However many wait in a lane: the plan seeks from one lane to the next."""
    site, asked = make(), []
    site.add("a", *(f"key-{n}" for n in range(40)), due_at=PAST)
    dispatch(site, "a", PAST)
    with site.store.read() as c:
        event.listen(site.store.engine, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
        assert len(due(c, "2030")) == 1 + parts(site)
        looks = [(q, values) for q, values in asked if "circuit" not in q]
        assert len(looks) == 4 + 1 + parts(site)  # one look for each stop, one more for each lane
        if c.raw.dialect.name == "sqlite":  # PostgreSQL's planner reads so few rows whole
            plans = [str(c.raw.exec_driver_sql(f"EXPLAIN QUERY PLAN {q}", values).all()) for q, values in looks]
            assert all("USING INDEX ix_message_work" in p or "USING INDEX ix_dispatch_work" in p for p in plans)
            assert not any("TEMP B-TREE" in p for p in plans)
