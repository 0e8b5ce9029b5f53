"""How much waits where, and what is held: looked at along the partial indexes, never across all that is done.

A count goes as far as ``MOST`` and then says that there is more: with a million messages in a queue nobody needs the
last digit, and a look must not cost a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, literal_column, or_, select, tuple_

from casebridge.store.connection import Connection
from casebridge.store.dispatches import ON_ITS_WAY
from casebridge.store.due import NEVER, WAITING
from casebridge.store.tables import dispatch, message

MOST = 2_000
FIRST = 100
"""So many of a lane's messages, those that are due first, are looked at for the one that has waited longest."""
_HELD: ColumnElement[Any] = literal_column("state = 'held'")  # as the partial indexes spell it


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in one lane. ``more``: at least that many. ``oldest`` is when the one that has waited longest of
    those that are due was made ("" when none is due)."""

    stop: str
    partner: str
    part: int
    urgent: bool
    waiting: int
    more: bool
    due: bool
    oldest: str


@dataclass(frozen=True, slots=True)
class Reason:
    """So many messages of a partner are held for one reason; ``who`` must act."""

    partner: str
    code: str
    who: str
    held: int


def queues(c: Connection, now: str) -> list[Queue]:
    """Every lane in which something waits."""
    return [_queue(c, place, now) for place in _places(c)]


def _places(c: Connection) -> Iterator[tuple[str, str, bool, int]]:
    """Each (stop, partner, urgent, part) with something that waits: along the index, past whatever is between."""
    m = message.c
    columns = (m.stop, m.partner, m.urgent, m.part, m.due_at)
    query = select(*columns).where(WAITING).order_by(*columns).limit(1)
    row = c.execute(query).first()
    while row is not None:
        yield row[0], row[1], bool(row[2]), row[3]
        seen = [literal(value, column.type) for column, value in zip(columns, row[:4], strict=False)]
        row = c.execute(query.where(tuple_(*columns) > tuple_(*seen, literal(NEVER)))).first()


def _queue(c: Connection, place: tuple[str, str, bool, int], now: str) -> Queue:
    stop, partner, urgent, part = place
    m = message.c
    here = (WAITING, m.stop == stop, m.partner == partner, m.urgent == urgent, m.part == part)
    count = counted(c, select(literal(1)).select_from(message).where(*here))
    late = or_(m.due_at <= now, m.attempt > 0)  # one that is tried again later is no less late for it
    first = select(m.created_at, late.label("late")).where(*here).order_by(m.due_at).limit(FIRST).subquery()
    oldest = c.execute(select(func.min(first.c.created_at)).where(first.c.late)).scalar() or ""
    due = c.execute(select(m.due_at).where(*here).order_by(m.due_at).limit(1)).scalar()
    return Queue(stop, partner, part, urgent, min(count, MOST), count > MOST, due is not None and due <= now, oldest)


def counted(c: Connection, query: Select[Any]) -> int:
    """How many rows a query has, as far as ``MOST`` + 1."""
    return int(c.execute(select(func.count()).select_from(query.limit(MOST + 1).subquery())).scalar() or 0)


def held(c: Connection) -> tuple[list[Reason], bool]:
    """Why messages are held; True when there are more than ``MOST``, of which the first were counted."""
    m = message.c
    some = select(m.partner, m.code, m.who).where(_HELD).order_by(m.partner, m.seq).limit(MOST + 1).subquery()
    query = select(some.c.partner, some.c.code, some.c.who, func.count()).group_by(*some.c[:3]).order_by(*some.c[:3])
    found = [Reason(row[0], row[1] or "", row[2] or "", row[3]) for row in c.execute(query)]
    return found, sum(reason.held for reason in found) > MOST


def unanswered(c: Connection) -> dict[str, int]:
    """For each partner: dispatches that set off and whose answer is unknown, as far as ``MOST``."""
    some = select(dispatch.c.partner).where(ON_ITS_WAY, dispatch.c.state == "inflight").limit(MOST).subquery()
    query = select(some.c.partner, func.count()).group_by(some.c.partner)
    return {row[0]: row[1] for row in c.execute(query)}
