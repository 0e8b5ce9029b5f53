"""The tables of Procrastinate, in a schema of their own beside ours (PostgreSQL only).

They say who shall work next and may be emptied at any time: what happened to a message is in the ledger alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import ColumnElement, column, literal_column, select, table, text

if TYPE_CHECKING:
    from casebridge.store.database import Store

SCHEMA = "procrastinate"
NOTE = "jobs/schema"  # in ``fact``: the last of Procrastinate's own migrations that this database has
_waiting = table("procrastinate_jobs", column("queueing_lock"), schema=SCHEMA)
IN_LINE: ColumnElement[Any] = literal_column("status = 'todo'")  # Procrastinate's word for a job that waits


def upgrade(connection: sqlalchemy.Connection) -> None:
    """Create the tables, or bring them to the state of the Procrastinate that is installed."""
    known = connection.execute(text("SELECT value FROM fact WHERE name = :name"), {"name": NOTE}).scalar()
    scripts = sorted(f.name for f in files("procrastinate.sql").joinpath("migrations").iterdir() if f.name[0].isdigit())
    if known == scripts[-1]:
        return
    new = [f"migrations/{name}" for name in scripts if known is not None and name > known]
    raw: Any = connection.connection.driver_connection  # many statements in one text: not for parameters
    raw.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}; SET LOCAL search_path TO {SCHEMA}")
    for name in new if known is not None else ["schema.sql"]:
        raw.execute(files("procrastinate.sql").joinpath(name).read_text(encoding="utf-8"))
    raw.execute("SET LOCAL search_path TO DEFAULT")
    connection.execute(text("DELETE FROM fact WHERE name = :name"), {"name": NOTE})
    connection.execute(text("INSERT INTO fact (name, value) VALUES (:name, :value)"),
                       {"name": NOTE, "value": scripts[-1]})  # fmt: skip


def connection_of(store: Store) -> dict[str, Any]:
    """How Procrastinate reaches its tables (arguments of psycopg's connection pools). It waits for no disk: what a
    power cut takes from it is found again."""
    url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return {"conninfo": url, "kwargs": {"options": f"-c search_path={SCHEMA} -c synchronous_commit=off"}}


def not_in_line(store: Store, names: Iterable[str]) -> list[str]:
    """Those of these lanes that do not wait for a worker already: asking again would only be refused."""
    wanted = sorted(names)
    query = select(_waiting.c.queueing_lock).where(IN_LINE, _waiting.c.queueing_lock.in_(wanted))
    with store.read() as c:
        there = set(c.execute(query).scalars())
    return [name for name in wanted if name not in there]


@contextmanager
def transaction(store: Store) -> Iterator[Any]:
    """One transaction among Procrastinate's tables, on a connection of psycopg."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}; SET LOCAL synchronous_commit TO off")
        yield connection.connection.driver_connection
