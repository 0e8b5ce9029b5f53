"""Events counted once: how many of each sort there were in all, and when the last one was.

The ledger only grows, so what was counted stays counted: a job adds what came since (``fold``), and a look adds the
few rows after that by itself (``total``). Nobody counts a ledger of millions at every look. Only sealed rows are
counted for good: before a seal a transaction that began earlier may still put its rows in front of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update

from casebridge.store import seals
from casebridge.store.connection import Connection
from casebridge.store.tables import event, fact

FACT = "tally"
AT_ONCE = 50_000  # events counted in one transaction
TAIL = 100_000
"""So many events that are not counted yet are looked at; what is beyond them shows when the job has counted."""
Sort = tuple[str, str, str, str, str]
"""name, partner, stop, state, code"""
_SORT = (event.c.name, event.c.partner, event.c.stop, event.c.state, event.c.code)


@dataclass(frozen=True, slots=True)
class Sum:
    """How many events of one sort, and when the last of them was."""

    count: int
    last: str


def fold(c: Connection) -> int:
    """Count for good what was sealed since, as far as one transaction should go; how many events. 0 when all is."""
    query = select(fact.c.value).where(fact.c.name == FACT).with_for_update()  # two jobs at once: one after the other
    value = c.execute(query).scalar()
    seq, sums = _read(value)
    sealed = seals.last(c)
    until = min(sealed.last if sealed else 0, seq + AT_ONCE)
    if until <= seq:
        return 0
    _add(sums, _counted(c, seq, until))
    new = json.dumps({"seq": until, "sums": [[*sort, one.count, one.last] for sort, one in sums.items()]})
    if value is None:
        c.execute(insert(fact).values(name=FACT, value=new))
    else:
        c.execute(update(fact).where(fact.c.name == FACT).values(value=new))
    return until - seq


def total(c: Connection) -> dict[Sort, Sum]:
    """All events by sort, those of this moment too."""
    seq, sums = _read(c.execute(select(fact.c.value).where(fact.c.name == FACT)).scalar())
    _add(sums, _counted(c, seq, seq + TAIL))
    return sums


def _read(value: str | None) -> tuple[int, dict[Sort, Sum]]:
    known: dict[str, Any] = json.loads(value) if value else {"seq": 0, "sums": []}
    return known["seq"], {tuple(row[:5]): Sum(*row[5:]) for row in known["sums"]}


def _counted(c: Connection, after: int, until: int) -> Iterable[tuple[Sort, Sum]]:
    where = (event.c.seq > after, event.c.seq <= until)
    query = select(*_SORT, func.count(), func.max(event.c.at)).where(*where).group_by(*_SORT)
    for row in c.execute(query):
        yield tuple(value or "" for value in row[:5]), Sum(row[5], row[6])  # type: ignore[misc]


def _add(sums: dict[Sort, Sum], new: Iterable[tuple[Sort, Sum]]) -> None:
    for sort, one in new:
        before = sums.get(sort, Sum(0, ""))
        sums[sort] = Sum(before.count + one.count, max(before.last, one.last))
