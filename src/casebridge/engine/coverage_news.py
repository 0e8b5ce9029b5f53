"""Whether somebody's coverage has ended: judged when a payer says something of it, and again as the days go by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from casebridge.engine.site import Site
from casebridge.store import payloads, records
from casebridge.store.database import Connection
from casebridge.store.records import StoredRecord

PAYERS = ("payer", "government")
RUNNING = ("enrolled", "eligible")
MONTH = timedelta(days=31)
"""So long before the last day those who planned on it hear of an end: most are said for the end of a month."""


def is_coverage(record: StoredRecord) -> bool:
    """Does it say of somebody that they are covered?"""
    return record.kind == "participation" and record.document.get("participation_kind") == "coverage"


def is_over(document: Mapping[str, Any], day: str) -> bool:
    """Has it ended by this day? What runs is over when its last day is past; what was ended, a month before that."""
    end, status = document.get("end"), document.get("status")
    if not isinstance(end, str):
        return status == "ended"
    soon = (date.fromisoformat(day) + MONTH).isoformat()
    return end <= soon if status == "ended" else status in RUNNING and end < day


def ended(c: Connection, site: Site, before: StoredRecord | None, after: StoredRecord) -> bool:
    """Is it over by what is said now, and was not when it was judged last?"""
    if not is_coverage(after) or not is_over(after.document, site.today()):
        return False
    return before is None or not is_over(before.document, judged_on(c, site, before))


def judged_on(c: Connection, site: Site, record: StoredRecord) -> str:
    """The day on which it was last asked whether this is over."""
    return max(site.day_of(record.recorded_at), payloads.get_cursor(c, _place(record.source)) or "")


def judged(c: Connection, site: Site, payer: str, day: str) -> None:
    """All that this payer said was judged on this day."""
    payloads.set_cursor(c, _place(payer), day, site.now())


def runs_on(c: Connection, site: Site, source: str, subject: str) -> bool:
    """Does the source say of any coverage of this person that it runs?"""
    known = (record for record in records.about(c, source, subject, "participation") if is_coverage(record))
    return any(r.status in RUNNING and not is_over(r.document, site.today()) for r in known)


def _place(payer: str) -> str:
    return f"{payer} coverage"
