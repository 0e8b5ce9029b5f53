"""The site's business calendar: when somebody is at work, in the site's own time zone.

All answers are exact instants (UTC), so that the hour that a change of clocks takes away or gives twice is counted as
long as it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from casebridge.core import facts

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GREENWICH = ZoneInfo("UTC")
DAY = timedelta(days=1)
LONGEST_REST = 366
"""Days looked ahead for one that is worked; a calendar without any has no answer."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekdays (0 is Monday), minutes after midnight between which is worked (1440 is the midnight after), and days
    off: the federal ones if ``federal``, and those of ``closed``."""

    zone: ZoneInfo = GREENWICH
    weekdays: frozenset[int] = frozenset(range(5))
    opens: int = 8 * 60
    closes: int = 17 * 60
    federal: bool = True
    closed: frozenset[date] = frozenset()

    def next_open(self, moment: datetime) -> datetime:
        """The moment itself while it is worked, else when work begins next."""
        begins, _ = next(self._worked(moment))
        return max(begins, moment.astimezone(UTC))

    def is_open(self, moment: datetime) -> bool:
        """Is it worked at this moment? The end of a day's work is over it."""
        return self.next_open(moment) == moment.astimezone(UTC)

    def after_hours(self, moment: datetime, hours: float) -> datetime:
        """So many hours of work later: 4 hours from Friday 15:00 to 17:00 end on Monday at 10:00."""
        left = timedelta(hours=hours)
        for begins, ends in self._worked(moment):
            begins = max(begins, moment.astimezone(UTC))
            if left < ends - begins or not left:
                return begins + left
            left -= ends - begins
        raise AssertionError("the days of work never end")

    def after_days(self, moment: datetime, days: int) -> datetime:
        """As far into the day of work so many days of work later; what comes outside hours comes with the next day."""
        worked = self._worked(moment)
        begins, _ = next(worked)
        into = max(timedelta(), moment.astimezone(UTC) - begins)
        for _ in range(days):
            begins, ends = next(worked)
            into = min(into, ends - begins - timedelta(microseconds=1))
        return begins + into

    def end_of(self, day: date) -> datetime:
        """The midnight after a day. Raises OverflowError after the last that there is."""
        return self._instant(day, 1440)

    def is_day_off(self, day: date) -> bool:
        """Is nobody at work all day?"""
        return (day.weekday() not in self.weekdays or day in self.closed
                or (self.federal and day in federal_holidays(day.year)))  # fmt: skip

    def _worked(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """From when to when is worked, day by day, beginning with the first that ends after ``moment``."""
        day, rest = moment.astimezone(self.zone).date() - DAY, 0
        while rest < LONGEST_REST:
            day, rest = day + DAY, rest + 1
            begins, ends = self._instant(day, self.opens), self._instant(day, self.closes)
            if not self.is_day_off(day) and begins < ends and moment < ends:
                rest = 0
                yield begins, ends
        raise ValueError(f"nobody is at work for {LONGEST_REST} days after {day}")

    def _instant(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, 1440)
        local = datetime.combine(day + days * DAY, time(minutes // 60, minutes % 60), tzinfo=self.zone)
        return local.astimezone(UTC)


@cache
def federal_holidays(year: int) -> frozenset[date]:
    """The days off of a year: one that falls on a Saturday is kept the day before, on a Sunday the day after."""
    years = (year, min(year + 1, MAXYEAR))  # New Year's may be kept in the old year
    kept = (_kept(day) for y in years for day in _named(y))
    return frozenset(day for day in kept if day.year == year)


def _named(year: int) -> Iterator[date]:
    for row in _rows():
        if year < int(row["since"]):
            continue
        month = int(row["month"])
        yield date(year, month, int(row["day"])) if row["day"] else _nth(year, month, row)


def _nth(year: int, month: int, row: dict[str, str]) -> date:
    """The third Monday (weekday 0, which 3), the last (which -1)."""
    first = date(year, month, 1)
    days = [first + n * DAY for n in range(31) if (first + n * DAY).month == month]
    named = [day for day in days if day.weekday() == int(row["weekday"])]
    which = int(row["which"])
    return named[which - 1 if which > 0 else which]


def _kept(day: date) -> date:
    return day + {5: -DAY, 6: DAY}.get(day.weekday(), timedelta())


@cache
def _rows() -> tuple[dict[str, str], ...]:
    return tuple(facts.rows("casebridge.engine", "us_federal_holidays.csv"))
