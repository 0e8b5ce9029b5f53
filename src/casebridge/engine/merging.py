"""Records that their own source has merged: one person, one client, for as long as the source says so.

The source's word about its own records stands above a veto by identifiers (each record has a number of its own there),
and moves all who are linked to the record with it. Taken back, all of it is undone, and each is linked by its own
identifiers again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebridge.store import links, records, referrals
from casebridge.store.database import Connection
from casebridge.store.links import PersonKey

ROLES = ("replaced-by", "replaces")  # http://hl7.org/fhir/link-type
MERGED = "merged"  # in a link's evidence: the record that was merged, and brought the person along


def said_same(source: str, person: Mapping[str, Any]) -> list[PersonKey]:
    """The other records of this person that its source names; the one that it was replaced by comes first."""
    found = []
    for relation in person.get("relations") or ():
        other = relation.get("person") or {}
        if relation.get("role") in ROLES and other.get("kind") == "person" and other.get("external_id"):
            found.append((ROLES.index(relation["role"]), PersonKey(source, other["external_id"])))
    return [key for _, key in sorted(found, key=lambda each: (each[0], each[1].external_id))]


def group(c: Connection, key: PersonKey) -> list[PersonKey]:
    """The records that are the same person as this one by what it says, or what they say of it."""
    mine = [other for other in _said(c, key) if other != key]
    client = links.client_of(c, key)
    beside = links.persons_of(c, client, key.source) if client else []
    return mine + [other for other in beside if other not in (key, *mine) and key in _said(c, other)]


def join(c: Connection, now: str, key: PersonKey, others: list[PersonKey]) -> str:
    """Hold this person, who has a client, and the others as one: where the record is that replaced them, if it is
    known, else where this one is. Who moves takes along all who are linked to them."""
    replaced_by = [other for other in others if _role(c, key, other) == ROLES[0]][:1]
    order = [*replaced_by, key, *(other for other in others if other not in replaced_by)]
    home = next(client for each in order if (client := links.client_of(c, each)))
    for merged in order:
        client = links.client_of(c, merged)
        if client != home:
            for person in links.persons_of(c, client) if client else [merged]:
                _move(c, now, person, home, merged)
    return home


def parted(c: Connection, now: str, client: str, source: str) -> list[PersonKey]:
    """Undo what was merged into a client and is no more; the persons who are to be linked anew, merged ones first."""
    marks = {p: mark for p in links.persons_of(c, client) if (mark := links.evidence_of(c, p).get(MERGED))}
    merged = [p for p in marks if p.source == source and marks[p] == p.external_id and not group(c, p)]
    gone = [p for m in merged for p in (m, *(p for p in marks if marks[p] == m.external_id and p != m))]
    for person in gone:
        links.undo(c, now, person)
    return gone


def _move(c: Connection, now: str, person: PersonKey, home: str, merged: PersonKey) -> None:
    links.undo(c, now, person)
    links.add_link(c, now, home, person, "auto", {MERGED: merged.external_id})
    referrals.follow_person(c, person.source, person.external_id, home)


def _said(c: Connection, key: PersonKey) -> list[PersonKey]:
    known = records.find(c, key.source, "person", key.external_id)
    return said_same(key.source, known.document) if known else []


def _role(c: Connection, key: PersonKey, other: PersonKey) -> str:
    known = records.find(c, key.source, "person", key.external_id)
    found = [r["role"] for r in (known.document.get("relations") or () if known else ())
             if (r.get("person") or {}).get("external_id") == other.external_id]  # fmt: skip
    return next((role for role in ROLES if role in found), "")
