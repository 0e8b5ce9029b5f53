"""Records as each source asserted them, and what partners hold of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from casebridge.core.ids import new_id
from casebridge.core.labels import in_full
from casebridge.store.box import pack
from casebridge.store.connection import Connection
from casebridge.store.many import Row
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
    message: str = ""  # that wrote this version


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


STATUS = 40  # characters of it that stand in the column; the document has all
_FIELDS = ("id", "version", "kind", "source", "external_id", "subject", "status", "recorded_at", "document", "message")


_BY_THEIRS = ("source", "kind", "external_id", "current")
_BY_KIND = ("source", "kind", "current")
_BY_SUBJECT = ("source", "subject", "current")
_BY_ID = ("id", "current")
_VERSION = ("id", "version")
_OURS = ("partner", "kind", "our_id")
_THEIRS = ("partner", "kind", "their_id")


def _record(c: Connection, row: Row) -> StoredRecord:
    values = {name: row[name] for name in _FIELDS}
    values["document"] = in_full(c.unpack(values["document"], "record", values["id"]))
    for name in ("subject", "status", "message"):
        values[name] = values[name] or ""
    return StoredRecord(**values)


def load(c: Connection, source: str, said: Mapping[str, Iterable[str]]) -> None:
    """Have the current records of a source at hand: kind -> its ids."""
    c.rows(record).load(_BY_THEIRS, [(source, kind, id_, True) for kind, ids_ in said.items() for id_ in sorted(ids_)])


def load_about(c: Connection, source: str, subjects: Iterable[str]) -> None:
    """Have the current records about these persons of a source at hand."""
    c.rows(record).load(_BY_SUBJECT, [(source, subject, True) for subject in subjects])


def ids(c: Connection, source: str, kind: str, external_ids: Iterable[str]) -> list[str]:
    """Our ids of those records that are there."""
    return sorted(id_ for external_id in external_ids if (id_ := id_of(c, source, kind, external_id)))


def find(c: Connection, source: str, kind: str, external_id: str) -> StoredRecord | None:
    """What ``source`` last asserted about its record ``external_id``."""
    row = c.rows(record).one(_BY_THEIRS, source, kind, external_id, True)
    return _record(c, row) if row else None


def id_of(c: Connection, source: str, kind: str, external_id: str) -> str | None:
    """Our id of that record."""
    row = c.rows(record).one(_BY_THEIRS, source, kind, external_id, True)
    return str(row["id"]) if row else None


def by_id(c: Connection, id_: str) -> StoredRecord | None:
    """The current version of a record by our id."""
    row = c.rows(record).one(_BY_ID, id_, True)
    return _record(c, row) if row else None


def without(c: Connection, known: StoredRecord | None, message: str) -> StoredRecord | None:
    """The record as it stood before ``message`` wrote it; None when that made it."""
    while known is not None and known.message == message:
        row = c.rows(record).one(_VERSION, known.id, known.version - 1)
        known = _record(c, row) if row else None
    return known


def about(c: Connection, source: str, subject: str, kind: str = "") -> list[StoredRecord]:
    """Current records of a source about one of its persons."""
    rows = c.rows(record).of(_BY_SUBJECT, source, subject, True)
    return [_record(c, row) for row in sorted(rows, key=lambda r: str(r["id"])) if row["kind"] == kind or not kind]


def of_kind(c: Connection, source: str, kind: str) -> list[StoredRecord]:
    """Current records of one kind of a source; only for kinds of which a source has few."""
    return [_record(c, row) for row in c.rows(record).of(_BY_KIND, source, kind, True)]


def page(c: Connection, source: str, kind: str, after: str, limit: int) -> list[StoredRecord]:
    """Current records of a kind of a source in order of their ids, after one of them."""
    where = (record.c.source == source, record.c.kind == kind, record.c.current, record.c.id > after)
    rows = c.execute(select(record).where(*where).order_by(record.c.id).limit(limit))
    return [_record(c, dict(row._mapping)) for row in rows]


def assert_record(
    c: Connection, now: str, *, kind: str, source: str, external_id: str, subject: str, document: dict[str, Any],
    message: str, payload: str | None, map_digest: str,
) -> tuple[StoredRecord | None, StoredRecord]:  # fmt: skip
    """Write a new version unless nothing changed; (what was there before, what is there now)."""
    known, document = c.rows(record), in_full(document)
    row = known.one(_BY_THEIRS, source, kind, external_id, True)
    before = _record(c, row) if row else None
    written = pack(document)
    if before is not None and pack(before.document) == written:
        return before, before
    id_, version = (before.id, before.version + 1) if before else (new_id(), 1)
    if row:
        known.change(row, current=False)
    else:
        known.none(_BY_ID, id_, True)
        c.rows(remote).none(_OURS, source, kind, id_)
    status = document.get("status")
    said = status if isinstance(status, str) else ""
    after = StoredRecord(id_, version, kind, source, external_id, subject, said, now, document, message)
    known.add({
        "id": id_, "version": version, "current": True, "kind": kind, "source": source, "external_id": external_id,
        "subject": subject, "status": said[:STATUS] or None, "message": message, "payload": payload,
        "map_digest": map_digest, "recorded_at": now, "document": c.box.close(written, "record", id_)})  # fmt: skip
    return before, after


def _remote(c: Connection, row: Row) -> Remote:
    place = (row["partner"], row["kind"], row["our_id"])
    return Remote(*place, row["their_id"], row["version"] or "", row["written_version"] or "",
                  c.unpack(row["original"], "remote", *place))  # fmt: skip


def load_remotes(c: Connection, partner: str, theirs: Mapping[str, Iterable[str]]) -> None:
    """Have what the partner holds at hand: kind -> its ids."""
    c.rows(remote).load(_THEIRS, [(partner, kind, id_) for kind, ids_ in theirs.items() for id_ in sorted(ids_)])


def load_remotes_of(c: Connection, partner: str, ours: Mapping[str, Iterable[str]]) -> None:
    """Have what the partner holds at hand: kind -> our ids."""
    c.rows(remote).load(_OURS, [(partner, kind, id_) for kind, ids_ in ours.items() for id_ in sorted(ids_)])


def remote_of(c: Connection, partner: str, kind: str, our_id: str) -> Remote | None:
    """What the partner holds of our record."""
    row = c.rows(remote).one(_OURS, partner, kind, our_id)
    return _remote(c, row) if row else None


def remote_by_theirs(c: Connection, partner: str, kind: str, their_id: str) -> Remote | None:
    """Which of ours the partner means by its id."""
    row = c.rows(remote).one(_THEIRS, partner, kind, their_id)
    return _remote(c, row) if row else None


def nothing_remote(c: Connection, partner: str, kind: str, our_id: str) -> None:
    """Known without looking: nobody holds what was made just now."""
    c.rows(remote).none(_OURS, partner, kind, our_id)


def keep_remote(
    c: Connection, now: str, *, partner: str, kind: str, our_id: str, their_id: str, version: str,
    original: dict[str, Any] | None, written: bool,
) -> None:  # fmt: skip
    """Remember what the partner holds now; ``written`` marks the version our own write made."""
    values: dict[str, Any] = {"their_id": their_id, "version": version, "updated_at": now}
    if original is not None:
        values["original"] = c.pack(original, "remote", partner, kind, our_id)
    if written:
        values["written_version"] = version
    known = c.rows(remote)
    row = known.one(_OURS, partner, kind, our_id)
    if row:
        known.change(row, **values)
    else:
        empty = {"version": None, "written_version": None, "original": None}
        known.add({"partner": partner, "kind": kind, "our_id": our_id, **empty, **values})
