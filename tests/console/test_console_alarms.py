"""Alarms on the first page, as a planner reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx2

from casebridge.engine import sealing, timers
from casebridge.store import records
from casebridge.store import timers as stored

ROWS = b"""number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn
R-1,requested,,,food-insecurity,Food box,2026-11-03,,,Rosa,Delgado,900112222
"""
MONDAY = datetime(2026, 11, 2, 14, tzinfo=UTC)


def said(house) -> str:
    """The section of what needs somebody, in words."""
    text = httpx2.get(f"{house.url}/").text
    section = re.search(r"What needs you</h2>(.*?)</section>", text, re.DOTALL)
    assert section is not None
    return " ".join(re.sub(r"<[^>]*>", "", section[1]).split())


def tend(house, moment: datetime) -> None:
    house.bridge.site.clock = lambda: moment
    sealing.seal(house.bridge.site)
    timers.tend(house.bridge.site)


def test_an_alarm_says_what_and_whom_to_call(house):
    house.bridge.site.clock = lambda: MONDAY
    house.arrives("mercy", "one.csv", ROWS)
    tend(house, MONDAY + timedelta(hours=1))
    assert "Time is up" not in said(house)
    tend(house, MONDAY + timedelta(days=2))
    short = house.referral("R-1")[-6:]
    text = said(house)
    assert "Time is up 2 alarms" in text
    assert f"Referral …{short} to Elm Street Pantry: The recipient has not answered. A social worker must act; " \
           "who to call: Front desk, 555-0133" in text  # fmt: skip
    assert "The day by which it was needed is over." in text


def test_coverage_that_must_be_renewed_names_the_client_by_reference(house):
    site = house.bridge.site
    house.arrives("mercy", "one.csv", ROWS)
    with site.store.write() as c:
        _, record = records.assert_record(
            c, site.now(), kind="participation", source="mercy", external_id="cov1", subject="R-1", message="",
            payload=None, map_digest="", document={
                "participation_kind": "coverage", "status": "enrolled", "renewal_due": "2026-11-20"})  # fmt: skip
    site.clock = lambda: MONDAY
    timers.follow_coverage(site, site.partners["mercy"])
    tend(house, MONDAY)
    assert re.search(r"Coverage must be renewed, .*20 Nov.*A social worker must act", said(house))
    with site.store.read() as c:
        assert [t.subject for t in stored.rung(c, 9)[1]] == [record.id]
