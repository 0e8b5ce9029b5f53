"""Referrals and their events: append-only, the state is the fold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, and_, case, exists, func, select

from casebridge.store.connection import Connection
from casebridge.store.tables import event, message, referral, referral_event, remote

TERMINAL = ("rejected", "completed", "cancelled", "failed", "entered-in-error")


@dataclass(frozen=True, slots=True)
class StoredReferral:
    """The row of a referral; ``id`` is the correlation id."""

    id: str
    client: str | None
    source: str
    external_id: str
    subject: str | None
    recipient: str | None
    parent: str | None
    domain: str | None
    category: str | None
    status: str
    detail: str | None
    created_at: str
    updated_at: str
    sort: str | None = None
    request: str | None = None

    @property
    def asked(self) -> str:
        """The source's id of what it asked for: a child is made of what its parent asks for."""
        return self.request or self.external_id


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event of a referral; ``document`` holds detail, reason, outcome and outputs."""

    referral: str
    sequence: int
    partner: str
    side: str
    state: str
    at: str
    recorded_at: str
    verdict: str
    why: str | None
    message: str | None
    document: dict[str, Any]


def _referral(row: Row[Any]) -> StoredReferral:
    return StoredReferral(**row._mapping)


def load(c: Connection, ids: Iterable[str]) -> None:
    """Have these referrals and their events at hand."""
    ids = list(ids)
    c.rows(referral).load(("id",), [(id_,) for id_ in ids])
    c.rows(referral_event).load(("referral",), [(id_,) for id_ in ids])


def load_by_source(c: Connection, source: str, external_ids: Iterable[str]) -> set[str]:
    """Have the referrals that mirror these records of a source at hand; their ids."""
    external_ids = list(external_ids)
    known = c.rows(referral)
    known.load(("source", "external_id"), [(source, external_id) for external_id in external_ids])
    return {str(row["id"]) for id_ in external_ids for row in known.of(("source", "external_id"), source, id_)}


def load_of_persons(c: Connection, source: str, subjects: Iterable[str]) -> None:
    """Have the referrals of these persons of a source at hand."""
    c.rows(referral).load(("source", "subject"), [(source, subject) for subject in subjects])


def open_of_person(c: Connection, source: str, subject: str) -> list[str]:
    """The referrals of a source's person that have not ended, by their ids."""
    rows = c.rows(referral).of(("source", "subject"), source, subject)
    return sorted(str(row["id"]) for row in rows if row["status"] not in TERMINAL)


def get(c: Connection, id_: str) -> StoredReferral | None:
    """A referral by its correlation id."""
    row = c.rows(referral).one(("id",), id_)
    return StoredReferral(**row) if row else None


def by_source(c: Connection, source: str, external_id: str) -> StoredReferral | None:
    """The referral that mirrors this record of its source."""
    row = c.rows(referral).one(("source", "external_id"), source, external_id)
    return StoredReferral(**row) if row else None


def load_children(c: Connection, ids: Iterable[str]) -> None:
    """Have the children of these referrals at hand."""
    c.rows(referral).load(("parent",), [(id_,) for id_ in ids])


def no_children(c: Connection, id_: str) -> None:
    """Known without looking: a referral that began just now has none."""
    c.rows(referral).none(("parent",), id_)


def children(c: Connection, id_: str) -> list[StoredReferral]:
    """What CaseBridge made of a referral (its parts, offers and tries), in the order in which they were made.

    A part that the source itself made (``Task.partOf``) is a referral of its own, and none of these.
    """
    rows = c.rows(referral).of(("parent",), id_)
    return sorted((StoredReferral(**row) for row in rows if row["sort"]), key=lambda r: r.id)


def load_of_clients(c: Connection, clients: Iterable[str]) -> None:
    """Have the referrals of these clients at hand."""
    c.rows(referral).load(("client",), [(client,) for client in clients])


def of_client(c: Connection, client: str) -> list[StoredReferral]:
    """All referrals of a client, in the order in which they were made."""
    return sorted((StoredReferral(**row) for row in c.rows(referral).of(("client",), client)), key=lambda r: r.id)


def open_of_client(c: Connection, client: str) -> list[StoredReferral]:
    """A client's referrals that have not ended."""
    query = select(referral).where(referral.c.client == client, referral.c.status.notin_(TERMINAL))
    return [_referral(row) for row in c.execute(query.order_by(referral.c.id))]


def open_at(c: Connection, partner: str, after: str, limit: int) -> list[tuple[str, str]]:
    """The first referrals behind ``after`` that have not ended and that a partner has, too: our id and its own."""
    mine = (remote.c.our_id == referral.c.id, remote.c.partner == partner, remote.c.kind == "referral")
    query = select(referral.c.id, remote.c.their_id).join(remote, and_(*mine))
    query = query.where(referral.c.status.notin_(TERMINAL), remote.c.our_id > after)
    return [(str(ours), str(theirs)) for ours, theirs in c.execute(query.order_by(remote.c.our_id).limit(limit))]


def listed(
    c: Connection, limit: int = 500, offset: int = 0, standing: str = "", *, children: bool = False
) -> list[StoredReferral]:
    """Referrals, of one standing where it is given, the latest change first; with those made of others if wanted."""
    query = select(referral).order_by(referral.c.updated_at.desc(), referral.c.id).limit(limit).offset(offset)
    if not children:
        query = query.where(referral.c.sort.is_(None))
    if standing:
        query = query.where(_standing() == standing)
    return [_referral(row) for row in c.execute(query)]


def standing(c: Connection, id_: str) -> str:
    """The status; or, while its recipient does not have it, what holds it back: ``held``, ``shown``, ``waiting``."""
    return str(c.execute(select(_standing()).where(referral.c.id == id_)).scalar_one())


def tally(c: Connection) -> dict[str, int]:
    """How many referrals have which standing; what was made of one counts as that one."""
    stands = select(_standing().label("standing")).where(referral.c.sort.is_(None)).subquery()
    return {row[0]: row[1] for row in c.execute(select(stands.c.standing, func.count()).group_by(stands.c.standing))}


def open_with(c: Connection, name: str) -> list[tuple[StoredReferral, str]]:
    """Referrals that have not ended and have an event of this name, with the time of the last; the latest first."""
    at = select(func.max(event.c.at)).where(event.c.correlation == referral.c.id, event.c.name == name)
    last = at.correlate(referral).scalar_subquery().label("last")
    found = select(referral, last).where(referral.c.status.notin_(TERMINAL)).subquery()
    query = select(found).where(found.c.last.is_not(None)).order_by(found.c.last.desc(), found.c.id)
    return [(StoredReferral(*row[:-1]), row[-1]) for row in c.execute(query)]


def in_conflict(c: Connection, limit: int = 500) -> list[StoredReferral]:
    """Referrals about which somebody said what may not be, and nothing that moved them was said since."""
    said, later = referral_event.alias(), referral_event.alias()
    moved_on = exists().where(
        later.c.referral == said.c.referral, later.c.sequence > said.c.sequence, later.c.verdict == "apply")
    open_ = exists().where(said.c.referral == referral.c.id, said.c.verdict == "conflict", ~moved_on)
    nobody_told = func.coalesce(referral.c.detail, "") != "taken"  # whoever was too late is told by itself
    query = select(referral).where(open_, nobody_told).order_by(referral.c.updated_at.desc()).limit(limit)
    return [_referral(row) for row in c.execute(query)]


def add(c: Connection, now: str, **values: Any) -> None:
    """Write a new referral, with a new id."""
    c.rows(referral).none(("id",), values["id"])
    c.rows(referral_event).none(("referral",), values["id"])
    c.rows(referral).add({**dict.fromkeys(referral.columns.keys()), "created_at": now, "updated_at": now, **values})


def change(c: Connection, id_: str, now: str, **values: Any) -> None:
    """Move a referral (only by what the fold of its events says)."""
    c.rows(referral).patch((id_,), updated_at=now, **values)


def follow_person(c: Connection, source: str, subject: str, client: str) -> None:
    """The referrals of a source's person belong to the client that person is linked to now."""
    known = c.rows(referral)
    for row in known.of(("source", "subject"), source, subject):
        if row["client"] != client:
            known.change(row, client=client)


def add_event(c: Connection, now: str, **values: Any) -> int:
    """Append an event; its sequence number."""
    known = c.rows(referral_event)
    sequence = len(known.of(("referral",), values["referral"])) + 1
    document = c.pack(values.pop("document"), "referral_event", values["referral"], sequence)
    known.add({"sequence": sequence, "recorded_at": now, "document": document, **values})
    return sequence


def events(c: Connection, id_: str) -> list[StoredEvent]:
    """All events of a referral in the order they became known."""
    rows = c.rows(referral_event).of(("referral",), id_)
    return [StoredEvent(**{**row, "document": c.unpack(row["document"], "referral_event", id_, row["sequence"])})
            for row in rows]  # fmt: skip


_FURTHEST = {"done": 3, "held": 2, "shown": 1}


def _standing() -> ColumnElement[str]:
    """One look at a referral's messages, found by its id alone: any other index would go through everybody's."""
    furthest = func.coalesce(_furthest_of_children(), _furthest(referral, message.c.correlation == referral.c.id))
    stands = case({3: referral.c.status, 2: "held", 1: "shown"}, value=furthest, else_="waiting")
    return case((referral.c.status != "requested", referral.c.status), else_=stands)


def _furthest_of_children() -> ColumnElement[Any]:
    """NULL for a referral that nothing was made of."""
    child = referral.alias()
    return _furthest(child, child.c.parent == referral.c.id, child.c.sort.is_not(None),
                     message.c.correlation == child.c.id)  # fmt: skip


def _furthest(of: FromClause, *where: ColumnElement[bool]) -> ColumnElement[Any]:
    """How far its messages to its recipient have come."""
    to_recipient = ((message.c.direction == "out") & (message.c.kind == "referral")
                    & (message.c.partner == func.coalesce(of.c.recipient, ""))
                    & ((message.c.state != "done") | of.c.recipient.is_not(None)))  # fmt: skip
    reached = case((to_recipient, case(_FURTHEST, value=message.c.state, else_=0)), else_=0)
    return select(func.max(reached)).where(*where).correlate(referral).scalar_subquery()
