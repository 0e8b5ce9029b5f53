"""Stamps as servers write them: none is taken for later than it may be, none is filtered while it may still be new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from casebridge_fhir.moments import UNKNOWN, latest, moment, span, stamp
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-20T08:00:00.123Z", "2026-11-20T08:00:00.123Z", "2026-11-20T08:00:00.123Z"),
        ("2026-11-20T08:00:00.1234567Z", "2026-11-20T08:00:00.123456Z", "2026-11-20T08:00:00.123456Z"),
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z", "2026-11-20T08:00:01Z"),
        ("2026-11-20T03:00:00.000-05:00", "2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"),
        ("2026-11-20T24:00:00Z", "2026-11-21T00:00:00Z", "2026-11-21T00:00:01Z"),
        ("2026-12-31T24:00:00.000Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-06-30T23:59:60.5Z", "2026-06-30T23:59:59.5Z", "2026-06-30T23:59:59.5Z"),
        ("2026-11-20T08:00:00.000", "2026-11-19T18:00:00Z", "2026-11-20T20:00:00Z"),
        ("2026-11-20", "2026-11-19T10:00:00Z", "2026-11-21T12:00:00Z"),
        ("2026-02", "2026-01-31T10:00:00Z", "2026-03-04T12:00:00Z"),
        ("2026", "2025-12-31T10:00:00Z", "2027-01-02T12:00:00Z"),
    ],
)
def test_what_a_text_can_mean(text: str, first: str, last: str) -> None:
    assert span(text) == (datetime.fromisoformat(first), datetime.fromisoformat(last))


@pytest.mark.parametrize("text", ["", "soon", "2026-13-45", "2026-11-20T25:00:00Z", "0000", "2026-11-20T08", "9999"])
def test_what_is_no_moment(text: str) -> None:
    assert span(text) is None
    assert moment(text) == UNKNOWN


MOMENTS = st.integers(631_152_000_000_000, 4_102_444_800_000_000).map(
    lambda micro: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro)
)
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
CUTS = st.sampled_from([
    lambda at: at.isoformat(), lambda at: at.isoformat(timespec="milliseconds"),
    lambda at: at.isoformat(timespec="seconds"), lambda at: at.replace(tzinfo=None).isoformat(),
    lambda at: at.date().isoformat(), lambda at: at.isoformat()[:7], lambda at: at.isoformat()[:4],
])  # fmt: skip


@given(MOMENTS, ZONES, CUTS)
def test_however_it_is_written_the_moment_is_within(at: datetime, zone: timezone, cut: object) -> None:
    found = span(cut(at.astimezone(zone)))  # type: ignore[operator]
    assert found is not None
    millisecond = timedelta(milliseconds=1)
    assert found[0] <= at <= found[1] + millisecond


def test_a_stamp_that_is_none_is_the_beginning_of_time() -> None:
    for meta in ({}, {"lastUpdated": 7}, {"lastUpdated": "x"}, None, []):
        assert (stamp({"meta": meta}), latest({"meta": meta})) == (UNKNOWN, UNKNOWN)
