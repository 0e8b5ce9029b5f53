"""The book of disclosures: every release and every refusal, for six years (45 CFR 164.528)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from casebridge.store.database import new_id
from casebridge.store.tables import disclosure

_JSON = ("permitted", "withheld", "rules")


def add(c: Connection, now: str, **values: Any) -> str:
    """Write one decision; its id."""
    id_ = new_id()
    values = {k: json.dumps(v) if k in _JSON else v for k, v in values.items()}
    c.execute(insert(disclosure).values(id=id_, at=now, **values))
    return id_


def delivered(c: Connection, now: str, message: str) -> None:
    """The partner has it now: the last release of this message became a disclosure that happened."""
    where = (disclosure.c.message == message, disclosure.c.effect == "released")
    latest = select(disclosure.c.id).where(*where).order_by(disclosure.c.id.desc()).limit(1).scalar_subquery()
    c.execute(update(disclosure).where(disclosure.c.id == latest).values(delivered_at=now))


def listed(c: Connection, **where: Any) -> list[dict[str, Any]]:
    """Disclosures whose columns equal the given values, oldest first."""
    query = select(disclosure).where(and_(True, *(disclosure.c[k] == v for k, v in where.items())))
    rows = c.execute(query.order_by(disclosure.c.id))
    return [{**row._mapping, **{k: json.loads(row._mapping[k]) for k in _JSON}} for row in rows]
