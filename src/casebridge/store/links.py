"""Clients: the source persons that links hold together. People are linked, never merged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, select

from casebridge.core.ids import new_id
from casebridge.store.connection import Connection
from casebridge.store.many import Row
from casebridge.store.tables import client, identifier, link


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A person as one source knows them."""

    source: str
    external_id: str


Identifiers = set[tuple[str, str]]
"""(system, value) of identifiers of person scope, the value as ``Box.blinds`` makes it."""
_PERSON = ("source", "external_id")
_VALUE = ("system", "value")
_LINKED = ("source", "external_id", "undone_at")
_CLIENT = ("client", "undone_at")


def load(c: Connection, persons: Iterable[PersonKey], identifiers: Identifiers) -> None:
    """Have at hand all that linking these persons by these identifiers asks for."""
    persons = list(persons)
    numbers, known = c.rows(identifier), c.rows(link)
    numbers.load(_VALUE, sorted(identifiers))
    bearers = {PersonKey(r["source"], r["external_id"]) for i in identifiers for r in numbers.of(_VALUE, *i)}
    known.load(_LINKED, [(p.source, p.external_id, None) for p in sorted({*persons, *bearers}, key=_order)])
    clients = {r["client"] for p in {*persons, *bearers} for r in _linked(c, p)}
    known.load(_CLIENT, [(client_id, None) for client_id in sorted(clients)])
    others = {PersonKey(r["source"], r["external_id"]) for i in clients for r in known.of(_CLIENT, i, None)}
    numbers.load(_PERSON, [(p.source, p.external_id) for p in sorted({*persons, *others}, key=_order)])


def load_clients(c: Connection, clients: Iterable[str]) -> dict[str, set[str]]:
    """Have the persons of these clients at hand: source -> its ids of them."""
    clients = list(clients)
    c.rows(link).load(_CLIENT, [(client_id, None) for client_id in clients])
    found: dict[str, set[str]] = {}
    for person in (p for client_id in clients for p in persons_of(c, client_id)):
        found.setdefault(person.source, set()).add(person.external_id)
    return found


def _order(person: PersonKey) -> tuple[str, str]:
    return person.source, person.external_id


def _linked(c: Connection, person: PersonKey) -> list[Row]:
    """Links of a person that count; one under review counts for nothing."""
    rows = c.rows(link).of(_LINKED, person.source, person.external_id, None)
    return [row for row in rows if row["decision"] == "auto"]


def set_identifiers(c: Connection, person: PersonKey, identifiers: Identifiers) -> None:
    """Replace the person-scope identifiers of a source person."""
    known = c.rows(identifier)
    before = {(r["system"], r["value"]) for r in known.of(_PERSON, person.source, person.external_id)}
    if before - identifiers:
        mine = (identifier.c.source == person.source, identifier.c.external_id == person.external_id)
        c.execute(delete(identifier).where(*mine))
        before, known = set(), c.rows(identifier)
    for system, value in sorted(identifiers - before):
        known.add({"source": person.source, "external_id": person.external_id, "system": system, "value": value})


def sharing(c: Connection, identifiers: Identifiers) -> dict[str, set[str]]:
    """Clients that have a person with one of these identifiers: client -> the systems that agree."""
    found: dict[str, set[str]] = {}
    for system, value in sorted(identifiers):
        for bearer in c.rows(identifier).of(_VALUE, system, value):
            for linked in _linked(c, PersonKey(bearer["source"], bearer["external_id"])):
                found.setdefault(linked["client"], set()).add(system)
    return found


def client_of(c: Connection, person: PersonKey) -> str | None:
    """The client a source person is linked to; a link under review counts for nothing."""
    return next((str(row["client"]) for row in _linked(c, person)), None)


def evidence_of(c: Connection, person: PersonKey) -> dict[str, object]:
    """On what the person's link rests: names of systems, never values."""
    found: dict[str, object] = next((json.loads(row["evidence"]) for row in _linked(c, person)), {})
    return found


def stored_identifiers(c: Connection, person: PersonKey) -> Identifiers:
    """A source person's identifiers of person scope."""
    return {(r["system"], r["value"]) for r in c.rows(identifier).of(_PERSON, person.source, person.external_id)}


def persons_of(c: Connection, client_id: str, source: str = "") -> list[PersonKey]:
    """The source persons of a client, first linked first."""
    rows = (r for r in c.rows(link).of(_CLIENT, client_id, None) if r["decision"] == "auto")
    linked = sorted(rows, key=lambda r: str(r["id"]))
    return [PersonKey(r["source"], r["external_id"]) for r in linked if r["source"] == source or not source]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A link under review: a source person who may be this client, and the systems of identifiers that agree."""

    client: str
    person: PersonKey
    systems: tuple[str, ...]
    decided_at: str


def under_review(c: Connection, limit: int = 500) -> list[Doubt]:
    """Links a person must look at, oldest first; nothing flows through them."""
    query = select(link).where(link.c.decision == "review", link.c.undone_at.is_(None)).order_by(link.c.id)
    return [
        Doubt(row.client, PersonKey(row.source, row.external_id), tuple(json.loads(row.evidence).get("systems", ())),
              row.decided_at)
        for row in c.execute(query.limit(limit))
    ]  # fmt: skip


def undo(c: Connection, now: str, person: PersonKey) -> None:
    """End a source person's links; they stay on the books with the time they ended."""
    known = c.rows(link)
    for row in list(known.of(_LINKED, person.source, person.external_id, None)):
        known.change(row, undone_at=now)


def new_client(c: Connection, now: str) -> str:
    """A client nobody is linked to yet."""
    id_ = new_id()
    c.add(client, {"id": id_, "created_at": now})
    c.rows(link).none(_CLIENT, id_, None)
    return id_


def add_link(
    c: Connection, now: str, client_id: str, person: PersonKey, decision: str, evidence: dict[str, object]
) -> None:
    """Link a source person to a client; evidence names systems, never values."""
    c.rows(link).add({
        "id": new_id(), "client": client_id, "source": person.source, "external_id": person.external_id,
        "decision": decision, "evidence": json.dumps(evidence, sort_keys=True), "decided_at": now,
        "undone_at": None})  # fmt: skip
