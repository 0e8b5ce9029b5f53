"""Timers: what rings, when, and whether it has rung. A row that was taken away is kept until ``sweep`` as one that is
never due, so that setting and clearing cost no more than other changes of a batch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from casebridge.store.database import Connection
from casebridge.store.tables import disclosure, event, fact, message, referral, referral_event, timer

NEVER = "9999"
CURSOR = "timers/followed"
_SUBJECT = ("subject",)
_SET = (timer.c.fired_at.is_(None), timer.c.due_at < NEVER)


@dataclass(frozen=True, slots=True)
class Timer:
    """``subject`` is a referral's or record's id, or a partner's name and what of it; ``facts`` hold ``from``, the
    moment the time began to run. Nothing here is personal data."""

    kind: str
    subject: str
    due_at: str
    fired_at: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipts:
    """When a referral's recipient first had it, and first looked at it on a page of ours; empty while it has not."""

    received_at: str = ""
    seen_at: str = ""


def load(c: Connection, subjects: Iterable[str]) -> None:
    """Have the timers of these subjects at hand."""
    c.rows(timer).load(_SUBJECT, [(subject,) for subject in subjects])


def of(c: Connection, subject: str) -> dict[str, Timer]:
    """The timers of a subject by kind, with those that have rung and those that were cleared (``NEVER``)."""
    return {str(row["kind"]): _timer(row) for row in c.rows(timer).of(_SUBJECT, subject)}


def set_(c: Connection, kind: str, subject: str, due_at: str, facts: Mapping[str, Any]) -> None:
    """It will ring at ``due_at``, also when it rang before."""
    values = {"due_at": due_at, "fired_at": None, "facts": json.dumps(facts, sort_keys=True)}
    known = c.rows(timer)
    row = next((row for row in known.of(_SUBJECT, subject) if row["kind"] == kind), None)
    if row:
        known.change(row, **values)
    else:
        known.add({"kind": kind, "subject": subject, **values})


def clear(c: Connection, kind: str, subject: str) -> None:
    """It rings no more, and what it rang for is over."""
    c.rows(timer).patch((kind, subject), due_at=NEVER, fired_at=None)


def take(c: Connection, due: Timer, now: str) -> bool:
    """It rings now, in this transaction; False when it rang already, was cleared or set anew."""
    mine = update(timer).where(timer.c.kind == due.kind, timer.c.subject == due.subject)
    return c.execute(mine.where(timer.c.due_at == due.due_at, *_SET).values(fired_at=now)).rowcount == 1


def due(c: Connection, now: str, limit: int) -> list[Timer]:
    """What is to ring, the longest overdue first."""
    query = select(timer).where(timer.c.due_at <= now, *_SET).order_by(timer.c.due_at).limit(limit)
    return [_timer(row._mapping) for row in c.execute(query)]


def rung(c: Connection, limit: int) -> tuple[int, list[Timer]]:
    """What has rung and is not over: how many, and the first that rang."""
    fired = timer.c.fired_at.is_not(None)
    count = c.execute(select(func.count()).select_from(timer).where(fired)).scalar_one()
    rows = c.execute(select(timer).where(fired).order_by(timer.c.fired_at, timer.c.subject).limit(limit))
    return count, [_timer(row._mapping) for row in rows]


def subjects(c: Connection, kinds: Sequence[str]) -> list[str]:
    """Everything that has a timer of these kinds."""
    return list(c.execute(select(timer.c.subject).where(timer.c.kind.in_(kinds)).distinct()).scalars())


def sweep(c: Connection) -> int:
    """Take away what was cleared; how many."""
    return c.execute(delete(timer).where(timer.c.due_at == NEVER, timer.c.fired_at.is_(None))).rowcount


# --- what the ledger says since we last looked ---------------------------------------------------------------


def followed(c: Connection) -> int:
    """Up to which event the timers follow the ledger."""
    return int(c.execute(select(fact.c.value).where(fact.c.name == CURSOR)).scalar() or 0)


def follow_to(c: Connection, seq: int) -> None:
    """They follow it up to here now."""
    if c.execute(update(fact).where(fact.c.name == CURSOR).values(value=str(seq))).rowcount == 0:
        c.execute(insert(fact).values(name=CURSOR, value=str(seq)))


def touched(c: Connection, after: int, until: int, names: Sequence[str]) -> list[str]:
    """The referrals of which these events speak."""
    where = (event.c.seq > after, event.c.seq <= until, event.c.name.in_(names), event.c.correlation.is_not(None))
    return list(c.execute(select(event.c.correlation).where(*where).distinct()).scalars())


def receipts(c: Connection, referrals: Sequence[str]) -> dict[str, Receipts]:
    """By referral; what was released to its recipient, delivered as a message, or shown on a page at once.

    A copy of what the referral refers to, which goes first, is not the referral.
    """
    d, kind = disclosure.c, message.c.kind
    itself = d.message.is_not(None) & (kind.is_(None) | (kind == "referral"))
    joined = select(
        d.correlation, func.min(d.delivered_at).filter(itself).label("received"),
        func.min(d.at).filter(d.message.is_(None)).label("seen"),
    ).join(referral, (referral.c.id == d.correlation) & (referral.c.recipient == d.recipient)).outerjoin(
        message, message.c.id == d.message)  # fmt: skip
    query = joined.where(d.correlation.in_(referrals), d.effect == "released").group_by(d.correlation)
    return {row.correlation: Receipts(row.received or "", row.seen or "") for row in c.execute(query)}


def requested(c: Connection, referrals: Sequence[str]) -> dict[str, str]:
    """By referral, when we first heard that it was asked for."""
    e = referral_event.c
    where = (e.referral.in_(referrals), e.state == "requested", e.verdict == "apply")
    query = select(e.referral, func.min(e.recorded_at).label("at")).where(*where).group_by(e.referral)
    return {row.referral: row.at for row in c.execute(query)}


def _timer(row: Mapping[Any, Any]) -> Timer:
    return Timer(row["kind"], row["subject"], row["due_at"], row["fired_at"], json.loads(row["facts"]))
