"""Dispatches: what was rendered for a partner, and whether it is on its way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from casebridge.adapter import OutFile
from casebridge.store.tables import dispatch, dispatch_file


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


def add(c: Connection, id_: str, partner: str, now: str, files: Iterable[OutFile], state: str = "claimed") -> None:
    """Keep the rendered files of a new dispatch."""
    c.execute(insert(dispatch).values(id=id_, partner=partner, state=state, due_at=now, prepared_at=now))
    for number, file in enumerate(files):
        c.execute(insert(dispatch_file).values(
            dispatch=id_, number=number, name=file.name, media_type=file.media_type,
            records=json.dumps(list(file.records)), data=file.data))  # fmt: skip


def due(c: Connection, now: str) -> list[StoredDispatch]:
    """Dispatches to send, those in mid-flight first: what happened to them must be known before anything else."""
    query = select(dispatch).where(dispatch.c.state.in_(("inflight", "claimed")), dispatch.c.due_at <= now)
    rows = [StoredDispatch(**row._mapping) for row in c.execute(query.order_by(dispatch.c.id))]
    return sorted(rows, key=lambda d: d.state != "inflight")


def change(c: Connection, id_: str, **values: Any) -> None:
    """Move a dispatch."""
    c.execute(update(dispatch).where(dispatch.c.id == id_).values(**values))


def files_of(c: Connection, id_: str) -> tuple[OutFile, ...]:
    """The rendered files."""
    query = select(dispatch_file).where(dispatch_file.c.dispatch == id_).order_by(dispatch_file.c.number)
    return tuple(
        OutFile(row.name, row.data, row.media_type, tuple(json.loads(row.records))) for row in c.execute(query)
    )


def sent(c: Connection) -> dict[str, tuple[str, int]]:
    """For each partner: when the last dispatch set off that it took, and how many it took."""
    query = select(dispatch.c.partner, func.max(dispatch.c.sent_at), func.count()).where(dispatch.c.state == "sent")
    return {row[0]: (row[1], row[2]) for row in c.execute(query.group_by(dispatch.c.partner))}
