"""All tables of one store into another, a page at a time, and the proof that nothing was lost on the way.

How far a copy came stands in the target, in the transaction that wrote it: one that was killed goes on where it
stopped. A table's sum is the number of its rows and the sum of their SHA-256 (modulo 2^256): databases differ in order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Column, LargeBinary, Table, and_, delete, exists, func, insert, not_, or_, select, tuple_, update

from casebridge.store.connection import Connection
from casebridge.store.database import Store
from casebridge.store.tables import dispatch, fact, lane, metadata

PROGRESS, FROM, SUM, MADE, MOVED = "copy/", "copy/from", "backup/sum/", "backup/made", "moved/to"
OWN = (PROGRESS, "backup/", MOVED, "jobs/", "asked/", "beat/", "key/")
"""Facts of one place, which are not copied."""
ROWS, BYTES = 500, 8 * 1024 * 1024
TABLES = tuple(metadata.sorted_tables)
NOTHING = (lane.name, fact.name)  # a new store may have rows of these
WHOLE = 1 << 256
Key = tuple[Any, ...]
Row = dict[str, Any]
Tell = Callable[[int, int], None]


def long_look(c: Connection) -> None:
    """This look lasts as long as the store is large: PostgreSQL shall not end it for resting between two pages."""
    if c.raw.dialect.name == "postgresql":
        c.raw.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def rows_in(c: Connection) -> int:
    """How many rows there are to copy."""
    return sum(c.execute(select(func.count()).select_from(t).where(_ours(t))).scalar_one() for t in TABLES)


def is_empty(c: Connection) -> bool:
    """Is nothing in the store?"""
    return not any(c.execute(select(exists().select_from(t))).scalar() for t in TABLES if t.name not in NOTHING)


def empty(c: Connection) -> None:
    """Take away what a new store has of its own."""
    for table in TABLES:
        if table.name in NOTHING:
            c.execute(delete(table).where(_ours(table)))


def place(store: Store) -> str:
    """Where a store is, as it may be shown."""
    url = store.engine.url
    host = url.host or url.query.get("host") or ""
    return f"{url.get_backend_name()}://{host}{f':{url.port}' if url.port else ''}/{url.database}"


def pages(c: Connection, table: Table, after: Key | None = None) -> Iterator[list[Row]]:
    """The rows of a table in the order of its key, after one of them."""
    key = list(table.primary_key)
    while (last := _last_of_page(c, table, key, after)) is not None:
        where = [_ours(table), tuple_(*key) <= tuple_(*last)]
        if after is not None:
            where.append(tuple_(*key) > tuple_(*after))
        yield [dict(row._mapping) for row in c.execute(select(table).where(*where).order_by(*key))]
        after = last


def copy(c: Connection, target: Store, tell: Tell = lambda done, of: None) -> None:
    """Everything from a look at the source into ``target``; goes on where an earlier copy stopped."""
    of, done = rows_in(c), 0
    for table in TABLES:
        with target.read() as t:
            done += t.execute(select(func.count()).select_from(table).where(_ours(table))).scalar_one()
            at = fact_of(t, PROGRESS + table.name)
        for rows in pages(c, table, tuple(json.loads(at)) if at else None):
            with target.write() as t:
                t.execute(insert(table), rows)
                keep_fact(t, PROGRESS + table.name, json.dumps([rows[-1][k.name] for k in table.primary_key]))
            done += len(rows)
            tell(done, of)


def sums(c: Connection) -> dict[str, str]:
    """For each table ``ROWS DIGEST``."""
    found = {}
    for table in TABLES:
        count = total = 0
        for rows in pages(c, table):
            count += len(rows)
            total = (total + sum(map(_digest, rows))) % WHOLE
        found[table.name] = f"{count} {total:064x}"
    return found


def end(c: Connection) -> None:
    """The copy is whole."""
    c.execute(delete(fact).where(fact.c.name.startswith(PROGRESS, autoescape=True)))


def finish(c: Connection) -> None:
    """The copy is whole and will be worked on: nobody holds a lane here, and numbers go on where they stood."""
    end(c)
    c.execute(update(lane).values(holder=None, until=None))
    if c.raw.dialect.name == "postgresql":
        for table in TABLES:
            for column in (k for k in table.primary_key if k is table.autoincrement_column):
                _count_on(c, column)


def ask_before_sending(c: Connection) -> int:
    """What stood ready to be sent may have been sent since: the partner is asked before it is sent; how many."""
    ready = update(dispatch).where(dispatch.c.state == "claimed").values(state="inflight")
    return c.execute(ready).rowcount


def fact_of(c: Connection, name: str) -> str | None:
    """What the store knows of itself under this name."""
    return c.execute(select(fact.c.value).where(fact.c.name == name)).scalar()


def keep_fact(c: Connection, name: str, value: str) -> None:
    """Remember it."""
    if c.execute(update(fact).where(fact.c.name == name).values(value=value)).rowcount == 0:
        c.execute(insert(fact).values(name=name, value=value))


def is_unfinished(c: Connection) -> bool:
    """Did a copy into this store begin that has not come to its end?"""
    return fact_of(c, FROM) is not None


def drop_fact(c: Connection, name: str) -> None:
    """Forget it."""
    c.execute(delete(fact).where(fact.c.name == name))


def kept_sums(c: Connection) -> dict[str, str]:
    """The sums that were written into a backup when it was made."""
    rows = c.execute(select(fact).where(fact.c.name.startswith(SUM, autoescape=True)))
    return {row.name.removeprefix(SUM): row.value for row in rows}


def keep_sums(c: Connection, found: Mapping[str, str]) -> None:
    """Write them into a backup."""
    for name, value in found.items():
        keep_fact(c, SUM + name, value)


def _ours(table: Table) -> Any:
    own = or_(*(fact.c.name.startswith(prefix, autoescape=True) for prefix in OWN))
    return not_(own) if table is fact else and_(True)


def _last_of_page(c: Connection, table: Table, key: list[Column[Any]], after: Key | None) -> Key | None:
    """The key of the last row that fits into a page with those before it; None when there is no row."""
    bodies = [func.coalesce(func.length(col), 0) for col in table.columns if isinstance(col.type, LargeBinary)]
    query = select(*key, sum(bodies[1:], bodies[0]) if bodies else func.length("")).where(_ours(table))
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    size, last = 0, None
    for row in c.execute(query.order_by(*key).limit(ROWS)).all():
        size += row[-1]
        if size > BYTES and last is not None:
            break
        last = tuple(row[:-1])
    return last


def _digest(row: Row) -> int:
    values = [hashlib.sha256(v).hexdigest() if isinstance(v, bytes) else v for v in row.values()]
    return int.from_bytes(hashlib.sha256(orjson.dumps(values)).digest())


def _count_on(c: Connection, column: Column[Any]) -> None:
    sequence = func.pg_get_serial_sequence(column.table.name, column.name)
    highest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
    c.execute(select(func.setval(sequence, highest, False)))
