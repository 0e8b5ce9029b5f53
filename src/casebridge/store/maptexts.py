"""The text of every map that ever made a message, by digest: what was done can be explained later."""

from __future__ import annotations

from sqlalchemy import select

from casebridge.store.connection import Connection
from casebridge.store.tables import map_text


def keep(c: Connection, digest: str, name: str, text: str) -> None:
    """Remember a map."""
    known = c.rows(map_text)
    if known.one(("digest",), digest) is None:
        known.add({"digest": digest, "name": name, "text": text})


def get(c: Connection, digest: str) -> str | None:
    """The text of a map."""
    return c.execute(select(map_text.c.text).where(map_text.c.digest == digest)).scalar()
