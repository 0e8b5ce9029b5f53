"""The business calendar: what is due when, by a table; and its laws."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebridge.engine.calendar import Calendar, federal_holidays

NEW_YORK = ZoneInfo("America/New_York")
OFFICE = Calendar(NEW_YORK)  # Monday to Friday, 8 to 17, not on federal holidays
NIGHTS = Calendar(NEW_YORK, frozenset(range(7)), 0, 6 * 60, federal=False)  # over the hours in which clocks change
ALWAYS = Calendar(NEW_YORK, frozenset(range(7)), 0, 1440, federal=False)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def shown(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).strftime("%a %Y-%m-%d %H:%M")


HOURS = [  # calendar, from, hours of work, until
    (OFFICE, "2026-11-02 09:00", 4, "Mon 2026-11-02 13:00"),
    (OFFICE, "2026-11-02 15:00", 4, "Tue 2026-11-03 10:00"),
    (OFFICE, "2026-11-02 13:00", 4, "Tue 2026-11-03 08:00"),  # the end of a day is the beginning of the next
    (OFFICE, "2026-11-06 15:00", 4, "Mon 2026-11-09 10:00"),  # over a weekend
    (OFFICE, "2026-11-07 12:00", 4, "Mon 2026-11-09 12:00"),  # from a Saturday
    (OFFICE, "2026-11-10 16:00", 2, "Thu 2026-11-12 09:00"),  # over Veterans Day
    (OFFICE, "2026-11-25 16:00", 2, "Fri 2026-11-27 09:00"),  # over Thanksgiving
    (OFFICE, "2026-11-02 05:00", 0, "Mon 2026-11-02 08:00"),
    (OFFICE, "2026-11-02 17:00", 0, "Tue 2026-11-03 08:00"),
    (OFFICE, "2026-10-30 16:00", 2, "Mon 2026-11-02 09:00"),  # clocks went back on Sunday
    (OFFICE, "2026-11-02 08:00", 90, "Tue 2026-11-17 08:00"),
    (NIGHTS, "2026-03-08 00:00", 3, "Sun 2026-03-08 04:00"),  # 02:00 to 03:00 is not there
    (NIGHTS, "2026-11-01 00:00", 3, "Sun 2026-11-01 02:00"),  # 01:00 to 02:00 is there twice
    (ALWAYS, "2026-11-01 00:00", 25, "Mon 2026-11-02 00:00"),
]
DAYS = [
    (OFFICE, "2026-11-02 09:00", 2, "Wed 2026-11-04 09:00"),
    (OFFICE, "2026-11-05 09:00", 2, "Mon 2026-11-09 09:00"),
    (OFFICE, "2026-11-06 18:00", 1, "Tue 2026-11-10 08:00"),  # after hours comes with Monday
    (OFFICE, "2026-11-07 11:00", 1, "Tue 2026-11-10 08:00"),
    (OFFICE, "2026-11-09 09:00", 2, "Thu 2026-11-12 09:00"),  # Veterans Day does not count
    (OFFICE, "2026-12-31 10:00", 1, "Mon 2027-01-04 10:00"),
    (OFFICE, "2026-11-02 09:00", 0, "Mon 2026-11-02 09:00"),
    (OFFICE, "2026-03-06 09:00", 1, "Mon 2026-03-09 09:00"),  # clocks went on on Sunday
    (ALWAYS, "2026-11-01 12:00", 1, "Mon 2026-11-02 13:00"),  # thirteen hours into a day that has an hour more
]


@pytest.mark.parametrize(("calendar", "start", "hours", "until"), HOURS)
def test_hours_of_work(calendar: Calendar, start: str, hours: float, until: str) -> None:
    assert shown(calendar.after_hours(local(start), hours)) == until


@pytest.mark.parametrize(("calendar", "start", "days", "until"), DAYS)
def test_days_of_work(calendar: Calendar, start: str, days: int, until: str) -> None:
    assert shown(calendar.after_days(local(start), days)) == until


def test_federal_holidays_of_a_year() -> None:
    """As the Office of Personnel Management lists them for 2026; Independence Day is kept on the Friday."""
    assert sorted(str(day)[5:] for day in federal_holidays(2026)) == [
        "01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "09-07", "10-12", "11-11", "11-26", "12-25"]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "off"),
    [("2027-07-05", True), ("2027-12-24", True), ("2027-12-31", True), ("2028-01-01", False), ("2020-06-19", False)],
)
def test_holidays_at_weekends_and_before_there_was_a_law(day: str, off: bool) -> None:
    assert (date.fromisoformat(day) in federal_holidays(int(day[:4]))) is off


def test_a_days_own_closing() -> None:
    calendar = Calendar(NEW_YORK, federal=False, closed=frozenset([date(2026, 11, 3)]))
    assert shown(calendar.after_hours(local("2026-11-02 16:00"), 2)) == "Wed 2026-11-04 09:00"


def test_a_calendar_without_a_day_of_work_has_no_answer() -> None:
    with pytest.raises(ValueError, match="nobody is at work"):
        Calendar(weekdays=frozenset()).next_open(local("2026-11-02 09:00"))


SECONDS = st.integers(0, 3 * 365 * 86400)
MOMENTS = SECONDS.map(lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
ZONES = ["America/New_York", "America/Anchorage", "Pacific/Honolulu", "Europe/Dublin", "Australia/Lord_Howe"]
CALENDARS = st.builds(
    lambda zone, days, opens, long, federal: Calendar(ZoneInfo(zone), days, opens, min(opens + long, 1440), federal),
    st.sampled_from(ZONES), st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1380), st.integers(60, 1440), st.booleans())  # fmt: skip


@given(CALENDARS, MOMENTS, st.floats(0, 200), st.integers(0, 30))
def test_what_is_due_is_due_at_work_and_not_before(
    calendar: Calendar, moment: datetime, hours: float, days: int
) -> None:
    for due in (calendar.after_hours(moment, hours), calendar.after_days(moment, days), calendar.next_open(moment)):
        assert due >= moment
        assert calendar.is_open(due)
        assert not calendar.is_day_off(due.astimezone(calendar.zone).date())


@given(CALENDARS, MOMENTS, st.timedeltas(timedelta(), timedelta(days=9)), st.floats(0, 100), st.integers(0, 9))
def test_what_begins_later_is_not_due_sooner(
    calendar: Calendar, moment: datetime, later: timedelta, hours: float, days: int
) -> None:
    assert calendar.after_hours(moment, hours) <= calendar.after_hours(moment + later, hours)
    assert calendar.after_days(moment, days) <= calendar.after_days(moment + later, days)


@given(CALENDARS, MOMENTS, st.floats(0, 50), st.floats(0, 50))
def test_more_hours_are_not_due_sooner_and_add_up(
    calendar: Calendar, moment: datetime, one: float, two: float
) -> None:
    both = calendar.after_hours(moment, one + two)
    assert calendar.after_hours(moment, max(one, two)) <= both
    assert abs(calendar.after_hours(calendar.after_hours(moment, one), two) - both) <= timedelta(milliseconds=1)
