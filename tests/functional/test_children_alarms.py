"""Silence about an offer rings for the whole; the wall around a victim service provider stands for children, too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from agencies import OFFER, SPLIT, child, parent, say, with_agencies
from sites import TestSite, bundle, order, patient, task

from casebridge.engine import alarms, sealing, timers
from casebridge.store import dispatches

Make = Callable[..., TestSite]
MONDAY = datetime(2026, 11, 2, 14, tzinfo=UTC)  # 09:00 in New York
ASKED = bundle(task(), order("employment-status"), patient())
DUTY = """
duty_queue = "duty@site.example"
duty_mail = { host = "127.0.0.1", port = 1, security = "plain", sender = "cb@site.example" }
"""


class Clock:
    """Set by hand; goes on a little with every look."""

    def __init__(self) -> None:
        self.time = MONDAY

    def __call__(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


def started(make_site: Make, folder: Path, to: str, walled: str = "", **more: str) -> tuple[TestSite, Clock]:
    site, clock = with_agencies(make_site, folder, to, walled, **more), Clock()
    site.bridge.site.clock = clock
    site.drop("hospital", "t1.json", ASKED)
    return site, clock


def tend(site: TestSite, clock: Clock, **later: float) -> list[tuple[str, str]]:
    """(kind, referral) of what rings so much later."""
    before = len(site.noted("alarm"))
    clock.time += timedelta(**later)
    sealing.seal(site.bridge.site)
    timers.tend(site.bridge.site)
    return [(e["facts"]["kind"], str(e["correlation"])) for e in site.noted("alarm")[before:]]


def test_an_offer_that_nobody_accepts_rings_once_for_the_whole(make_site: Make, tmp_path: Path) -> None:
    site, clock = started(make_site, tmp_path, OFFER)
    assert tend(site, clock, hours=3) == []
    assert tend(site, clock, hours=2) == [("not-claimed", parent(site).id)]
    assert tend(site, clock, days=9) == []
    (row,) = alarms.rows(site.bridge.site, 5)[1]
    assert (row.who, row.words) == ("worker", "It was offered to several and nobody has accepted it")
    say(site, "north", "accept")
    tend(site, clock, minutes=1)
    assert alarms.rows(site.bridge.site, 5) == (0, [])


def test_each_agency_of_a_split_referral_owes_an_answer(make_site: Make, tmp_path: Path) -> None:
    site, clock = started(make_site, tmp_path, SPLIT)
    say(site, "north", "accept")
    assert tend(site, clock, days=5) == [("not-answered", child(site, "south").id)]


@pytest.mark.parametrize("wall", ["walled", "part2"])
def test_the_mail_of_a_walled_childs_alarm_names_nobody(make_site: Make, tmp_path: Path, wall: str) -> None:
    """That a referral to it exists is itself protected (34 U.S.C. 12291(b)(2); 42 CFR 2.12)."""
    site, clock = started(make_site, tmp_path, SPLIT, **{wall: "south"}, site_more=DUTY)
    say(site, "north", "accept")
    assert tend(site, clock, days=5) == [("not-answered", child(site, "south").id)]
    site.work()
    (message,) = site.messages(partner="duty-queue")
    with site.bridge.site.store.read() as c:
        (file,) = dispatches.files_of(c, [message.dispatch or ""])[message.dispatch or ""]
    assert "south" not in file.data.decode()
    assert "call" not in file.data.decode()
