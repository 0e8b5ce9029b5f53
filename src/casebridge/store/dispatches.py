"""Dispatches: what was rendered for a partner, and whether it is on its way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, func, literal_column, select

from casebridge.adapter import OutFile
from casebridge.store.connection import Connection
from casebridge.store.leases import Lane
from casebridge.store.tables import dispatch, dispatch_file

ON_ITS_WAY: ColumnElement[Any] = literal_column("state IN ('claimed', 'inflight')")
"""Spelled as the index is, or all that were ever sent would be looked through."""


@dataclass(frozen=True, slots=True)
class StoredDispatch:
    """One row: ``claimed`` was never sent, ``inflight`` was sent and the answer is unknown."""

    id: str
    partner: str
    state: str
    due_at: str
    prepared_at: str
    sent_at: str | None
    reference: str | None
    part: int
    urgent: bool
    sends: int


def add(
    c: Connection, id_: str, partner: str, now: str, files: Iterable[OutFile], state: str = "claimed", *,
    part: int = 0, urgent: bool = False,
) -> None:  # fmt: skip
    """Keep the rendered files of a new dispatch; ``inflight`` when the partner may have it from before."""
    c.add(dispatch, {"id": id_, "partner": partner, "state": state, "due_at": now, "prepared_at": now, "part": part,
                     "urgent": urgent})  # fmt: skip
    for number, file in enumerate(files):
        c.add(dispatch_file, {
            "dispatch": id_, "number": number, "name": file.name, "media_type": file.media_type,
            "records": orjson.dumps(list(file.records)).decode(),
            "data": c.box.close(file.data, "dispatch_file", id_, number)})  # fmt: skip
    if state in ("claimed", "inflight"):
        c.woken.add(Lane("deliver", partner, part, urgent))


def due(c: Connection, lane: Lane, now: str, limit: int = 500, *, newest: bool = False) -> list[StoredDispatch]:
    """Dispatches of a lane to send, those in mid-flight first: what happened to them must be known before anything
    else. ``newest``: then those with the latest decision, which need not be made again."""
    query = select(dispatch).where(
        dispatch.c.partner == lane.partner, dispatch.c.part == lane.part, dispatch.c.urgent == lane.urgent,
        ON_ITS_WAY, dispatch.c.due_at <= now,
    )  # fmt: skip
    order = dispatch.c.prepared_at.desc() if newest else dispatch.c.id
    query = query.order_by(dispatch.c.state.desc(), order).limit(limit)
    return [StoredDispatch(**row._mapping) for row in c.execute(query)]


def get(c: Connection, id_: str) -> StoredDispatch | None:
    """One dispatch."""
    row = c.execute(select(dispatch).where(dispatch.c.id == id_)).first()
    return StoredDispatch(**row._mapping) if row else None


def more_due(c: Connection, partner: str, now: str, than: int) -> bool:
    """Are there more than so many to send to a partner now, in all its lanes?"""
    query = select(dispatch.c.id).where(
        dispatch.c.partner == partner, ON_ITS_WAY, dispatch.c.due_at <= now,
    )  # fmt: skip
    return len(c.execute(query.limit(than + 1)).all()) > than


def change(c: Connection, id_: str, **values: Any) -> None:
    """Move a dispatch."""
    c.rows(dispatch).patch((id_,), **values)


def files_of(c: Connection, ids: Sequence[str]) -> dict[str, tuple[OutFile, ...]]:
    """The rendered files of dispatches."""
    query = select(dispatch_file).where(dispatch_file.c.dispatch.in_(ids)).order_by(dispatch_file.c.number)
    found: dict[str, tuple[OutFile, ...]] = {}
    for row in c.execute(query) if ids else ():
        data = c.box.open(row.data, "dispatch_file", row.dispatch, row.number)
        file = OutFile(row.name, data, row.media_type, tuple(orjson.loads(row.records)))
        found[row.dispatch] = (*found.get(row.dispatch, ()), file)
    return found


def sent(c: Connection) -> dict[str, tuple[str, int]]:
    """For each partner: when the last dispatch set off that it took, and how many it took."""
    query = select(dispatch.c.partner, func.max(dispatch.c.sent_at), func.count()).where(dispatch.c.state == "sent")
    return {row[0]: (row[1], row[2]) for row in c.execute(query.group_by(dispatch.c.partner))}
