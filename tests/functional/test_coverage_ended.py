"""A planner hears that a client's coverage ended when it is so or near, once, and not while another runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from members import Segment, file_834, member
from sites import TestSite, food_referral

from casebridge.engine import timers

NEWS = """
[partner.desk]
role = "covered_entity"
carrier = "folder"
format = "notice"
maps = "notice"
agreements = [{ kind = "BAA", until = 2099-12-31 }]
settings = { folder = "hospital", quiet_seconds = 0 }

[[route]]
when = { kind = "participation", change = "ended" }
to = "desk"
"""
DENTAL: Sequence[Segment] = [("HD", "021", "", "DEN", "DENTAL"), ("DTP", "348", "D8", "20250101")]
TODAY = datetime(2026, 11, 21, 15, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = TODAY

    def __call__(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


def ada(maintenance: str = "021", ends: str = "") -> list[Segment]:
    return member("MORENO", "ADA", "899611001", maintenance=maintenance, ends=ends)


@pytest.fixture
def site(make_site: Callable[..., TestSite]) -> TestSite:
    """A site with an open referral of Ada's."""
    made = make_site(more=NEWS)
    made.bridge.site.clock = Clock()
    made.drop("hospital", "ada.json", food_referral())
    return made


def heard(site: TestSite) -> int:
    """How often the planner was told."""
    return len(site.noted("coverage-ended"))


def days_go_by(site: TestSite, days: int) -> None:
    clock = site.bridge.site.clock
    assert isinstance(clock, Clock)
    clock.time += timedelta(days=days)
    timers.follow_days(site.bridge.site)
    site.work()


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        (ada(), ada("024", "20261031"), 1),
        (ada(), ada("024", "20261121"), 1),  # its last day is today
        (ada(), [*ada("024", "20261031"), *DENTAL], 0),  # another one runs on
        (ada(), ada("024", "20261130"), 1),  # the end of this month: who planned on it hears so now
        (ada(), ada("024", "20261231"), 0),  # it lies far ahead
        (None, ada("024", "20261121"), 1),  # never heard of, and it ended after the referral was made
        (None, ada("024", "20191231"), 0),  # long before
        (None, [*ada("024", "20191231"), *DENTAL], 0),
    ],
)  # fmt: skip
def test_told_when_nothing_runs_any_more(
    site: TestSite, first: list[Segment] | None, then: list[Segment], told: int
) -> None:
    if first is not None:
        site.drop("state", "1.834", file_834(first, control="000000001"))
    assert heard(site) == 0
    site.drop("state", "2.834", file_834(then, control="000000002"))
    assert (heard(site), site.held()) == (told, [])


def test_an_end_that_lay_ahead_is_told_on_its_day_and_once(site: TestSite) -> None:
    site.drop("state", "1.834", file_834(ada("021", "20261231"), control="000000001"))
    days_go_by(site, 1)
    assert heard(site) == 0
    days_go_by(site, 45)  # 6 January
    assert heard(site) == 1
    days_go_by(site, 0)
    days_go_by(site, 3)
    assert heard(site) == 1


def test_an_end_that_was_said_long_before_is_told_a_month_before(site: TestSite) -> None:
    site.drop("state", "1.834", file_834(ada("024", "20261231"), control="000000001"))
    days_go_by(site, 8)
    assert heard(site) == 0
    days_go_by(site, 3)  # 2 December
    assert heard(site) == 1
    days_go_by(site, 45)
    assert heard(site) == 1


def test_an_end_that_lay_ahead_and_was_taken_back_is_not_told(site: TestSite) -> None:
    site.drop("state", "1.834", file_834(ada(), control="000000001"))
    site.drop("state", "2.834", file_834(ada("024", "20261231"), control="000000002"))
    days_go_by(site, 1)
    site.drop("state", "3.834", file_834(ada("025"), control="000000003"))
    days_go_by(site, 45)
    assert heard(site) == 0
