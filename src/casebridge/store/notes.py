"""What an adapter wrote down for a partner: short texts by name, the same in every process of a site."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from casebridge.store.connection import Connection
from casebridge.store.tables import fact

KIND = "note/"


def get(c: Connection, partner: str, name: str) -> str:
    """The text, "" for none."""
    return str(c.execute(select(fact.c.value).where(fact.c.name == f"{KIND}{partner}/{name}")).scalar() or "")


def keep(c: Connection, partner: str, name: str, text: str) -> None:
    """Write it down instead of what was there; "" takes it away."""
    mine = fact.c.name == f"{KIND}{partner}/{name}"
    if not text:
        c.execute(delete(fact).where(mine))
    elif c.execute(update(fact).where(mine).values(value=text)).rowcount == 0:
        c.execute(insert(fact).values(name=f"{KIND}{partner}/{name}", value=text))
