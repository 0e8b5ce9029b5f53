"""Payloads: raw bytes as they came, in parts, with digest and identity."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import BinaryIO

from sqlalchemy import func, select, update

from casebridge.core.errors import Held
from casebridge.core.ids import new_id
from casebridge.store.connection import Connection
from casebridge.store.database import Store
from casebridge.store.many import Row
from casebridge.store.tables import cursor, payload, payload_part

PART = 4 * 1024 * 1024
"""A payload is kept in parts of at most this many bytes."""


_IDENTITY = ("partner", "identity")
_OF_CURSOR = ("partner",)
_TOKEN = ("partner", "token")


def one_at_a_time(c: Connection, partner: str) -> None:
    """Nobody else looks for repeats among this partner's payloads until this transaction ends.

    Two processes that are given the same payload at the same moment would both find that it is the first. On SQLite
    there is one writer anyway.
    """
    if c.raw.dialect.name == "postgresql":
        key = func.hashtextextended(f"payload/{partner}", 0)
        c.raw.execute(select(func.pg_advisory_xact_lock(key)))


def repeated(c: Connection, partner: str, identity: str | None, digest: str, token: str | None = None) -> str | None:
    """The payload this one repeats: same key and content; or, without a key, the channel's latest if it is equal, or
    an equal one that the link offers again under the same token, because its sender could not be told."""
    if identity is None:
        before = c.rows(payload).of(_TOKEN, partner, token) if token else []
        before = [*before, latest] if (latest := _latest(c, partner)) else before
    else:
        before = c.rows(payload).of(_IDENTITY, partner, identity)
    return next((str(row["id"]) for row in reversed(before) if row["digest"] == digest), None)


def _latest(c: Connection, partner: str) -> Row | None:
    """The payload that came last: one of this transaction, else the latest in the store."""
    if partner not in c.latest:
        id_ = c.execute(select(func.max(payload.c.id)).where(payload.c.partner == partner)).scalar()
        c.latest[partner] = c.rows(payload).one(("id",), id_) if id_ else None
    return c.latest[partner]


def settled(c: Connection, partner: str, tokens: Sequence[str]) -> None:
    """Their senders were told: what comes under these tokens from now on is new."""
    mine = payload.c.partner == partner, payload.c.token.in_(tokens)
    c.execute(update(payload).where(*mine).values(token=None))


def has_identity(c: Connection, partner: str, identity: str | None) -> bool:
    """Did a payload with this key come before?"""
    if identity is None:
        return False
    return any(row["state"] == "stored" for row in c.rows(payload).of(_IDENTITY, partner, identity))


def count_repeat(c: Connection, id_: str) -> None:
    """It came again: counted and stopped."""
    c.execute(update(payload).where(payload.c.id == id_).values(repeats=payload.c.repeats + 1))


def add(
    c: Connection, *, partner: str, name: str, media_type: str, digest: str, size: int, identity: str | None,
    state: str, now: str, body: BinaryIO, token: str | None = None,
) -> str:  # fmt: skip
    """Keep a payload; its id."""
    row = {"id": new_id(), "partner": partner, "name": name, "media_type": media_type, "digest": digest, "size": size,
           "identity": identity, "state": state, "received_at": now, "repeats": 0, "erased_at": None,
           "token": token}  # fmt: skip
    c.latest[partner] = c.rows(payload).add(row)
    number = 0
    while part := body.read(PART):
        closed = c.box.close(part, "payload_part", row["id"], number)
        c.add(payload_part, {"payload": row["id"], "number": number, "data": closed})
        if size > PART:
            c.flush()  # a large one does not lie in memory
        number += 1
    return str(row["id"])


def set_state(c: Connection, id_: str, state: str) -> None:
    """Accept a payload that was held as a conflict."""
    c.rows(payload).patch((id_,), state=state)


def name_of(c: Connection, id_: str) -> str:
    """The name the sender gave it."""
    return str(c.execute(select(payload.c.name).where(payload.c.id == id_)).scalar_one())


def repeats_of(c: Connection, id_: str) -> int:
    """How often it came again."""
    return int(c.execute(select(payload.c.repeats).where(payload.c.id == id_)).scalar_one())


class PayloadStream(io.RawIOBase):
    """A stored payload as a seekable stream. Holds one part in memory at a time, and no transaction open meanwhile."""

    def __init__(self, store: Store, id_: str) -> None:
        self._store, self._id, self._at = store, id_, 0
        with store.read() as c:
            row = c.execute(select(payload.c.size, payload.c.erased_at).where(payload.c.id == id_)).one()
        if row.erased_at:
            raise Held("CB-523", f"what came in was erased on {row.erased_at[:10]} by the retention policy")
        self._size: int = row.size
        self._part: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        number, offset = divmod(self._at, PART)
        if self._at >= self._size:
            return 0
        if self._part[0] != number:
            query = select(payload_part.c.data).where(
                payload_part.c.payload == self._id, payload_part.c.number == number
            )
            with self._store.read() as c:
                data = c.execute(query).scalar_one()
                self._part = (number, c.box.open(data, "payload_part", self._id, number))
        piece = self._part[1][offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def open_payload(store: Store, id_: str) -> io.BufferedReader:
    """The stored bytes as a buffered, seekable stream; its ``raw`` knows how far it was read."""
    return io.BufferedReader(PayloadStream(store, id_), buffer_size=1024 * 1024)


def duplicates(c: Connection, partner: str) -> int:
    """How often payloads of this partner came again, and were counted and stopped."""
    query = select(func.coalesce(func.sum(payload.c.repeats), 0)).where(payload.c.partner == partner)
    return int(c.execute(query).scalar_one())


def received(c: Connection) -> dict[str, tuple[str, int]]:
    """For each partner: when its last payload came, and how many came."""
    query = select(payload.c.partner, func.max(payload.c.received_at), func.count()).group_by(payload.c.partner)
    return {row[0]: (row[1], row[2]) for row in c.execute(query)}


def get_cursor(c: Connection, partner: str) -> str | None:
    """Where the partner's link goes on."""
    row = c.rows(cursor).one(_OF_CURSOR, partner)
    return str(row["value"]) if row else None


def set_cursor(c: Connection, partner: str, value: str, now: str) -> None:
    """Remember it, in the transaction that keeps the payload."""
    known = c.rows(cursor)
    row = known.one(_OF_CURSOR, partner)
    if row:
        known.change(row, value=value, updated_at=now)
    else:
        known.add({"partner": partner, "value": value, "updated_at": now})
