"""When something was, as far as its text tells: instants, partial dates, times without a zone, T24:00.

A stamp that is not exact stands for a span. Who asks what is new begins at the span's start, and who filters goes by
its end, so that an inexact stamp costs a second look and never a record. The text itself is kept as it was written.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

UNKNOWN = datetime.min.replace(tzinfo=UTC)  # the stamp of what has none
EAST, WEST = timedelta(hours=14), timedelta(hours=12)  # how far the world's zones reach before and after UTC
_TEXT = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<part>\.\d+)?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
)


def span(text: str) -> tuple[datetime, datetime] | None:
    """The first and the last moment that ``text`` can mean, aware; None when it is no date at all.

    >>> [each.isoformat() for each in span("2026-11-21T24:00:00Z")]
    ['2026-11-22T00:00:00+00:00', '2026-11-22T00:00:01+00:00']
    >>> [each.isoformat() for each in span("2026-11")]
    ['2026-10-31T10:00:00+00:00', '2026-12-01T12:00:00+00:00']
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    try:
        start, length = _first(found), _length(found)
        if zone := found["zone"]:
            return start - _offset(zone), start - _offset(zone) + length
        return start - EAST, start + length + WEST
    except (ValueError, OverflowError):
        return None


def moment(text: str) -> datetime:
    """The earliest moment ``text`` can mean, aware; the beginning of time when it is none."""
    found = span(text)
    return found[0] if found else UNKNOWN


def stamp(resource: dict[str, Any]) -> datetime:
    """The earliest moment that ``meta.lastUpdated`` can mean; the beginning of time when it is missing or no date."""
    return moment(_stamp_text(resource))


def latest(resource: dict[str, Any]) -> datetime:
    """The latest moment that ``meta.lastUpdated`` can mean; the beginning of time when it is missing or no date."""
    found = span(_stamp_text(resource))
    return found[1] if found else UNKNOWN


def instant(value: datetime) -> str:
    """A moment as a search asks for it: UTC, in milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def floor(value: datetime) -> datetime:
    """The moment as we can ask for it: a search knows milliseconds, a stamp may be finer."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def _stamp_text(resource: dict[str, Any]) -> str:
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return text if isinstance(text, str) else ""


def _first(found: re.Match[str]) -> datetime:
    """The written moment as if it were UTC; an hour of 24 is the next day's first."""
    hour, whole_day = int(found["hour"] or 0), timedelta()
    if hour == 24:
        hour, whole_day = 0, timedelta(days=1)
    second = min(int(found["second"] or 0), 59)  # a leap second is the second before it
    micro = int(f"{(found['part'] or '.')[1:]:0<6}"[:6])
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    return datetime(year, month, day, hour, int(found["minute"] or 0), second, micro, UTC) + whole_day


def _length(found: re.Match[str]) -> timedelta:
    """How much time the smallest unit that was written covers."""
    if found["part"]:
        return timedelta()
    if found["second"]:
        return timedelta(seconds=1)
    if found["hour"]:
        return timedelta(minutes=1)
    return timedelta(days=1 if found["day"] else 31 if found["month"] else 366)


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta()
    hours = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -hours if zone[0] == "-" else hours
