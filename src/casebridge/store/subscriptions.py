"""Subscriptions of partners to what lies on their shelves, and what happened to be told.

What happened is noted in the transaction that changed the shelf. It has no number before it is told: what the partner
may not see by then leaves no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from casebridge.core.subscriptions import Happened, Status, Subscription, Watch
from casebridge.store.connection import Connection
from casebridge.store.database import iso
from casebridge.store.leases import Lane
from casebridge.store.tables import happened, subscription

NEVER = "9999"
_OF = ("partner",)
ALIVE = ("requested", "active", "error")
"""It goes on counting in error: whoever comes back shall see how much was missed."""


@dataclass(frozen=True, slots=True)
class Due:
    """One about which something is to be done; ``failures`` in a row, since when."""

    subscription: Subscription
    failures: int
    failing_since: str


def put(c: Connection, partner: str, one: Subscription, now: str) -> Subscription:
    """Make it or put it instead of what is there, as ``requested``; its numbers go on."""
    before = get(c, partner, one.id)
    kept = replace(one, status="requested", at=now, version=before.version + 1 if before else 1, code="",
                   number=before.number if before else 0, told=before.told if before else 0)  # fmt: skip
    values = {
        "status": kept.status, "version": kept.version, "at": now, "number": kept.number, "told": kept.told,
        "heartbeat": kept.heartbeat, "until": kept.until, "due_at": now, "failures": 0, "failing_since": None,
        "code": None, "document": c.pack(_document(kept), "subscription", partner, kept.id)}  # fmt: skip
    if before:
        c.execute(update(subscription).where(*_one(partner, kept.id)).values(**values))
    else:
        c.rows(subscription).add({"partner": partner, "id": kept.id, **values})
    c.woken.add(Lane("notify", partner))
    return kept


def get(c: Connection, partner: str, id_: str) -> Subscription | None:
    """One of a partner's."""
    row = c.execute(select(subscription).where(*_one(partner, id_))).first()
    return _read(c, row._mapping) if row else None


def listed(c: Connection, partner: str) -> list[Subscription]:
    """All of a partner's."""
    mine = select(subscription).where(subscription.c.partner == partner).order_by(subscription.c.id)
    return [_read(c, row._mapping) for row in c.execute(mine)]


def end(c: Connection, partner: str, id_: str) -> bool:
    """Take it away, with what happened."""
    c.execute(delete(happened).where(happened.c.partner == partner, happened.c.subscription == id_))
    return c.execute(delete(subscription).where(*_one(partner, id_))).rowcount == 1


# --- what happens ----------------------------------------------------------------------------------------------


def note(
    c: Connection, now: str, partner: str, type_: str, id_: str, keys: Sequence[tuple[str, str]] | None
) -> None:  # fmt: skip
    """A record on this partner's shelf changes; ``keys`` None: it is withdrawn. Those who watch it will hear.

    It is found by its id as well (``_id``).
    """
    found = None if keys is None else [*keys, ("_id", id_)]
    for row in list(c.rows(subscription).of(_OF, partner)):
        if row["status"] not in ALIVE or not _read(c, row).watch.sees(type_, found):
            continue
        c.add(happened, {"partner": partner, "subscription": row["id"], "number": None, "at": now, "type": type_,
                         "id": id_})  # fmt: skip
        idle = (subscription.c.status == "active", subscription.c.failures == 0)  # whatever its row said a moment ago
        c.execute(update(subscription).where(*_one(partner, row["id"]), *idle).values(due_at=now))
        c.woken.add(Lane("notify", partner))


def unnumbered(c: Connection, partner: str, id_: str, limit: int) -> list[tuple[int, Happened]]:
    """What happened and was not told yet: a mark for ``number`` and ``forget``, and what."""
    query = select(happened).where(*_of(partner, id_), happened.c.number.is_(None)).order_by(happened.c.seq)
    return [(row.seq, Happened(0, row.at, row.type, row.id)) for row in c.execute(query.limit(limit))]


def number(c: Connection, partner: str, id_: str, seen: Sequence[int], unseen: Sequence[int]) -> None:
    """Give what may be seen the next numbers, and forget the rest."""
    last = int(c.execute(select(subscription.c.number).where(*_one(partner, id_))).scalar() or 0)
    for next_, seq in enumerate(seen, last + 1):
        c.execute(update(happened).where(happened.c.seq == seq).values(number=next_))
    if unseen:
        c.execute(delete(happened).where(happened.c.seq.in_(unseen)))
    c.execute(update(subscription).where(*_one(partner, id_)).values(number=last + len(seen)))


def between(c: Connection, partner: str, id_: str, first: int, last: int, limit: int) -> list[Happened]:
    """What has these numbers."""
    where = (*_of(partner, id_), happened.c.number >= first, happened.c.number <= last)
    rows = c.execute(select(happened).where(*where).order_by(happened.c.number).limit(limit))
    return [Happened(row.number, row.at, row.type, row.id) for row in rows]


def forget(c: Connection, before: str) -> int:
    """Forget what happened before then; how much."""
    return c.execute(delete(happened).where(happened.c.at < before)).rowcount


# --- who is to be told ------------------------------------------------------------------------------------------


def due_partners(c: Connection, now: str) -> list[str]:
    """Partners about whose subscriptions something is to be done."""
    where = (subscription.c.due_at <= now, subscription.c.status.in_(("requested", "active")))
    return list(c.execute(select(subscription.c.partner).where(*where).distinct()).scalars())


def due(c: Connection, partner: str, now: str) -> list[Due]:
    """Those of one partner."""
    where = (subscription.c.partner == partner, subscription.c.due_at <= now,
             subscription.c.status.in_(("requested", "active")))  # fmt: skip
    rows = c.execute(select(subscription).where(*where).order_by(subscription.c.due_at))
    return [Due(_read(c, r._mapping), r.failures, r.failing_since or "") for r in rows]


def told(c: Connection, partner: str, one: Subscription, now: str, up_to: int) -> None:
    """The partner has taken what was told up to this number. Nothing when it was changed or ended meanwhile."""
    c.execute(select(subscription.c.id).where(*_one(partner, one.id)).with_for_update())  # nobody notes one meanwhile
    waiting = select(happened.c.seq).where(*_of(partner, one.id), happened.c.number.is_(None)).limit(1)
    rest = one.number > up_to or c.execute(waiting).first() is not None
    quiet = iso(datetime.fromisoformat(now) + timedelta(seconds=one.heartbeat)) if one.heartbeat else NEVER
    values: dict[str, Any] = {"status": "active", "told": up_to, "failures": 0, "failing_since": None, "code": None,
                              "due_at": now if rest else min(quiet, one.until or NEVER)}  # fmt: skip
    c.execute(update(subscription).where(*_same(partner, one)).values(**values))


def failed(c: Connection, partner: str, one: Due, now: str, due_at: str, code: str) -> None:
    """It could not be told; when to try again."""
    values = {"failures": one.failures + 1, "failing_since": one.failing_since or now, "due_at": due_at, "code": code}
    c.execute(update(subscription).where(*_same(partner, one.subscription)).values(**values))


def close(c: Connection, partner: str, one: Subscription, now: str, status: Status, code: str) -> None:
    """Nothing more is told, until the partner asks for it anew."""
    values = {"status": status, "at": now, "version": one.version + 1, "due_at": NEVER, "code": code or None}
    c.execute(update(subscription).where(*_same(partner, one)).values(**values))


def ended(c: Connection, partner: str) -> Mapping[str, str]:
    """A partner's subscriptions that ended in an error: id and code."""
    where = (subscription.c.partner == partner, subscription.c.status == "error")
    return {row.id: row.code or "" for row in c.execute(select(subscription.c.id, subscription.c.code).where(*where))}


def _one(partner: str, id_: str) -> Sequence[Any]:
    return subscription.c.partner == partner, subscription.c.id == id_


def _same(partner: str, one: Subscription) -> Sequence[Any]:
    return *_one(partner, one.id), subscription.c.version == one.version


def _of(partner: str, id_: str) -> Sequence[Any]:
    return happened.c.partner == partner, happened.c.subscription == id_


def _document(one: Subscription) -> dict[str, Any]:
    watch = one.watch
    return {"said": dict(one.said), "watch": {
        "type": watch.type, "keys": _lists(watch.keys), "without": _lists(watch.without), "deletes": watch.deletes}}


def _lists(keys: Iterable[tuple[str, frozenset[str]]]) -> list[list[Any]]:
    return [[name, sorted(values)] for name, values in keys]


def _read(c: Connection, row: Mapping[Any, Any]) -> Subscription:
    document = c.unpack(row["document"], "subscription", row["partner"], row["id"])
    said, watch = document["said"], document["watch"]
    keys, without = (tuple((n, frozenset(v)) for n, v in watch[part]) for part in ("keys", "without"))
    return Subscription(
        row["id"], Watch(watch["type"], keys, without, watch["deletes"]), said, row["status"], row["version"],
        row["at"], row["number"], row["told"], row["heartbeat"], row["until"], row["code"] or "")  # fmt: skip
