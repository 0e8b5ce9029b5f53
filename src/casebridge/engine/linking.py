"""Which client a source person is: by shared person-scope identifiers (case model, section 5).

A conflict on any identifier is a veto. Doubt makes a link under review, and through that nothing flows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from casebridge.core.ssn import usable_ssn
from casebridge.engine import merging
from casebridge.store import links, referrals
from casebridge.store.database import Connection
from casebridge.store.links import Identifiers, PersonKey
from casebridge.store.sealed import key_of

SSN = "http://hl7.org/fhir/sid/us-ssn"


def person_identifiers(c: Connection, person: Mapping[str, Any]) -> Identifiers:
    """Every identifier of person scope that is really there and can be one person's."""
    return {
        (i["system"], blind)
        for i in person.get("identifiers") or ()
        if i.get("scope") == "person" and i.get("system") and isinstance(i.get("value"), str)
        and _is_somebodys(i["system"], i["value"])
        for blind in c.box.blinds(i["system"], i["value"])
    }  # fmt: skip


def _is_somebodys(system: str, value: str) -> bool:
    """Is it more than what people write when there is none: UNKNOWN, N/A, 0, 99999999, a number from an advert?"""
    told = [c for c in value.casefold() if c.isalnum()]
    filler = not any(c.isdigit() and c != "0" for c in told) or (len(told) > 3 and len(set(told)) == 1)
    return not filler and (system != SSN or bool(usable_ssn(value)))


def known_client(c: Connection, identifiers: Identifiers) -> str | None:
    """The one client these identifiers name without contradicting any of its persons, or None."""
    found = links.sharing(c, identifiers)
    if len(found) != 1:
        return None
    client = next(iter(found))
    return None if _contradicted(c, client, identifiers) else client


def link_person(c: Connection, now: str, key: PersonKey, identifiers: Identifiers) -> str:
    """The person's client: the one already linked, the one the identifiers name, or a new one.

    A source that now says what contradicts its own link undoes it: a veto counts at any time. What it says of records
    of its own that it merged, or parted again, goes before.
    """
    links.set_identifiers(c, key, identifiers)
    linked = links.client_of(c, key)
    if same := merging.group(c, key):
        if linked is None:
            linked = _by_identifiers(c, now, key, identifiers)
        linked = merging.join(c, now, key, same)
    if linked is not None:
        for person in merging.parted(c, now, linked, key.source):
            linked_anew(c, now, person)
    if same:
        return links.client_of(c, key) or linked_anew(c, now, key)
    linked = links.client_of(c, key)
    if linked and not (_contradicted(c, linked, identifiers, key) or _named(c, linked, key, identifiers)):
        return linked
    links.undo(c, now, key)
    return _by_identifiers(c, now, key, identifiers)


def _named(c: Connection, linked: str, key: PersonKey, identifiers: Identifiers) -> bool:
    """Has somebody who was nobody's client yet been identified since? Nobody else is moved along."""
    if links.persons_of(c, linked) != [key]:
        return False
    others = links.sharing(c, identifiers).keys() - {linked}
    return len(others) == 1 and not any(_contradicted(c, client, identifiers) for client in others)


def linked_anew(c: Connection, now: str, key: PersonKey) -> str:
    """The client of a person whose link was undone because somebody else was parted from theirs."""
    client = link_person(c, now, key, links.stored_identifiers(c, key))
    referrals.follow_person(c, key.source, key.external_id, client)
    return client


def _by_identifiers(c: Connection, now: str, key: PersonKey, identifiers: Identifiers) -> str:
    found = links.sharing(c, identifiers)
    known = known_client(c, identifiers)
    client = known or links.new_client(c, now)
    evidence: dict[str, object] = {"systems": sorted(found.get(client, ()))}
    links.add_link(c, now, client, key, "auto", evidence)
    if known is None:
        for other, systems in sorted(found.items()):
            links.add_link(c, now, other, key, "review", {"systems": sorted(systems)})
    return client


def _contradicted(c: Connection, client: str, identifiers: Identifiers, person: PersonKey | None = None) -> bool:
    """Does a source of the client know other numbers? ``person``: who is asked about, and does not count.

    Two numbers that one source of the client gives to the same person, as after a merge, are no contradiction.
    """
    said: dict[str, Identifiers] = {}
    for other in links.persons_of(c, client):
        if other != person:
            said.setdefault(other.source, set()).update(links.stored_identifiers(c, other))
    return any(_conflict(theirs, identifiers, said.values()) for theirs in said.values())


def _conflict(theirs: Identifiers, ours: Identifiers, vouching: Collection[Identifiers]) -> bool:
    values: dict[tuple[str, str], set[str]] = {}  # what different keys made of a value cannot be compared
    for system, value in theirs:
        values.setdefault((system, key_of(value)), set()).add(value)
    for system, value in ours:
        there = values.get((system, key_of(value)), {value})
        either = {(system, other) for other in there}
        if value not in there and not any((system, value) in both and both & either for both in vouching):
            return True
    return False
