"""How much may leave for a destination now: a token bucket that all workers share.

Of the bucket one moment is stored, when it will be full again (the generic cell rate algorithm of ITU-T I.371): each
token that is taken moves it on by ``1 / rate`` seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from casebridge.store.connection import Connection
from casebridge.store.database import iso
from casebridge.store.tables import fact

KIND = "bucket/"
BURST = 5.0
"""Seconds' worth of tokens that a bucket holds: as long as an engine may take to look again."""


def left(c: Connection, partner: str, rate: float, now: datetime) -> int:
    """Tokens there are; ``rate`` is how many there are a second."""
    return _tokens(_full_at(c, partner, rate, now), rate, now)


def take(c: Connection, partner: str, rate: float, wanted: int, now: datetime) -> int:
    """Take up to so many tokens; how many there were."""
    insert = sqlite.insert if c.raw.dialect.name == "sqlite" else postgresql.insert
    new: Any = insert(fact).values(name=KIND + partner, value=iso(now))
    c.execute(new.on_conflict_do_nothing())
    full_at = _full_at(c, partner, rate, now, lock=True)
    taken = min(wanted, _tokens(full_at, rate, now))
    moved = full_at + timedelta(seconds=taken / rate)
    c.execute(update(fact).where(fact.c.name == KIND + partner).values(value=iso(moved)))
    return taken


def _size(rate: float) -> float:
    return max(1.0, rate * BURST)


def _tokens(full_at: datetime, rate: float, now: datetime) -> int:
    return int(_size(rate) - (full_at - now).total_seconds() * rate + 1e-6)


def _full_at(c: Connection, partner: str, rate: float, now: datetime, *, lock: bool = False) -> datetime:
    query = select(fact.c.value).where(fact.c.name == KIND + partner)
    value = c.execute(query.with_for_update() if lock else query).scalar()
    stored = datetime.fromisoformat(value) if value else now
    latest = now + timedelta(seconds=_size(rate) / rate)  # later only when the clock went back
    return min(max(stored, now), latest)
