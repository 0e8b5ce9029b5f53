"""Clients: the source persons that links hold together. People are linked, never merged."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from casebridge.store.database import new_id
from casebridge.store.tables import client, identifier, link


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A person as one source knows them."""

    source: str
    external_id: str


def set_identifiers(c: Connection, person: PersonKey, identifiers: set[tuple[str, str]]) -> None:
    """Replace the person-scope identifiers (system, value) of a source person."""
    c.execute(delete(identifier).where(
        identifier.c.source == person.source, identifier.c.external_id == person.external_id))  # fmt: skip
    for system, value in sorted(identifiers):
        row = {"source": person.source, "external_id": person.external_id, "system": system, "value": value}
        c.execute(insert(identifier), row)


def sharing(c: Connection, identifiers: set[tuple[str, str]]) -> dict[str, set[str]]:
    """Clients that have a person with one of these identifiers: client -> the systems that agree."""
    found: dict[str, set[str]] = {}
    for system, value in sorted(identifiers):
        query = (
            select(link.c.client)
            .join(identifier, (identifier.c.source == link.c.source) & (identifier.c.external_id == link.c.external_id))
            .where(identifier.c.system == system, identifier.c.value == value)
            .where(link.c.decision == "auto", link.c.undone_at.is_(None))
        )
        for client_id in c.execute(query).scalars():
            found.setdefault(client_id, set()).add(system)
    return found


def identifiers_of(c: Connection, client_id: str) -> list[set[tuple[str, str]]]:
    """The person-scope identifiers of each source person of a client."""
    query = (
        select(identifier.c.source, identifier.c.external_id, identifier.c.system, identifier.c.value)
        .join(link, (identifier.c.source == link.c.source) & (identifier.c.external_id == link.c.external_id))
        .where(link.c.client == client_id, link.c.decision == "auto", link.c.undone_at.is_(None))
    )
    found: dict[PersonKey, set[tuple[str, str]]] = {}
    for row in c.execute(query):
        found.setdefault(PersonKey(row.source, row.external_id), set()).add((row.system, row.value))
    return list(found.values())


def client_of(c: Connection, person: PersonKey) -> str | None:
    """The client a source person is linked to; a link under review counts for nothing."""
    query = select(link.c.client).where(
        link.c.source == person.source, link.c.external_id == person.external_id, link.c.decision == "auto",
        link.c.undone_at.is_(None))  # fmt: skip
    return c.execute(query).scalar()


def persons_of(c: Connection, client_id: str, source: str = "") -> list[PersonKey]:
    """The source persons of a client, first linked first."""
    query = select(link.c.source, link.c.external_id).where(
        link.c.client == client_id, link.c.decision == "auto", link.c.undone_at.is_(None))  # fmt: skip
    if source:
        query = query.where(link.c.source == source)
    return [PersonKey(row.source, row.external_id) for row in c.execute(query.order_by(link.c.id))]


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
    mine = (link.c.source == person.source, link.c.external_id == person.external_id, link.c.undone_at.is_(None))
    c.execute(update(link).where(*mine).values(undone_at=now))


def new_client(c: Connection, now: str) -> str:
    """A client nobody is linked to yet."""
    id_ = new_id()
    c.execute(insert(client).values(id=id_, created_at=now))
    return id_


def add_link(
    c: Connection, now: str, client_id: str, person: PersonKey, decision: str, evidence: dict[str, object]
) -> None:
    """Link a source person to a client; evidence names systems, never values."""
    c.execute(insert(link).values(
        id=new_id(), client=client_id, source=person.source, external_id=person.external_id, decision=decision,
        evidence=json.dumps(evidence, sort_keys=True), decided_at=now))  # fmt: skip
