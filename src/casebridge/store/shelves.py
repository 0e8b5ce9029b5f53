"""A partner's shelf: the native records it may read at a door of ours, each with its versions.

What a partner may not see is not on its shelf: it cannot be read, counted or found there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, tuple_

from casebridge.adapter import Sought
from casebridge.store.connection import Connection
from casebridge.store.database import iso
from casebridge.store.many import Row
from casebridge.store.tables import resource, resource_key, used_once

Key = tuple[str, str]
"""Name of a search parameter, and a value it is found by."""
_CURRENT = ("partner", "type", "id", "current")


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
    before = known.one(_CURRENT, partner, type_, id_, True)
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
        c.execute(delete(resource_key).where(*_of(resource_key, partner, type_), resource_key.c.id == id_))
    for name, value in sorted({(key, blind) for key, said in keys for blind in c.box.blinds(key, said)}):
        c.add(resource_key, {"partner": partner, "type": type_, "name": name, "value": value, "id": id_})


def load(c: Connection, partner: str, places: Iterable[tuple[str, str]]) -> None:
    """Have the current versions at hand: (type, id)."""
    c.rows(resource).load(_CURRENT, [(partner, type_, id_, True) for type_, id_ in places])


def get(c: Connection, partner: str, type_: str, id_: str) -> Shelved | None:
    """The current version, also of what was withdrawn."""
    row = c.rows(resource).one(_CURRENT, partner, type_, id_, True)
    return _shelved(c, row) if row else None


def versions(c: Connection, partner: str, type_: str, id_: str, limit: int) -> list[Shelved]:
    """Its versions, the newest first."""
    query = select(resource).where(*_of(resource, partner, type_), resource.c.id == id_)
    rows = c.execute(query.order_by(resource.c.version.desc()).limit(limit))
    return [_shelved(c, dict(row._mapping)) for row in rows]


def version(c: Connection, partner: str, type_: str, id_: str, number: int) -> Shelved | None:
    """One version of it."""
    query = select(resource).where(*_of(resource, partner, type_), resource.c.id == id_, resource.c.version == number)
    row = c.execute(query).first()
    return _shelved(c, dict(row._mapping)) if row else None


def listed(
    c: Connection, partner: str, type_: str, sought: Sought, after: Place | None, limit: int
) -> list[Shelved]:  # fmt: skip
    """Current records in the order of their moments, behind ``after``."""
    query = _sought(c, select(resource), partner, type_, sought)
    place = tuple_(resource.c.at, resource.c.id)
    if after is not None:
        here = (after.at, after.id)
        query = query.where(place < here if sought.newest_first else place > here)
    order = (resource.c.at.desc(), resource.c.id.desc()) if sought.newest_first else (resource.c.at, resource.c.id)
    return [_shelved(c, dict(row._mapping)) for row in c.execute(query.order_by(*order).limit(limit))]


def _sought(c: Connection, query: Select[Any], partner: str, type_: str, sought: Sought) -> Select[Any]:
    query = query.where(*_of(resource, partner, type_), resource.c.current, resource.c.document.is_not(None))
    if sought.since:
        query = query.where(resource.c.at >= sought.since)
    if sought.until:
        query = query.where(resource.c.at <= sought.until)
    if sought.ids is not None:
        query = query.where(resource.c.id.in_(sought.ids))
    for name, values in sought.keys:
        query = query.where(resource.c.id.in_(_bearers(c, partner, type_, name, values)))
    return query


def _bearers(c: Connection, partner: str, type_: str, name: str, values: Collection[str]) -> Select[Any]:
    blinds = {blind for value in values for blind in c.box.blinds(name, value)}
    return select(resource_key.c.id).where(
        *_of(resource_key, partner, type_), resource_key.c.name == name, resource_key.c.value.in_(sorted(blinds)))


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


def _of(table: Any, partner: str, type_: str) -> Sequence[Any]:
    return table.c.partner == partner, table.c.type == type_


def _shelved(c: Connection, row: Row) -> Shelved:
    place = (row["partner"], row["type"], row["id"])
    document = c.unpack(row["document"], "resource", *place)
    return Shelved(row["type"], row["id"], row["version"], row["at"], row["message"] or "", document)
