"""Lists of what lies on a partner's shelf: by what it is found by, in the order of its moments.

What few records bear is looked up first, and they one by one; what many bear is only checked on the way through the
shelf, which ends when a page is full. Either way a page costs what lies on it, not what lies on the shelf.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, select, tuple_

from casebridge.adapter import Sought
from casebridge.store.connection import Connection
from casebridge.store.many import Row
from casebridge.store.shelves import CURRENT, Place, Shelved, load, shelved
from casebridge.store.tables import resource, resource_key

FEW = 50
"""Records that are looked up one by one."""
_BEARERS = select(resource_key.c.id).where(
    resource_key.c.partner == bindparam("partner"), resource_key.c.type == bindparam("type"),
    resource_key.c.name == bindparam("name"), resource_key.c.value.in_(bindparam("values", expanding=True)),
).limit(FEW + 1)  # fmt: skip


def listed(
    c: Connection, partner: str, type_: str, sought: Sought, after: Place | None, limit: int
) -> list[Shelved]:  # fmt: skip
    """Current records in the order of their moments, behind ``after``."""
    ids, common = _narrowed(c, partner, type_, sought)
    if ids is None or common:
        return _walked(c, partner, type_, replace(sought, keys=common, ids=ids), after, limit)
    load(c, partner, [(type_, id_) for id_ in ids])
    known = (row for id_ in ids for row in c.rows(resource).of(CURRENT, partner, type_, id_, True))
    found = [row for row in known if row["document"] is not None and _within(row, sought, after)]
    found.sort(key=_place, reverse=sought.newest_first)
    return [shelved(c, row) for row in found[:limit]]


def _narrowed(
    c: Connection, partner: str, type_: str, sought: Sought
) -> tuple[frozenset[str] | None, tuple[tuple[str, frozenset[str]], ...]]:
    """The ids that can be meant (None: any), and what is borne by too many to say which."""
    ids, common = sought.ids, []
    for name, values in sought.keys:
        blinds = sorted({blind for value in values for blind in c.box.blinds(name, value)})
        asked = {"partner": partner, "type": type_, "name": name, "values": blinds}
        found = c.execute(_BEARERS, asked).scalars().all()
        if len(found) > FEW:  # of rows: who bears several of the values has as many
            common.append((name, frozenset(blinds)))
        else:
            ids = frozenset(found) if ids is None else ids.intersection(found)
    return ids, tuple(common)


def _within(row: Row, sought: Sought, after: Place | None) -> bool:
    here = (after.at, after.id) if after is not None else None
    behind = here is None or (_place(row) < here if sought.newest_first else _place(row) > here)
    return behind and row["at"] >= sought.since and (not sought.until or row["at"] <= sought.until)


def _place(row: Row) -> tuple[str, str]:
    return row["at"], row["id"]


def _walked(
    c: Connection, partner: str, type_: str, sought: Sought, after: Place | None, limit: int
) -> list[Shelved]:  # fmt: skip
    """Through the shelf in its order until the page is full; ``keys`` as they are stored."""
    asked = {"partner": partner, "type": type_, "since": sought.since, "until": sought.until, "limit": limit,
             "ids": sorted(sought.ids or ())}  # fmt: skip
    for number, (name, values) in enumerate(sought.keys):
        asked |= {f"name{number}": name, f"values{number}": sorted(values)}
    if after is not None:
        asked |= {"at": after.at, "id": after.id}
    query = _walk(len(sought.keys), until=bool(sought.until), some=sought.ids is not None,
                  onward=after is not None, newest_first=sought.newest_first)  # fmt: skip
    return [shelved(c, dict(row._mapping)) for row in c.execute(query, asked).all()]


@cache
def _walk(keys: int, *, until: bool, some: bool, onward: bool, newest_first: bool) -> Select[Any]:
    """The question, made once for each of its forms."""
    here = resource.c
    where = [here.partner == bindparam("partner"), here.type == bindparam("type"), here.current,
             here.document.is_not(None), here.at >= bindparam("since")]  # fmt: skip
    if until:
        where.append(here.at <= bindparam("until"))
    if some:
        where.append(here.id.in_(bindparam("ids", expanding=True)))
    for number in range(keys):
        where.append(exists().where(
            resource_key.c.partner == here.partner, resource_key.c.type == here.type, resource_key.c.id == here.id,
            resource_key.c.name == bindparam(f"name{number}"),
            resource_key.c.value.in_(bindparam(f"values{number}", expanding=True))))  # fmt: skip
    if onward:
        place, bound = tuple_(here.at, here.id), tuple_(bindparam("at"), bindparam("id"))
        where.append(place < bound if newest_first else place > bound)
    order = (here.at.desc(), here.id.desc()) if newest_first else (here.at, here.id)
    return select(resource).where(*where).order_by(*order).limit(bindparam("limit"))
