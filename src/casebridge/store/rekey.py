"""Move what lies in the store from the keys that closed it to the one that closes now, a little at a time.

Nothing waits for it: each step is one short transaction, a row that somebody changed meanwhile is left as they wrote
it, and what was done is seen from the rows themselves, so it can be broken off and begun again at any moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Row, bindparam, func, not_, select, tuple_, update

from casebridge.store.connection import Connection
from casebridge.store.database import Store
from casebridge.store.keys import CLOSED, blinded, left, marks, under
from casebridge.store.links import PersonKey
from casebridge.store.tables import identifier, resource, resource_key

ROWS, BYTES = 500, 8 * 1024 * 1024
"""At most as many rows, and about as many bytes, in one transaction."""
Key = tuple[Any, ...]


def to_do(c: Connection, first: str) -> int:
    """How many documents do not lie under the first key."""
    return sum(c.execute(select(func.count()).where(*_old(column, first))).scalar_one() for column, _ in CLOSED)


def documents(store: Store) -> Iterator[int]:
    """Close every document with the first key; after each transaction, how many rows it wrote."""
    for column, place in CLOSED:
        after: Key | None = None
        while (keys := _next(store, column, after)) is not None:
            after = keys[-1]
            yield _move(store, column, place, keys)


def still_under(store: Store) -> dict[str, bool]:
    """Each key but the first: does anything lie under it alone?"""
    first = store.box.keys[0]
    with store.read() as c:
        return {id_: left(c, id_, (first,)) for id_ in {**marks(c), **dict.fromkeys(store.box.keys)} if id_ != first}


def bearers(c: Connection, first: str, after: PersonKey | None, limit: int = ROWS) -> list[PersonKey]:
    """Source persons with identifiers of other keys than the first, in order."""
    person = (identifier.c.source, identifier.c.external_id)
    query = select(*person).where(not_(blinded(first, {**marks(c), **dict.fromkeys(c.box.keys)}, identifier)))
    if after is not None:
        query = query.where(tuple_(*person) > tuple_(after.source, after.external_id))
    rows = c.execute(query.distinct().order_by(*person).limit(limit))
    return [PersonKey(row.source, row.external_id) for row in rows]


Place = tuple[str, str, str]
"""Of a resource on a shelf: partner, type, id."""


def shelved(c: Connection, first: str, after: Place | None, limit: int = ROWS) -> list[Place]:
    """Resources that are searched by what other keys than the first made, in order."""
    place = (resource_key.c.partner, resource_key.c.type, resource_key.c.id)
    query = select(*place).where(not_(blinded(first, {**marks(c), **dict.fromkeys(c.box.keys)}, resource_key)))
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    return [(row.partner, row.type, row.id) for row in c.execute(query.distinct().order_by(*place).limit(limit))]


def lock_resource(c: Connection, partner: str, type_: str, id_: str) -> None:
    """Nobody lays another version on the shelf before we commit."""
    here = resource.c
    c.execute(select(here.id).where(here.partner == partner, here.type == type_, here.id == id_, here.current)
              .with_for_update()).all()  # fmt: skip


def _old(column: Column[Any], first: str) -> tuple[Any, ...]:
    return column.is_not(None), not_(under(column, first))


def _primary(column: Column[Any]) -> list[Column[Any]]:
    table = column.table
    return [table.c.id] if table.name == "message" else list(table.primary_key)


def _next(store: Store, column: Column[Any], after: Key | None) -> list[Key] | None:
    """The next rows that lie under another key, as many as one transaction takes; None at the end."""
    primary = _primary(column)
    query = select(*primary, func.length(column).label("size")).where(*_old(column, store.box.keys[0]))
    if after is not None:
        query = query.where(tuple_(*primary) > tuple_(*after))
    with store.read() as c:
        found = c.execute(query.order_by(*primary).limit(ROWS)).all()
    return [tuple(row[:-1]) for row in _as_many(found)] or None


def _as_many(rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    size = 0
    for number, row in enumerate(rows):
        size += row.size
        if size > BYTES and number:
            return rows[:number]
    return rows


def _move(store: Store, column: Column[Any], place: Sequence[str], keys: Sequence[Key]) -> int:
    table, primary = column.table, _primary(column)
    names = dict.fromkeys([*(c.name for c in primary), *place])
    with store.write() as c:
        mine = select(*(table.c[n] for n in names), column).where(tuple_(*primary).in_(keys)).with_for_update()
        rows = c.execute(mine).all()
        changes = [_change(c, column, place, [p.name for p in primary], row) for row in rows if row[-1] is not None]
        same = [p == bindparam(f"_{p.name}") for p in primary]
        if changes:
            c.execute(update(table).where(*same).values({column.name: bindparam("_data")}), changes)
    return len(changes)


def _change(
    c: Connection, column: Column[Any], place: Sequence[str], primary: Sequence[str], row: Row[Any]
) -> dict[str, Any]:
    values = row._mapping
    where = (column.table.name, *(values[name] for name in place))
    data = c.box.close(c.box.open(values[column.name], *where), *where)
    return {"_data": data, **{f"_{name}": values[name] for name in primary}}
