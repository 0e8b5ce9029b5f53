"""How much room the store takes, by table, and how old its payloads are."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from casebridge.store.connection import Connection
from casebridge.store.tables import metadata, payload

_PAGES = "SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"
_FREE = "SELECT (SELECT freelist_count FROM pragma_freelist_count) * (SELECT page_size FROM pragma_page_size)"
_BY_TABLE = """SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name
               WHERE s.aggregate = TRUE GROUP BY m.tbl_name"""


def total(c: Connection) -> int:
    """Bytes in use. What was erased is used again, so the file of SQLite may be larger."""
    if c.raw.dialect.name == "postgresql":
        return int(c.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
    return int(c.execute(text(_PAGES)).scalar_one()) - free(c)


def free(c: Connection) -> int:
    """Bytes of the file that are kept for new rows (SQLite)."""
    return 0 if c.raw.dialect.name == "postgresql" else int(c.execute(text(_FREE)).scalar_one())


def by_table(c: Connection) -> dict[str, int]:
    """Bytes of each table with its indexes, the largest first; empty where this SQLite cannot say."""
    names = metadata.tables.keys()
    if c.raw.dialect.name == "postgresql":
        found = {name: int(c.execute(select(func.pg_total_relation_size(name))).scalar_one()) for name in names}
    else:
        try:
            found = {row[0]: int(row[1]) for row in c.execute(text(_BY_TABLE)) if row[0] in names}
        except OperationalError:  # built without dbstat
            return {}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def oldest_payload(c: Connection) -> str | None:
    """When the oldest payload came whose bytes are still there."""
    return c.execute(select(func.min(payload.c.received_at)).where(payload.c.erased_at.is_(None))).scalar()
