"""Moments as they were written, a year, a date, a time with or without a zone: compared, and in another zone."""

from __future__ import annotations

from datetime import datetime, tzinfo


def earlier(a: str, b: str) -> bool:
    """Is ``a`` surely before ``b``? Compared as exactly as both are known; equal as far as known is not earlier.

    >>> earlier("2026-03-01", "2026-03-02T08:00:00Z"), earlier("2026-03", "2026-03-02")
    (True, False)
    """
    left, right = _instant(a), _instant(b)
    if left and right:
        return left < right
    size = min(len(a), len(b), 10) if _instant(a) or _instant(b) else min(len(a), len(b))
    return _plain(a)[:size] < _plain(b)[:size]


def within(moment: str, start: str | None, end: str | None) -> bool:
    """Is ``moment`` inside the period? Both ends are included; an open end has no bound."""
    return not (start and earlier(moment, start)) and not (end and earlier(end, moment))


def local(moment: datetime, zone: tzinfo) -> datetime:
    """A moment with a zone in ``zone``; as it is written where it would be before the year 1 or after 9999 there.

    >>> local(datetime.fromisoformat("9999-12-31T23:59:59-05:00"), ZoneInfo("UTC")).isoformat()
    '9999-12-31T23:59:59-05:00'
    """
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _plain(text: str) -> str:
    return text.replace(" ", "T")


def _instant(text: str) -> datetime | None:
    """An exact instant, when the text has a time and a zone."""
    if len(text) < 17:
        return None
    try:
        moment = datetime.fromisoformat(_plain(text))
    except ValueError:  # no such day, a leap second: compared as text
        return None
    return moment if moment.tzinfo else None
