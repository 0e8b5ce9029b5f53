"""A day is the one on the clocks of the site: a moment late in the evening is tomorrow only in Greenwich."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from casebridge.mapping import with_converters

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(("moment", "zone", "day"), [
    ("2026-11-23T02:30:00Z", NEW_YORK, "2026-11-22"),
    ("2026-11-23T02:30:00.250Z", NEW_YORK, "2026-11-22"),
    ("2026-11-23T05:00Z", NEW_YORK, "2026-11-23"),
    ("2026-07-23T04:00:00Z", NEW_YORK, "2026-07-23"),  # an hour earlier in summer
    ("2026-11-22T21:30:00-08:00", NEW_YORK, "2026-11-23"),
    ("2016-12-31T23:59:60Z", ZoneInfo("Asia/Tokyo"), "2017-01-01"),
    ("2026-11-22T21:30:00", NEW_YORK, "2026-11-22"),  # no zone: local already
    ("2026-11-22", NEW_YORK, "2026-11-22"),
    ("9999-12-31T23:59:59-05:00", ZoneInfo("Asia/Tokyo"), "9999-12-31"),  # the calendar ends there
    ("0001-01-01T00:00:00Z", NEW_YORK, "0001-01-01"),
    ("2026-11-23T02:30:00Z", None, "2026-11-23"),  # a file without a site: the day as written
])  # fmt: skip
def test_the_day_of_a_moment(moment, zone, day):
    assert with_converters((), zone)["date_of"].write(moment) == day


@pytest.mark.parametrize(("moment", "zone", "written"), [
    ("2026-11-23T02:30:15Z", NEW_YORK, "2026-11-22 21:30:15"),
    ("2026-11-22T21:30:15", NEW_YORK, "2026-11-22 21:30:15"),
    ("2026-11-23T02:30:15Z", None, "2026-11-23 02:30:15"),
    ("0001-01-01T00:00:00Z", NEW_YORK, "0001-01-01 00:00:00"),
])  # fmt: skip
def test_huds_time_is_the_local_one(moment, zone, written):
    assert with_converters((), zone)["hud_datetime"].write(moment) == written
