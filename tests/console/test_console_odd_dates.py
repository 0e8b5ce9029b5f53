"""Whatever date a partner writes, the pages open and the alarms of all others ring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import httpx2
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from casebridge.core.values import MOMENT_PATTERN
from casebridge.engine import alarms, sealing, timers, views

COLUMNS = b"number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn\n"
MONDAY = datetime(2026, 11, 2, 14, tzinfo=UTC)
ODD = st.one_of(st.from_regex(MOMENT_PATTERN.replace("$", r"\Z")), st.text("0123456789-:TWZ+. ", max_size=30))
NUMBERS = count(1)


def sent(house, needed_by: str, at: str) -> str:
    """A referral for food with these dates; its page."""
    number = f"R-{next(NUMBERS)}"
    row = f"{number},requested,,,food-insecurity,Food box,{needed_by},,{at},Rosa,Delgado,\n"
    house.arrives("mercy", f"{number}.csv", COLUMNS + row.encode())
    with house.bridge.site.store.read() as c:
        known = views.referrals.by_source(c, "mercy", number)
    return f"/referral/{known.id}" if known else "/held"


def tend(house, later: timedelta) -> None:
    house.bridge.site.clock = lambda: MONDAY + later
    sealing.seal(house.bridge.site)
    timers.tend(house.bridge.site)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(ODD, ODD)
@example("9999-12-31", "0001-01-01T00:00:00Z")
@example("9999-12-31T23:59:59-05:00", "0001-01-01")
@example("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00")
@example("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00")
@example("9998-12-31", "0000-01-01")
def test_the_pages_open_whatever_date_is_written(house, needed_by, at):
    tend(house, timedelta())
    page = sent(house, needed_by, at)
    tend(house, timedelta(minutes=1))
    for address in ("/", page, "/status", "/metrics"):
        assert httpx2.get(house.url + address).status_code == 200, address
    assert views.referral_rows(house.bridge.site, limit=5)


def test_an_alarm_rings_beside_the_odd_ones(house):
    tend(house, timedelta())
    for needed_by in ("9999-12-31", "9999-06-01", "0001-01-01", "0001-01-01T00:00:00Z", "2026-11-03"):
        sent(house, needed_by, "")
    tend(house, timedelta(minutes=1))
    tend(house, timedelta(days=3))
    kinds = [row.kind for row in alarms.rows(house.bridge.site, 20)[1]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"not-answered": 5, "past-due": 1}
