"""Lists of what lies on a partner's shelf: by what it is found by, in the order of its moments.

What few records bear is looked up first, and they one by one; what many bear is only checked on the way through the
shelf, which ends when a page is full. Either way a page costs what lies on it, not what lies on the shelf.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, false, select, tuple_

from casebridge.adapter import Sought
from casebridge.store.connection import Connection
from casebridge.store.many import Row
from casebridge.store.shelves import CURRENT, Place, Shelved, load, shelved
from casebridge.store.tables import resource, resource_key

MOST_FORMS = 64
"""Questions that are kept made: whoever searches chooses their form."""
FEW = 50
"""Records that are looked up one by one."""


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
        asked = {"partner": partner, "type": type_, "name": name, "most": FEW + 1} | _several("value", blinds)
        found = [row[0] for row in c.ask(_bearers(_room(blinds)), asked)]
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
    asked: dict[str, Any] = {"partner": partner, "type": type_, "since": sought.since, "until": sought.until,
                             "limit": limit} | _several("id", sorted(sought.ids or ()))  # fmt: skip
    for number, (name, values) in enumerate(sought.keys):
        asked |= {f"name{number}": name} | _several(f"value{number}", sorted(values))
    if after is not None:
        asked |= {"at": after.at, "behind": after.id}
    query = _walk(tuple(_room(values) for _, values in sought.keys), until=bool(sought.until),
                  some=_room(sought.ids) if sought.ids is not None else None,
                  onward=after is not None, newest_first=sought.newest_first)  # fmt: skip
    names = resource.columns.keys()
    return [shelved(c, dict(zip(names, row, strict=True))) for row in c.ask(query, asked)]


def _room(values: Collection[str]) -> int:
    """Places for so many values in a question: few different questions serve for all numbers of them."""
    return 1 << (len(values) - 1).bit_length() if values else 0


def _several(name: str, values: Sequence[str]) -> dict[str, str]:
    """The values in their places, the last one in those that are left."""
    return {f"{name}_{n}": values[min(n, len(values) - 1)] for n in range(_room(values))}


def _one_of(column: ColumnElement[str], name: str, room: int) -> ColumnElement[bool]:
    return column.in_([bindparam(f"{name}_{n}") for n in range(room)]) if room else false()


@lru_cache(MOST_FORMS)
def _bearers(values: int) -> Select[Any]:
    """Ids of those that bear one of so many values."""
    key = resource_key.c
    return select(key.id).where(
        key.partner == bindparam("partner"), key.type == bindparam("type"), key.name == bindparam("name"),
        _one_of(key.value, "value", values)).limit(bindparam("most"))  # fmt: skip


@lru_cache(MOST_FORMS)
def _walk(keys: tuple[int, ...], *, until: bool, some: int | None, onward: bool, newest_first: bool) -> Select[Any]:
    """The question, made once for each of its forms; ``keys`` and ``some`` say how many values each has room for."""
    here = resource.c
    where = [here.partner == bindparam("partner"), here.type == bindparam("type"), here.current,
             here.document.is_not(None), here.at >= bindparam("since")]  # fmt: skip
    if until:
        where.append(here.at <= bindparam("until"))
    if some is not None:
        where.append(_one_of(here.id, "id", some))
    for number, room in enumerate(keys):
        where.append(exists().where(
            resource_key.c.partner == here.partner, resource_key.c.type == here.type, resource_key.c.id == here.id,
            resource_key.c.name == bindparam(f"name{number}"),
            _one_of(resource_key.c.value, f"value{number}", room)))  # fmt: skip
    if onward:
        place, bound = tuple_(here.at, here.id), tuple_(bindparam("at"), bindparam("behind"))
        where.append(place < bound if newest_first else place > bound)
    order = (here.at.desc(), here.id.desc()) if newest_first else (here.at, here.id)
    return select(resource).where(*where).order_by(*order).limit(bindparam("limit"))
