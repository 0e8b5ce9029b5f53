"""A link that wants to be left alone for a while is: by every process of the site, but not when a person asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lane_sites import Clock, LaneSite

from casebridge.core.errors import TryAgain
from casebridge.engine import asking
from casebridge.store.leases import Lane


class SlowLink:
    """Wants to be asked every 15 minutes; counts how often it was."""

    def __init__(self, every: float = 900.0) -> None:
        self.every, self.asked = every, 0
        self.error: Exception | None = None

    def receive(self, cursor: str | None) -> Iterator[Any]:
        self.asked += 1
        if self.error:
            raise self.error
        return iter(())


class Sites:
    """Two processes of one site with one clock; of partners a and b only the first has such a link."""

    def __init__(self, url: str) -> None:
        self.clock, self.link = Clock(), SlowLink()
        self.processes = [LaneSite(url), LaneSite(url)]
        for process in self.processes:
            process.site.clock, process.worker.work = self.clock, asking.work
            process.site.partners["a"] = replace(process.site.partners["a"], link=self.link)  # type: ignore[arg-type]

    def round(self, process: int) -> set[str]:
        """The partners that a process asks when the clock says that it is time to ask."""
        woken: list[Lane] = []
        lane_site = self.processes[process]
        lane_site.lanes.engine.wake = woken.extend  # type: ignore[method-assign]
        lane_site.lanes.receive()
        for lane in woken:
            lane_site.worker.turn(lane)
        lane_site.worker.let_go()
        return {lane.partner for lane in woken}


@pytest.fixture
def sites(store_url: str) -> Iterator[Sites]:
    made = Sites(store_url)
    yield made
    for process in made.processes:
        process.close()


def test_no_process_asks_sooner_than_the_link_wants(sites: Sites) -> None:
    assert sites.round(0) == {"a", "b"}
    for _ in range(59):
        sites.clock.move(15)
        assert sites.round(1) == {"b"}
    sites.clock.move(16)
    assert sites.round(1) == {"a", "b"}
    assert sites.link.asked == 2


def test_what_becomes_urgent_is_asked_for_as_often_as_the_link_then_says(sites: Sites) -> None:
    sites.link.every = 60.0
    sites.round(0)
    sites.clock.move(59)
    assert sites.round(0) == {"b"}
    sites.clock.move(2)
    assert sites.round(0) == {"a", "b"}


def test_after_trouble_it_is_tried_again_before_its_time_but_not_at_once(sites: Sites) -> None:
    sites.link.error = TryAgain("CB-401", "it does not answer")
    sites.round(0)
    sites.clock.move(30)
    assert sites.round(1) == {"b"}
    sites.clock.move(31)
    assert sites.round(1) == {"a", "b"}


def test_a_person_who_asks_is_not_kept_waiting(sites: Sites) -> None:
    sites.processes[0].lanes.drain()
    sites.processes[0].lanes.drain()
    assert sites.link.asked == 2
