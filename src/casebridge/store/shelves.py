"""A partner's shelf: the native records it may read at a door of ours, each with its versions.

What a partner may not see is not on its shelf: it cannot be read, counted or found there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from casebridge.store.connection import Connection
from casebridge.store.database import iso
from casebridge.store.many import Row
from casebridge.store.tables import resource, resource_key, used_once

Key = tuple[str, str]
"""Name of a search parameter, and a value it is found by."""
CURRENT = ("partner", "type", "id", "current")


@dataclass(frozen=True, slots=True)
class Shelved:
    """One version of a record on a shelf. ``message``: what was delivered; empty when these are the partner's own
    words. No ``document``: it was withdrawn."""

    type: str
    id: str
    version: int
    at: str
    message: str
    document: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: behind this moment and id."""

    at: str = ""
    id: str = ""


def put(
    c: Connection, now: str, partner: str, type_: str, id_: str, document: dict[str, Any] | None, keys: Iterable[Key],
    *, message: str = "",
) -> Shelved:  # fmt: skip
    """A new version; the one before stays in its history. ``document`` None withdraws it."""
    known = c.rows(resource)
    before = known.one(CURRENT, partner, type_, id_, True)
    if before is not None:
        known.change(before, current=False)
    version = before["version"] + 1 if before is not None else 1
    known.add({
        "partner": partner, "type": type_, "id": id_, "version": version, "current": True, "at": now,
        "message": message or None,
        "document": None if document is None else c.pack(document, "resource", partner, type_, id_)})  # fmt: skip
    _find_by(c, partner, type_, id_, keys, is_new=before is None)
    return Shelved(type_, id_, version, now, message, document)


def find_by(c: Connection, partner: str, type_: str, id_: str, keys: Iterable[Key]) -> None:
    """Let the current version be found by these, and nothing else."""
    _find_by(c, partner, type_, id_, keys, is_new=False)


def _find_by(c: Connection, partner: str, type_: str, id_: str, keys: Iterable[Key], *, is_new: bool) -> None:
    if not is_new:
        c.execute(delete(resource_key).where(*of_shelf(resource_key, partner, type_), resource_key.c.id == id_))
    for name, value in sorted({(key, blind) for key, said in keys for blind in c.box.blinds(key, said)}):
        c.add(resource_key, {"partner": partner, "type": type_, "name": name, "value": value, "id": id_})


def load(c: Connection, partner: str, places: Iterable[tuple[str, str]]) -> None:
    """Have the current versions at hand: (type, id)."""
    c.rows(resource).load(CURRENT, [(partner, type_, id_, True) for type_, id_ in places])


def get(c: Connection, partner: str, type_: str, id_: str) -> Shelved | None:
    """The current version, also of what was withdrawn."""
    row = c.rows(resource).one(CURRENT, partner, type_, id_, True)
    return shelved(c, row) if row else None


def versions(c: Connection, partner: str, type_: str, id_: str, limit: int) -> list[Shelved]:
    """Its versions, the newest first."""
    query = select(resource).where(*of_shelf(resource, partner, type_), resource.c.id == id_)
    rows = c.execute(query.order_by(resource.c.version.desc()).limit(limit))
    return [shelved(c, dict(row._mapping)) for row in rows]


def version(c: Connection, partner: str, type_: str, id_: str, number: int) -> Shelved | None:
    """One version of it."""
    row = c.rows(resource).one(("partner", "type", "id", "version"), partner, type_, id_, number)
    return shelved(c, row) if row else None


def types(c: Connection, partner: str) -> dict[str, int]:
    """How many current records of each type there are."""
    here = (resource.c.partner == partner, resource.c.current, resource.c.document.is_not(None))
    return {row[0]: row[1] for row in c.execute(
        select(resource.c.type, func.count()).where(*here).group_by(resource.c.type))}  # fmt: skip


def first_time(c: Connection, name: str, now: datetime, until: datetime) -> bool:
    """Is this the first use of what may be used once? Remembered until then."""
    c.execute(delete(used_once).where(used_once.c.until < iso(now)))
    if c.execute(select(used_once.c.name).where(used_once.c.name == name)).first():
        return False
    c.execute(insert(used_once).values(name=name, until=iso(until)))
    return True


def of_shelf(table: Any, partner: str, type_: str) -> Sequence[Any]:
    """Rows of one type on a partner's shelf."""
    return table.c.partner == partner, table.c.type == type_


def shelved(c: Connection, row: Row) -> Shelved:
    """A version as it stands in the database."""
    place = (row["partner"], row["type"], row["id"])
    document = c.unpack(row["document"], "resource", *place)
    return Shelved(row["type"], row["id"], row["version"], row["at"], row["message"] or "", document)
