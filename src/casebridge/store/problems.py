"""Why nothing could be received from a partner last time: on the books, so that every process of a site can say it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from casebridge.store.database import Connection
from casebridge.store.tables import fact

KIND = "receive/"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in words without personal data, and when the partner asked us to come again ("": at any time)."""

    text: str
    not_before: str = ""


def of_partner(c: Connection, partner: str) -> Problem | None:
    """The problem of one partner; None when all is well."""
    value = c.execute(select(fact.c.value).where(fact.c.name == KIND + partner)).scalar()
    return Problem(**json.loads(value)) if value else None


def keep(c: Connection, partner: str, problem: Problem | None) -> None:
    """Write the problem down, or that there is none any more."""
    mine = fact.c.name == KIND + partner
    if problem is None:
        c.execute(delete(fact).where(mine))
        return
    value = json.dumps({"text": problem.text, "not_before": problem.not_before})
    if c.execute(update(fact).where(mine).values(value=value)).rowcount == 0:
        c.execute(insert(fact).values(name=KIND + partner, value=value))


def listed(c: Connection) -> dict[str, Problem]:
    """Every partner with a problem."""
    rows = c.execute(select(fact).where(fact.c.name.startswith(KIND, autoescape=True)))
    return {row.name.removeprefix(KIND): Problem(**json.loads(row.value)) for row in rows}
