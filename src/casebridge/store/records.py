"""Records as each source asserted them, and what partners hold of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from casebridge.core.labels import in_full
from casebridge.store.database import new_id, pack, unpack
from casebridge.store.tables import record, remote


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """The current version of one record."""

    id: str
    version: int
    kind: str
    source: str
    external_id: str
    subject: str
    status: str
    recorded_at: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Remote:
    """What a partner holds: its id, its version, the text last seen there."""

    partner: str
    kind: str
    our_id: str
    their_id: str
    version: str
    written_version: str
    original: dict[str, Any] | None


_FIELDS = ("id", "version", "kind", "source", "external_id", "subject", "status", "recorded_at", "document")


def _record(row: Row[Any]) -> StoredRecord:
    values = {name: row._mapping[name] for name in _FIELDS}
    values["document"] = in_full(unpack(values["document"]))
    values["subject"], values["status"] = values["subject"] or "", values["status"] or ""
    return StoredRecord(**values)


def find(c: Connection, source: str, kind: str, external_id: str) -> StoredRecord | None:
    """What ``source`` last asserted about its record ``external_id``."""
    query = select(record).where(
        record.c.source == source, record.c.kind == kind, record.c.external_id == external_id,
        record.c.current.is_(True))  # fmt: skip
    row = c.execute(query).first()
    return _record(row) if row else None


def by_id(c: Connection, id_: str) -> StoredRecord | None:
    """The current version of a record by our id."""
    row = c.execute(select(record).where(record.c.id == id_, record.c.current.is_(True))).first()
    return _record(row) if row else None


def about(c: Connection, source: str, subject: str, kind: str = "") -> list[StoredRecord]:
    """Current records of a source about one of its persons."""
    query = select(record).where(record.c.source == source, record.c.subject == subject, record.c.current.is_(True))
    if kind:
        query = query.where(record.c.kind == kind)
    return [_record(row) for row in c.execute(query.order_by(record.c.id))]


def assert_record(
    c: Connection, now: str, *, kind: str, source: str, external_id: str, subject: str, document: dict[str, Any],
    message: str, payload: str | None, map_digest: str,
) -> tuple[StoredRecord | None, StoredRecord]:  # fmt: skip
    """Write a new version unless nothing changed; (what was there before, what is there now)."""
    before, document = find(c, source, kind, external_id), in_full(document)
    if before is not None and pack(before.document) == pack(document):
        return before, before
    id_, version = (before.id, before.version + 1) if before else (new_id(), 1)
    if before:
        c.execute(update(record).where(record.c.id == id_, record.c.current.is_(True)).values(current=False))
    status = document.get("status")
    said = status if isinstance(status, str) else ""
    after = StoredRecord(id_, version, kind, source, external_id, subject, said, now, document)
    c.execute(insert(record), {
        "id": id_, "version": version, "current": True, "kind": kind, "source": source, "external_id": external_id,
        "subject": subject, "status": said or None, "message": message, "payload": payload, "map_digest": map_digest,
        "recorded_at": now, "document": pack(document)})  # fmt: skip
    return before, after


def _remote(row: Row[Any]) -> Remote:
    return Remote(row.partner, row.kind, row.our_id, row.their_id, row.version or "", row.written_version or "",
                  unpack(row.original))  # fmt: skip


def remote_of(c: Connection, partner: str, kind: str, our_id: str) -> Remote | None:
    """What the partner holds of our record."""
    query = select(remote).where(remote.c.partner == partner, remote.c.kind == kind, remote.c.our_id == our_id)
    row = c.execute(query).first()
    return _remote(row) if row else None


def remote_by_theirs(c: Connection, partner: str, kind: str, their_id: str) -> Remote | None:
    """Which of ours the partner means by its id."""
    query = select(remote).where(remote.c.partner == partner, remote.c.kind == kind, remote.c.their_id == their_id)
    row = c.execute(query).first()
    return _remote(row) if row else None


def keep_remote(
    c: Connection, now: str, *, partner: str, kind: str, our_id: str, their_id: str, version: str,
    original: dict[str, Any] | None, written: bool,
) -> None:  # fmt: skip
    """Remember what the partner holds now; ``written`` marks the version our own write made."""
    values: dict[str, Any] = {"their_id": their_id, "version": version, "updated_at": now}
    if original is not None:
        values["original"] = pack(original)
    if written:
        values["written_version"] = version
    where = (remote.c.partner == partner, remote.c.kind == kind, remote.c.our_id == our_id)
    if c.execute(update(remote).where(*where).values(**values)).rowcount == 0:
        c.execute(insert(remote), {"partner": partner, "kind": kind, "our_id": our_id, **values})
