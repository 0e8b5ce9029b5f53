"""What a partner's link cannot give is on the books: every process of the site says it, until it goes well again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from lane_sites import Clock, LaneSite

from casebridge.core.errors import TryAgain
from casebridge.engine import asking
from casebridge.store import ledger
from casebridge.store.leases import Lane


class BrokenLink:
    """Raises what it is told to raise; counts how often it was asked."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    def receive(self, cursor: str | None) -> Iterator[Any]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return iter(())


@pytest.fixture
def sites(store_url: str) -> Iterator[tuple[LaneSite, LaneSite]]:
    """Two processes of one site."""
    one, other = LaneSite(store_url), LaneSite(store_url)
    clock = Clock()
    for site in (one, other):
        site.site.clock, site.worker.work = clock, asking.work
    yield one, other
    one.close()
    other.close()


def ask(site: LaneSite, link: BrokenLink) -> None:
    site.site.partners["a"] = type(site.site.partners["a"])(
        "a", "cbo", None, link, site.site.partners["a"].maps)  # type: ignore[arg-type]  # fmt: skip
    site.worker.turn(Lane("accept", "a"))
    site.worker.let_go()


def test_a_problem_is_said_in_every_process_until_it_is_over(sites: tuple[LaneSite, LaneSite]) -> None:
    one, other = sites
    link = BrokenLink()
    link.error = TryAgain("CB-401", "the server does not answer")
    ask(one, link)
    assert one.lanes.problems == other.lanes.problems == {"a": "the server does not answer (CB-401)"}
    link.error = None
    ask(other, link)
    assert one.lanes.problems == other.lanes.problems == {}


def test_a_partner_that_named_a_time_is_not_asked_before_it_by_anybody(sites: tuple[LaneSite, LaneSite]) -> None:
    one, other = sites
    link = BrokenLink()
    link.error = TryAgain("CB-401", "too many requests", after=one.site.clock() + timedelta(seconds=60))
    ask(one, link)
    ask(other, link)
    assert link.asked == 1
    one.site.clock.move(61)  # type: ignore[attr-defined]
    ask(other, link)
    assert link.asked == 2


def test_what_a_stranger_raises_is_named_by_its_class_only(
    sites: tuple[LaneSite, LaneSite], caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = sites
    link = BrokenLink()
    link.error = ValueError("Ada Moreno")
    ask(one, link)
    assert one.lanes.problems == {"a": "unexpected ValueError (CB-901)"}
    with one.store.read() as c:
        assert [(e["partner"], e["code"]) for e in ledger.events(c, name="not-received")] == [("a", "CB-901")]
    assert "Moreno" not in caplog.text


def test_a_word_from_the_doors_that_names_no_lane_hurts_nobody(sites: tuple[LaneSite, LaneSite]) -> None:
    lanes = sites[0].lanes
    woken: list[Lane] = []
    lanes.engine.wake = woken.extend  # type: ignore[method-assign]
    for word in ("acc", "accept/hospital/x", "", "accept/hospital/0"):
        lanes.told(word)
    assert [lane.name for lane in woken] == ["accept/hospital/0"]
