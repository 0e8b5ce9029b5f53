"""Payloads: raw bytes as they came, in parts, with digest and identity."""

from __future__ import annotations

import io
from typing import BinaryIO

from sqlalchemy import Connection, exists, func, insert, select, update

from casebridge.store.database import new_id
from casebridge.store.tables import cursor, payload, payload_part

PART = 4 * 1024 * 1024
"""A payload is kept in parts of at most this many bytes."""


def repeated(c: Connection, partner: str, identity: str | None, digest: str) -> str | None:
    """The payload this one repeats: same key and content, or, without a key, the channel's latest if it is equal."""
    query = select(payload.c.id, payload.c.digest).where(payload.c.partner == partner)
    if identity is not None:
        query = query.where(payload.c.identity == identity, payload.c.digest == digest)
    row = c.execute(query.order_by(payload.c.id.desc()).limit(1)).first()
    return str(row.id) if row and row.digest == digest else None


def has_identity(c: Connection, partner: str, identity: str | None) -> bool:
    """Did a payload with this key come before?"""
    known = exists().where(payload.c.partner == partner, payload.c.identity == identity, payload.c.state == "stored")
    return identity is not None and bool(c.execute(select(known)).scalar())


def count_repeat(c: Connection, id_: str) -> None:
    """It came again: counted and stopped."""
    c.execute(update(payload).where(payload.c.id == id_).values(repeats=payload.c.repeats + 1))


def add(
    c: Connection, *, partner: str, name: str, media_type: str, digest: str, size: int, identity: str | None,
    state: str, now: str, body: BinaryIO,
) -> str:  # fmt: skip
    """Keep a payload; its id."""
    id_ = new_id()
    c.execute(insert(payload).values(
        id=id_, partner=partner, name=name, media_type=media_type, digest=digest, size=size, identity=identity,
        state=state, received_at=now))  # fmt: skip
    number = 0
    while part := body.read(PART):
        c.execute(insert(payload_part).values(payload=id_, number=number, data=part))
        number += 1
    return id_


def set_state(c: Connection, id_: str, state: str) -> None:
    """Accept a payload that was held as a conflict."""
    c.execute(update(payload).where(payload.c.id == id_).values(state=state))


def name_of(c: Connection, id_: str) -> str:
    """The name the sender gave it."""
    return str(c.execute(select(payload.c.name).where(payload.c.id == id_)).scalar_one())


def repeats_of(c: Connection, id_: str) -> int:
    """How often it came again."""
    return int(c.execute(select(payload.c.repeats).where(payload.c.id == id_)).scalar_one())


class PayloadStream(io.RawIOBase):
    """A stored payload as a seekable stream; holds one part in memory at a time."""

    def __init__(self, c: Connection, id_: str) -> None:
        self._c, self._id, self._at = c, id_, 0
        self._size: int = c.execute(select(payload.c.size).where(payload.c.id == id_)).scalar_one()
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
            self._part = (number, self._c.execute(query).scalar_one())
        piece = self._part[1][offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def open_payload(c: Connection, id_: str) -> BinaryIO:
    """The stored bytes as a buffered, seekable stream; valid while ``c`` is open."""
    return io.BufferedReader(PayloadStream(c, id_), buffer_size=1024 * 1024)


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
    return c.execute(select(cursor.c.value).where(cursor.c.partner == partner)).scalar()


def set_cursor(c: Connection, partner: str, value: str, now: str) -> None:
    """Remember it, in the transaction that keeps the payload."""
    if c.execute(update(cursor).where(cursor.c.partner == partner).values(value=value, updated_at=now)).rowcount == 0:
        c.execute(insert(cursor).values(partner=partner, value=value, updated_at=now))
