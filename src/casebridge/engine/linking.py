"""Which client a source person is: by shared person-scope identifiers (case model, section 5).

A conflict on any identifier is a veto. Doubt makes a link under review, and through that nothing flows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebridge.core.ssn import usable_ssn
from casebridge.store import links
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

    A source that now says what contradicts its own link undoes it: a veto counts at any time.
    """
    links.set_identifiers(c, key, identifiers)
    linked = links.client_of(c, key)
    if linked is not None and not _contradicted(c, linked, identifiers):
        return linked
    links.undo(c, now, key)
    found = links.sharing(c, identifiers)
    known = known_client(c, identifiers)
    client = known or links.new_client(c, now)
    evidence: dict[str, object] = {"systems": sorted(found.get(client, ()))}
    links.add_link(c, now, client, key, "auto", evidence)
    if known is None:
        for other, systems in sorted(found.items()):
            links.add_link(c, now, other, key, "review", {"systems": sorted(systems)})
    return client


def _contradicted(c: Connection, client: str, identifiers: Identifiers) -> bool:
    return any(_conflict(of_one, identifiers) for of_one in links.identifiers_of(c, client))


def _conflict(theirs: Identifiers, ours: Identifiers) -> bool:
    values: dict[tuple[str, str], set[str]] = {}  # what different keys made of a value cannot be compared
    for system, value in theirs:
        values.setdefault((system, key_of(value)), set()).add(value)
    known = ((values.get((system, key_of(value))), value) for system, value in ours)
    return any(there is not None and value not in there for there, value in known)
