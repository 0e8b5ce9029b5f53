"""Which lanes have work that is due: one row is looked at for each lane, however many wait in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, literal, literal_column, select, tuple_

from casebridge.store import circuits
from casebridge.store.database import Connection
from casebridge.store.dispatches import ON_ITS_WAY
from casebridge.store.leases import Lane
from casebridge.store.tables import dispatch, message

WAITING: ColumnElement[Any] = literal_column("state = 'waiting'")  # as its index spells it
NEVER = "zzzz"  # after every moment, also after the "9999" of what waits for a person
STOPS = ("understand", "apply", "prepare", "deliver")


def due(
    c: Connection, now: str, may: Callable[[Lane], bool] = lambda lane: True, stops: Sequence[str] = STOPS
) -> list[Lane]:
    """Lanes of these stops whose first work is due and that ``may`` go on: urgent ones first, then by stop and partner.

    Nothing is due at a destination whose circuit is open. A lane may be due and still have nothing to do: what waits
    behind a held message of its own key.
    """
    shut = circuits.shut(c, now) if "deliver" in stops else frozenset()
    found = {lane for lane, first in waiting(c, stops)
             if first <= now and may(lane) and not (lane.stop == "deliver" and lane.partner in shut)}  # fmt: skip
    return sorted(found, key=lambda lane: (not lane.urgent, lane))


def waiting(c: Connection, stops: Sequence[str] = STOPS) -> Iterator[tuple[Lane, str]]:
    """Every lane with work that is not done yet, and the moment its first becomes due."""
    m, d = message.c, dispatch.c
    for stop in (s for s in stops if s != "deliver"):
        where = [WAITING, m.stop == stop]
        for partner, urgent, part, first in _walk(c, (m.partner, m.urgent, m.part), m.due_at, where):
            yield Lane(stop, partner, part, urgent), first
    if "deliver" in stops:
        for partner, urgent, part, first in _walk(c, (d.partner, d.urgent, d.part), d.due_at, [ON_ITS_WAY]):
            yield Lane("deliver", partner, part, urgent), first


def _walk(
    c: Connection, group: Sequence[ColumnElement[Any]], due_at: ColumnElement[Any], where: Sequence[ColumnElement[Any]]
) -> Iterator[Sequence[Any]]:
    """The first row of each group, from one to the next along the index, past whatever is between."""
    columns = (*group, due_at)
    query = select(*columns).where(*where).order_by(*columns).limit(1)
    row = c.execute(query).first()
    while row is not None:
        yield row
        seen = [literal(value, column.type) for column, value in zip(group, row, strict=False)]
        row = c.execute(query.where(tuple_(*columns) > tuple_(*seen, literal(NEVER)))).first()
