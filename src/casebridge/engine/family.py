"""What stands around a referral on its page: what was made of it, what it was made of, what it might be a second of,
whether those who were asked have room, and which programs the client is in. Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casebridge.core.words import detail_words, way_words, words
from casebridge.engine import capacity, views
from casebridge.engine.capacity import Capacity
from casebridge.engine.likeness import alike
from casebridge.engine.site import Site
from casebridge.store import ledger, links, records, referrals
from casebridge.store.database import Connection
from casebridge.store.referrals import StoredReferral

SORTS = {"part": "A part at", "offer": "Offered to", "try": "Asked"}
MOST = 20
ENROLLED = ("enrolled", "waitlisted", "applied", "pending", "eligible")


@dataclass(frozen=True, slots=True)
class Relative:
    """Another referral of the family: what it is to this one, at whom it is, how it stands, whom to call."""

    referral: str
    part: str
    sent_to: str
    words: str
    icon: str
    since: str
    call: str


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A program that the client is in, or waits for, as somebody stated it on a day."""

    program: str
    words: str
    as_of: str
    said_by: str


@dataclass(frozen=True, slots=True)
class Family:
    """``parent`` is an id; ``same`` are open referrals that may mean the same need; ``rooms`` is by recipient's title;
    ``edits`` are (when, what) the source changed; ``passed_over`` are those who were not asked: they are full."""

    parent: str
    made: tuple[Relative, ...]
    same: tuple[Relative, ...]
    rooms: tuple[tuple[str, Capacity], ...]
    programs: tuple[Enrollment, ...]
    edits: tuple[tuple[str, str], ...]
    passed_over: tuple[str, ...]
    asked_by: str


def family(c: Connection, site: Site, referral: StoredReferral, asked: Mapping[str, Any]) -> Family:
    """All of it. ``asked`` is the source's request as the desk may see it."""
    made = referrals.children(c, referral.id)
    recipients = dict.fromkeys(r.recipient for r in (referral, *made) if r.recipient)
    events = ledger.events(c, correlation=referral.id)
    return Family(
        parent=referral.parent or "" if referral.sort else "",
        made=tuple(_relative(c, site, one, SORTS.get(one.sort or "", "")) for one in made),
        same=tuple(_relative(c, site, one, "Possibly the same") for one in alike(c, site, referral)),
        rooms=tuple((views.title(site, name), room) for name in recipients for room in capacity.of(c, site, name)),
        programs=tuple(_programs(c, site, referral)),
        edits=tuple((e["at"], _fields(e["facts"])) for e in events if e["name"] == "referral-edited"),
        passed_over=tuple(views.title(site, e["partner"]) for e in events if e["name"] == "passed-over"),
        asked_by=asked_by(asked, referral))  # fmt: skip


def asked_by(asked: Mapping[str, Any], referral: StoredReferral) -> str:
    """Whether the client asked themselves, or somebody close to them (SDOHCC 3.0.0, Self-Referral)."""
    requester = asked.get("requester")
    if not isinstance(requester, Mapping) or requester.get("kind") != "person":
        return ""
    return "The client" if requester.get("external_id") == referral.subject else "Somebody close to the client"


def _relative(c: Connection, site: Site, referral: StoredReferral, part: str) -> Relative:
    stands = referrals.standing(c, referral.id)
    state = words(stands) if stands == referral.status else way_words(stands)  # while the recipient does not have it
    detail = views.desk_detail(c, site, referral)
    partner = site.partners.get(referral.recipient or "")
    said = f"{state.text}. {detail_words(detail).text}" if detail else state.text
    return Relative(
        referral=referral.id, part=part, sent_to=views.title(site, referral.recipient), words=said,
        icon=state.icon, since=referral.updated_at, call=partner.contact if partner else "")  # fmt: skip


def _programs(c: Connection, site: Site, referral: StoredReferral) -> Sequence[Enrollment]:
    found = []
    for person in links.persons_of(c, referral.client) if referral.client else ():
        for record in records.about(c, person.source, person.external_id, "participation"):
            if record.document.get("participation_kind") == "program" and record.status in ENROLLED:
                seen = views.desk_record(c, site, "participation", record.document, person.source, referral.client)
                if isinstance(seen.get("status"), str):
                    found.append(_enrollment(c, site, person.source, record.document, seen, record.recorded_at))
    return found[:MOST]


def _enrollment(
    c: Connection, site: Site, source: str, document: Mapping[str, Any], seen: Mapping[str, Any], recorded: str
) -> Enrollment:  # fmt: skip
    ref, code, as_of = document.get("program") or {}, document.get("program_code") or {}, document.get("as_of")
    program = records.find(c, source, "program", str(ref.get("external_id")))
    name = program.document.get("name") if program else code.get("display") or code.get("code")
    return Enrollment(
        program=name if isinstance(name, str) else "A program", words=str(seen["status"]).replace("-", " "),
        as_of=as_of if isinstance(as_of, str) else recorded, said_by=views.title(site, source))  # fmt: skip


def _fields(facts: Mapping[str, Any]) -> str:
    return ", ".join(str(name).replace("_", " ") for name in facts.get("fields", ()))
