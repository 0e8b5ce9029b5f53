"""Dates that stand for "none" (9999-12-31, 0001-01-01) or lie at the edge of the calendar stop nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebridge.core.moments import local
from casebridge.core.values import MOMENT_PATTERN
from casebridge.engine.calendar import Calendar, federal_holidays
from casebridge.engine.deadlines import Standing, end_of, of_last_day, of_referral, standard_rules
from casebridge.web.wording import brief, machine, moment

ZONES = list(map(ZoneInfo, ("America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")))
NOW = "2026-11-02T14:00:00.000000Z"
MONDAY = datetime(2026, 11, 2, 14, tzinfo=UTC)
YEARS = st.one_of(st.sampled_from(["0000", "0001", "0002", "1582", "9998", "9999"]), st.from_regex(r"[0-9]{4}\Z"))
MOMENTS = st.one_of(
    st.from_regex(MOMENT_PATTERN.replace("$", r"\Z")),
    st.builds(str.__add__, YEARS, st.sampled_from([
        "", "-01", "-01-01", "-12-31", "-12-30", "-02-29", "-01-01T00:00:00Z", "-01-01T00:00:00+14:00",
        "-12-31T23:59:59-12:00", "-12-31T23:59:59.999999", "-12-31T23:59:60Z", "-12-31T00:00+23:59",
    ])),
)  # fmt: skip

NO_END = ["0001-01-01", "0001-01-01T00:00:00Z", "9999-01-01", "9999-12-31", "9999-12-31T23:59:59-05:00"]


@pytest.mark.parametrize("text", NO_END)
@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_year_that_stands_for_none_has_no_end_and_sets_no_timer(text: str, zone: ZoneInfo) -> None:
    standing = Standing("requested", NOW, received=NOW, needed_by=text, due_by=text)
    calendar = Calendar(zone)
    assert end_of(text, calendar) is None
    assert of_referral(standing, standard_rules(), calendar).keys() == {"not-answered"}  # after its usual time
    assert of_last_day("agreement", text, standard_rules(), calendar, MONDAY) == {}


@given(MOMENTS, MOMENTS, st.sampled_from(ZONES))
def test_whatever_a_partner_writes_timers_are_worked_out(needed_by: str, due_by: str, zone: ZoneInfo) -> None:
    for received in ("", NOW):
        standing = Standing("requested", NOW, received=received, needed_by=needed_by, due_by=due_by, second=True)
        assert "possibly-same" in of_referral(standing, standard_rules(), Calendar(zone))
    for about in ("agreement", "certificate", "coverage"):
        of_last_day(about, needed_by, standard_rules(), Calendar(zone), MONDAY)


@given(st.one_of(MOMENTS, st.text(max_size=30)), st.sampled_from(ZONES), st.sampled_from([moment, brief, machine]))
def test_whatever_a_partner_writes_can_be_shown(text: str, zone: ZoneInfo, show: Callable[..., str]) -> None:
    more = {moment: (zone,), brief: (zone, "2026"), machine: ()}[show]
    assert isinstance(show(text, *more), str)


@pytest.mark.parametrize(
    ("written", "shown", "for_programs"),
    [
        ("9999-12-31T23:59:59Z", "31 Dec 9999, 18:59 EST", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59-05:00", "31 Dec 9999, 23:59 UTC-05:00", ""),
        ("0001-01-01T00:00:00Z", "1 Jan 1, 00:00 UTC", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+05:00", "1 Jan 1, 00:00 UTC+05:00", ""),
    ],
)
def test_what_a_zone_cannot_say_is_shown_as_it_is_written(written: str, shown: str, for_programs: str) -> None:
    assert (moment(written, ZONES[0]), machine(written)) == (shown, for_programs)


@given(st.datetimes(timezones=st.timezones()), st.sampled_from(ZONES))
def test_a_moment_in_another_zone_is_the_same_moment(when: datetime, zone: ZoneInfo) -> None:
    assert local(when, zone) - when == timedelta()


@given(st.dates())
def test_every_day_is_worked_or_a_day_off(day: date) -> None:
    assert Calendar().is_day_off(day) in (True, False)


def test_the_last_year_has_its_holidays() -> None:
    assert date(9999, 12, 24) in federal_holidays(9999)  # Christmas is a Saturday
