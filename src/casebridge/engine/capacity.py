"""Whether an agency has room, as its programs say (SDOHCC 3.0.0, Capacity Status), and how old that is.

A program is a recipient's own when the recipient asserted it, or when one that is ``known_as`` the recipient's is. What
nobody has said for a while says nothing: it is shown with its day, and never keeps a referral from anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from casebridge.engine.site import Partner, Site
from casebridge.store import records
from casebridge.store.database import Connection
from casebridge.store.records import StoredRecord

FULL = ("no-capacity", "waitlist")
WORDS = {
    "no-capacity": "No room", "waitlist": "No room, has a waiting list", "capacity": "Has room",
    "additional-assessment-required": "Has room after a further assessment",
}  # fmt: skip
GOOD_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a program says of its room: SDOHCC's code, words and note, since when; ``stale``: too old to count."""

    program: str
    code: str
    words: str
    note: str
    as_of: str
    stale: bool
    domains: tuple[str, ...]

    @property
    def full(self) -> bool:
        """Is there surely no room?"""
        return self.code in FULL and not self.stale


def of(c: Connection, site: Site, name: str) -> Sequence[Capacity]:
    """What the programs of a partner say of their room; nothing of one that says nothing."""
    partner = site.partners.get(name)
    found = _programs(c, site, partner) if partner is not None else ()
    return [_capacity(site, program) for program in found if program.document.get("capacity") in WORDS]


def is_full(c: Connection, site: Site, name: str, domain: str | None) -> bool:
    """Do all programs of a partner that could take a need of this domain say that they have no room?"""
    said = [one for one in of(c, site, name) if not one.domains or domain in one.domains]
    return bool(said) and all(one.full for one in said)


def _programs(c: Connection, site: Site, partner: Partner) -> Iterator[StoredRecord]:
    yield from records.of_kind(c, partner.name, "program")
    for source in site.partners:
        for known in partner.known_as if source != partner.name else ():
            program = records.find(c, source, "program", known)
            if program is not None:
                yield program


def _capacity(site: Site, program: StoredRecord) -> Capacity:
    document = program.document
    code, note, name = document["capacity"], document.get("capacity_note"), document.get("name")
    as_of = document["as_of"] if isinstance(document.get("as_of"), str) else program.recorded_at
    domains = document.get("domains")
    return Capacity(
        program=name if isinstance(name, str) else "", code=code, words=WORDS[code],
        note=note if isinstance(note, str) else "", as_of=as_of, stale=_is_stale(site, as_of),
        domains=tuple(domains) if isinstance(domains, list) else ())  # fmt: skip


def _is_stale(site: Site, as_of: str) -> bool:
    """What is no full moment may be of any time."""
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        return True
    moment = moment if moment.tzinfo else moment.replace(tzinfo=site.timezone)
    return site.clock() - moment > GOOD_FOR
