"""``casebridge store rekey``: every row goes over to the key that closes now, while the gateway works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from casebridge.adapter import Searched
from casebridge.engine import laying
from casebridge.engine.linking import person_identifiers
from casebridge.engine.site import Site
from casebridge.store import ledger, links, records, rekey, shelves
from casebridge.store.database import Connection
from casebridge.store.links import PersonKey


@dataclass(frozen=True, slots=True)
class Moved:
    """How many documents and source persons went over, the keys that rows still lie under, and the partners whose
    shelves had to stay: what they are searched by is made by the partner's format, and there is none."""

    documents: int
    persons: int
    left: tuple[str, ...]
    passed_over: tuple[str, ...] = ()


def rekey_all(site: Site, tell: Callable[[int, int], None] = lambda done, of: None) -> Moved:
    """Close all documents with the first key and blind all identifiers with it, too.

    What the other keys made of identifiers stays until those keys are taken away: until then both are looked up.
    """
    with site.store.read() as c:
        of = rekey.to_do(c, site.store.box.keys[0])
    moved = 0
    for some in rekey.documents(site.store):
        moved += some
        tell(moved, max(of, moved))
    persons = _persons(site)
    passed_over = _shelves(site)
    left = tuple(id_ for id_, some in rekey.still_under(site.store).items() if some)
    with site.store.write() as c:
        facts = {"documents": moved, "key": site.store.box.keys[0], "persons": persons}
        ledger.note(c, site.now(), "rekeyed", facts=facts)
    return Moved(moved, persons, left, passed_over)


def _persons(site: Site) -> int:
    """Blind the identifiers of each person who has some made with other keys, from the record."""
    count, after = 0, None
    while True:
        with site.store.write(one_worker=True) as c:  # nobody corrects a person meanwhile
            some = rekey.bearers(c, site.store.box.keys[0], after)
            for person in some:
                _blind(c, person)
        if not some:
            return count
        count, after = count + len(some), some[-1]


def _shelves(site: Site) -> tuple[str, ...]:
    """What partners' resources are searched by, from the resources; the partners of whom nobody can tell."""
    after: rekey.Place | None = None
    passed_over: set[str] = set()
    while True:
        with site.store.write(one_worker=True) as c:
            some = rekey.shelved(c, site.store.box.keys[0], after)
            for partner, type_, id_ in some:
                by = site.partners.get(partner)
                if by is None or not isinstance(by.format, Searched):
                    passed_over.add(partner)
                    continue
                rekey.lock_resource(c, partner, type_, id_)
                there = shelves.get(c, partner, type_, id_)
                shelves.find_by(c, partner, type_, id_, laying.keys_of(by, there.document if there else None))
        if not some:
            return tuple(sorted(passed_over))
        after = some[-1]


def _blind(c: Connection, person: PersonKey) -> None:
    found = records.find(c, person.source, "person", person.external_id)
    links.set_identifiers(c, person, person_identifiers(c, found.document) if found else set())
