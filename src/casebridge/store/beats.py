"""Signs of life: each process of a site says every few seconds that it works, on the books, so that all can see it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, insert, select, update

from casebridge.store.connection import Connection
from casebridge.store.tables import fact, lane

KIND = "beat/"


def keep(c: Connection, name: str, said: dict[str, Any]) -> None:
    """What a process says of itself; ``at`` is when."""
    mine, value = fact.c.name == KIND + name, json.dumps(said)
    if c.execute(update(fact).where(mine).values(value=value)).rowcount == 0:
        c.execute(insert(fact).values(name=KIND + name, value=value))


def listed(c: Connection) -> dict[str, dict[str, Any]]:
    """Every process by its name, with what it said last."""
    rows = c.execute(select(fact).where(fact.c.name.startswith(KIND, autoescape=True)).order_by(fact.c.name))
    return {row.name.removeprefix(KIND): json.loads(row.value) for row in rows}


def remove(c: Connection, name: str) -> None:
    """It has ended in order."""
    c.execute(delete(fact).where(fact.c.name == KIND + name))


def holders(c: Connection) -> dict[str, tuple[int, str]]:
    """For each worker that has leases: on how many lanes, and until when the one that lasts longest."""
    found: dict[str, tuple[int, str]] = {}
    for row in c.execute(select(lane.c.holder, lane.c.until).where(lane.c.holder.is_not(None))):
        count, until = found.get(row.holder, (0, ""))
        found[row.holder] = (count + 1, max(until, row.until or ""))
    return found

