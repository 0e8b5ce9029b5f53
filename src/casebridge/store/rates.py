"""How much happened in the last minute or hour, from the ledger's own moments, without reading all of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from casebridge.store.connection import Connection
from casebridge.store.tables import event

SAMPLE = 50_000
"""So many of the latest events are counted one by one; of more than that, these say how the rest is made up."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many events of each name there were since a moment. ``exact`` unless it is reckoned from a sample."""

    counts: dict[str, int]
    exact: bool


def since(c: Connection, moment: str) -> Rate:
    """What happened after a moment (stored form)."""
    last = int(c.execute(select(func.max(event.c.seq))).scalar() or 0)
    first = _last_until(c, moment, last)
    start = max(first, last - SAMPLE)
    query = select(event.c.name, func.count()).where(event.c.seq > start, event.c.seq <= last)
    counts = {row[0]: int(row[1]) for row in c.execute(query.group_by(event.c.name))}
    if start == first:
        return Rate(counts, True)
    share = (last - first) / SAMPLE
    return Rate({name: round(count * share) for name, count in counts.items()}, False)


def _last_until(c: Connection, moment: str, high: int) -> int:
    """The number after which all events are later: found by halves, for the numbers grow with time."""
    low = int(c.execute(select(func.min(event.c.seq))).scalar() or 1) - 1
    while low < high:
        middle = (low + high + 1) // 2
        query = select(event.c.at).where(event.c.seq <= middle).order_by(event.c.seq.desc()).limit(1)
        at = c.execute(query).scalar()
        if at is None or at <= moment:
            low = middle
        else:
            high = middle - 1
    return low
