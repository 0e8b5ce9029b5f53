"""When a partner's link may be asked again: on the books, so that no process of a site asks sooner than another did."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from casebridge.store.connection import Connection
from casebridge.store.tables import fact

KIND = "ask-again/"


def keep(c: Connection, partner: str, not_before: str) -> None:
    """Write down until when this partner is left alone."""
    mine = fact.c.name == KIND + partner
    if c.execute(update(fact).where(mine).values(value=not_before)).rowcount == 0:
        c.execute(insert(fact).values(name=KIND + partner, value=not_before))


def resting(c: Connection, now: str) -> set[str]:
    """The partners that are left alone for now."""
    rows = c.execute(select(fact).where(fact.c.name.startswith(KIND, autoescape=True), fact.c.value > now))
    return {row.name.removeprefix(KIND) for row in rows}
