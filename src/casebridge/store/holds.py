"""Legal holds: what a court or a client's lawyer may ask for is erased by no policy while the hold lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, insert, or_, select, tuple_, update

from casebridge.core.ids import new_id
from casebridge.store.connection import Connection
from casebridge.store.tables import client, legal_hold, link, message, record, referral

KINDS = ("client", "partner", "referral")


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold; ``ended_at`` is None while it lasts."""

    id: str
    kind: str
    subject: str
    reason: str
    by: str
    since: str
    ended_at: str | None


@dataclass(frozen=True, slots=True)
class Covered:
    """All that the holds of this moment keep: names of partners, ids of clients, referrals and payloads."""

    partners: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    referrals: tuple[str, ...] = ()
    payloads: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.partners, self.clients, self.referrals, self.payloads))


def exists(c: Connection, kind: str, subject: str) -> bool:
    """Is there such a client or referral?"""
    table = client if kind == "client" else referral
    return c.execute(select(table.c.id).where(table.c.id == subject)).first() is not None


def add(c: Connection, now: str, kind: str, subject: str, reason: str, by: str) -> str:
    """Begin a hold; its id."""
    id_ = new_id()
    c.execute(insert(legal_hold).values(id=id_, kind=kind, subject=subject, reason=reason, by=by, since=now))
    return id_


def end(c: Connection, now: str, id_: str) -> bool:
    """End a hold; False when there is none of this id that lasts."""
    mine = (legal_hold.c.id == id_, legal_hold.c.ended_at.is_(None))
    return bool(c.execute(update(legal_hold).where(*mine).values(ended_at=now)).rowcount)


def listed(c: Connection, *, ended: bool = False) -> list[Hold]:
    """Holds that last, with ``ended`` the others, too; oldest first."""
    query = select(legal_hold).order_by(legal_hold.c.id)
    if not ended:
        query = query.where(legal_hold.c.ended_at.is_(None))
    return [Hold(**row._mapping) for row in c.execute(query)]


def covered(c: Connection) -> Covered:
    """What may not be erased now."""
    there = listed(c)
    of = {kind: tuple(h.subject for h in there if h.kind == kind) for kind in KINDS}
    if not there:
        return Covered()
    named = or_(referral.c.id.in_(of["referral"]), referral.c.client.in_(of["client"]))
    referrals = tuple(sorted({*of["referral"], *c.execute(select(referral.c.id).where(named)).scalars()}))
    return Covered(of["partner"], of["client"], referrals, _payloads(c, of["client"], referrals))


def _payloads(c: Connection, clients: Sequence[str], referrals: Sequence[str]) -> tuple[str, ...]:
    """Payloads that say something of these clients, also as they were linked once, or of these referrals."""
    persons = select(link.c.source, link.c.external_id).where(link.c.client.in_(clients))
    mine = and_(record.c.kind == "person", tuple_(record.c.source, record.c.external_id).in_(persons))
    about = or_(tuple_(record.c.source, record.c.subject).in_(persons), mine)
    found = set(c.execute(select(record.c.payload).where(about).distinct()).scalars())
    found |= set(c.execute(select(message.c.payload).where(message.c.correlation.in_(referrals)).distinct()).scalars())
    return tuple(sorted(found - {None}))
