"""The text of every map that ever made a message, by digest: what was done can be explained later."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from casebridge.store.connection import Connection
from casebridge.store.tables import map_text


def keep(c: Connection, digest: str, name: str, text: str) -> None:
    """Remember a map; of two workers that meet it at the same moment, one does."""
    if c.rows(map_text).one(("digest",), digest) is None:
        insert = sqlite.insert if c.raw.dialect.name == "sqlite" else postgresql.insert
        c.execute(insert(map_text).values(digest=digest, name=name, text=text).on_conflict_do_nothing())


def get(c: Connection, digest: str) -> str | None:
    """The text of a map."""
    return c.execute(select(map_text.c.text).where(map_text.c.digest == digest)).scalar()
