"""The book of disclosures: every release and every refusal, for six years (45 CFR 164.528)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import and_, func, select, update

from casebridge.core.ids import new_id
from casebridge.store import ledger
from casebridge.store.connection import Connection
from casebridge.store.seals import book_digest
from casebridge.store.tables import disclosure

_JSON = ("permitted", "withheld", "rules")


def add(c: Connection, now: str, **values: Any) -> str:
    """Write one decision, and into the ledger what was written; its id."""
    row = {"id": new_id(), "at": now, **{k: orjson.dumps(v).decode() if k in _JSON else v for k, v in values.items()}}
    c.add(disclosure, row)
    ledger.note(
        c, now, "disclosed", message=row["message"], partner=row["recipient"], correlation=row["correlation"],
        facts={"disclosures": {row["id"]: book_digest(row)}})  # fmt: skip
    return str(row["id"])


def delivered(c: Connection, now: str, messages: Sequence[str]) -> None:
    """Partners have these now: the last release of each message became a disclosure that happened."""
    if not messages:
        return
    where = (disclosure.c.message.in_(messages), disclosure.c.effect == "released")
    latest = select(func.max(disclosure.c.id)).where(*where).group_by(disclosure.c.message)
    c.execute(update(disclosure).where(disclosure.c.id.in_(latest.scalar_subquery())).values(delivered_at=now))


def listed(c: Connection, **where: Any) -> list[dict[str, Any]]:
    """Disclosures whose columns equal the given values, oldest first."""
    query = select(disclosure).where(and_(True, *(disclosure.c[k] == v for k, v in where.items())))
    rows = c.execute(query.order_by(disclosure.c.id))
    return [{**row._mapping, **{k: orjson.loads(row._mapping[k]) for k in _JSON}} for row in rows]
