"""Which timers a thing should have: a function of how it stands and the site's calendar, and of nothing else.

The rules are rows of ``data/timers.csv``: from which moment a time runs and how long, for urgent referrals another, who
must act, and two wordings: one for the console, one that may stand in an e-mail (it says nothing of a client).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from functools import cache

from casebridge.core import facts
from casebridge.core.errors import SetupError
from casebridge.engine.calendar import Calendar
from casebridge.store.database import iso

OPEN = ("requested", "accepted", "in-progress", "on-hold")
UNANSWERED = "requested"
ONLY_RESULTS = "hmis_lead"
"""Tells only how it ended (``core/transitions.py``): nobody waits for its answer within days."""
_SPAN = re.compile(r"(-?\d{1,4}) (business hours|business days|days)")
_DAY = len("2026-11-23")
NO_YEARS = (MINYEAR, MAXYEAR)
"""9999-12-31 is how databases write "no end", 0001-01-01 how they write "not known"."""


@dataclass(frozen=True, slots=True)
class Span:
    """``4 business hours``, ``2 business days``, ``-30 days`` (before)."""

    number: int
    unit: str

    def after(self, start: datetime, calendar: Calendar) -> datetime:
        """The moment so long after ``start``, and while somebody is at work."""
        if self.unit == "business hours":
            return calendar.after_hours(start, self.number)
        if self.unit == "business days":
            return calendar.after_days(start, self.number)
        return calendar.next_open(start + timedelta(days=self.number))


AT_ONCE = Span(0, "days")
"""When somebody is at work next."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of ``data/timers.csv``."""

    kind: str
    about: str
    start: str
    after: Span
    urgent: Span
    who: str
    words: str
    mail: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a referral stands. Times are ISO 8601, empty while it has not happened; ``needed_by`` and ``due_by`` as the
    sender wrote them. ``quiet``: its recipient's partner is on trial, so nothing is sent on purpose. ``sort``: part,
    offer or try of another; ``whole`` where others were made of it, ``open`` while those are offers. ``second``: it may
    be the same as one that was there before."""

    status: str
    requested: str
    received: str = ""
    seen: str = ""
    needed_by: str = ""
    due_by: str = ""
    urgent: bool = False
    on_form: bool = False
    role: str = ""
    quiet: bool = False
    sort: str = ""
    second: bool = False


@dataclass(frozen=True, slots=True)
class Deadline:
    """A timer that a thing should have: since when the time runs, and when it is over (stored form). ``late``: a nearer
    one is due as well, so that it is not set any more; one that was set stays."""

    start: str
    due: str
    late: bool = False


@cache
def standard_rules() -> Mapping[str, Rule]:
    """The rules as shipped, by kind."""
    rows = facts.rows("casebridge.engine", "timers.csv")
    return {r["kind"]: Rule(**{**r, "after": span(r["after"]), "urgent": span(r["urgent"])}) for r in rows}  # type: ignore[arg-type]


def span(text: str) -> Span:
    """Raises ValueError when it is none."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError(f'{text!r} is no span of time such as "4 business hours", "2 business days" or "-30 days"')
    return Span(int(found[1]), found[2])


def rules_of(changes: Mapping[str, str]) -> Mapping[str, Rule]:
    """The rules of a site: ``changes`` gives a kind another span, or ``off``. Raises SetupError CB-101."""
    rules = dict(standard_rules())
    for kind, text in changes.items():
        if kind not in rules:
            raise SetupError("CB-101", f"alarms.{kind}: there is no such alarm; there are {', '.join(rules)}")
        try:
            rules[kind] = replace(rules[kind], after=span(text), urgent=span(text)) if text != "off" else rules[kind]
        except ValueError as error:
            raise SetupError("CB-101", f"alarms.{kind}: {error}") from None
    return {kind: rule for kind, rule in rules.items() if changes.get(kind) != "off"}


def of_referral(standing: Standing, rules: Mapping[str, Rule], calendar: Calendar) -> dict[str, Deadline]:
    """The timers of a referral by kind. None for one that has ended, is only a draft, or goes to a partner on trial."""
    if standing.status not in OPEN or standing.quiet:
        return {}
    found: dict[str, Deadline] = {}
    for kind, start in _starts(standing, calendar):
        if kind in rules:
            rule = rules[kind]
            asked = end_of(standing.due_by, calendar) if kind in ("not-answered", "not-claimed") else None
            span = AT_ONCE if asked else rule.urgent if standing.urgent else rule.after
            due = _due(span, asked or start, calendar)
            found |= {kind: Deadline(iso(start), due)} if due else {}
    return found


def _due(after: Span, start: datetime, calendar: Calendar) -> str:
    """Stored form; empty where the calendar does not reach."""
    try:
        return iso(after.after(start, calendar))
    except OverflowError:
        return ""


def _starts(standing: Standing, calendar: Calendar) -> Iterator[tuple[str, datetime]]:
    """Who got it owes an answer, but for one of several offers: there somebody does. The day by which it was needed is
    that of the whole."""
    made = standing.sort in ("part", "offer", "try")
    if standing.sort == "open" and standing.status == UNANSWERED:
        yield "not-claimed", datetime.fromisoformat(standing.requested)
    elif standing.status == UNANSWERED and standing.sort not in ("whole", "open"):
        yield from _of_recipient(standing)
    if standing.second:
        yield "possibly-same", datetime.fromisoformat(standing.requested)
    if not made and (needed_by := end_of(standing.needed_by, calendar)):
        yield "past-due", needed_by


def _of_recipient(standing: Standing) -> Iterator[tuple[str, datetime]]:
    if not standing.received:
        yield "not-received", datetime.fromisoformat(standing.requested)
    elif standing.role != ONLY_RESULTS and standing.sort != "offer":
        received = datetime.fromisoformat(standing.received)
        if standing.on_form and not standing.seen:
            yield "not-seen", received
        yield "not-answered", received


def of_last_day(
    about: str, last: str, rules: Mapping[str, Rule], calendar: Calendar, now: datetime
) -> dict[str, Deadline]:  # fmt: skip
    """The timers of what ends on a day (YYYY-MM-DD): of those that are past already only the nearest to it is set."""
    end = end_of(last, calendar)
    if end is None:
        return {}
    mine = [rule for rule in rules.values() if rule.about == about]
    found = {rule.kind: Deadline(last, due) for rule in mine if (due := _due(rule.after, end, calendar))}
    past = sorted((d.due, kind) for kind, d in found.items() if d.due <= iso(now))
    for _, kind in past[:-1]:
        found[kind] = replace(found[kind], late=True)
    return found


def end_of(text: str, calendar: Calendar) -> datetime | None:
    """The end of a day, or the very moment; None for what is no full date, and in a year that stands for none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year in NO_YEARS:
        return None
    if len(text) <= _DAY:
        return calendar.end_of(moment.date())
    return moment if moment.tzinfo else moment.replace(tzinfo=calendar.zone)


def kinds_about(rules: Iterable[Rule], *about: str) -> list[str]:
    """The kinds of alarm about such things."""
    return [rule.kind for rule in rules if rule.about in about]
