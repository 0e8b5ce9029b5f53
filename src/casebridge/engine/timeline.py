"""A referral's page: the parties, its events, and each of its messages at the five stops. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.core.words import words
from casebridge.engine.family import Family, family
from casebridge.engine.site import Site
from casebridge.engine.views import (
    DisclosureRow,
    HeldRow,
    ReferralRow,
    client_of,
    desk_document,
    desk_event,
    disclosure_row,
    held_row,
    referral_row,
    title,
)
from casebridge.store import disclosures, ledger, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.referrals import StoredReferral

STOPS = {"in": ("accept", "understand", "apply"), "out": ("prepare", "deliver")}
_REACHED = {"accept": "accepted", "understand": "understood", "apply": "applied", "prepare": "prepared",
            "deliver": "delivered"}  # fmt: skip

ASKED = "Asked for"
"""What the sender did; whether it has been sent on is the state's to say."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of a message: ``state`` is done, waiting, held, skipped, dropped, shown or ahead."""

    name: str
    state: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class Journey:
    """One message of a referral: its stops, where it came from, what was decided and what found no room."""

    message: HeldRow
    partner: str
    stops: tuple[Stop, ...]
    due_at: str
    attempt: int
    map_name: str
    map_digest: str
    decision: DisclosureRow | None
    no_room: tuple[str, ...]
    why_no_room: str
    perhaps_twice: bool = False
    """It was sent again, and nobody can tell whether it had arrived before."""

    @property
    def nothing_sent(self) -> bool:
        """The partner was only to be told also, and takes nothing of this kind: ``why_no_room`` says it exactly."""
        return self.message.direction == "out" and self.message.state == "skipped"


@dataclass(frozen=True, slots=True)
class Party:
    """A partner's part in a referral and who to call there."""

    part: str
    title: str
    call: str


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said about the referral; ``verdict`` is apply or conflict, ``why`` why it may not be."""

    at: str
    partner: str
    words: str
    text: str
    verdict: str
    why: str
    icon: str


@dataclass(frozen=True, slots=True)
class ReferralPage:
    """All of one referral. ``asked`` is the source's request as the desk may see it."""

    row: ReferralRow
    client: str | None
    parties: tuple[Party, ...]
    asked: Mapping[str, Any]
    said: tuple[Said, ...]
    journeys: tuple[Journey, ...]
    coverage_ended: tuple[str, ...]
    family: Family

    @property
    def conflicts(self) -> tuple[Said, ...]:
        """What was said and may not be."""
        return tuple(s for s in self.said if s.verdict == "conflict")


def referral_page(site: Site, id_: str) -> ReferralPage | None:
    """Everything the console shows about a referral; None when there is none of this id."""
    with site.store.read() as c:
        referral = referrals.get(c, id_)
        if referral is None:
            return None
        messages, asked = ledger.listed(c, correlation=id_), desk_document(c, site, referral)
        events = ledger.events(c, correlation=id_)
        return ReferralPage(
            row=referral_row(c, site, referral), client=client_of(c, referral),
            parties=tuple(_parties(site, referral, messages)), asked=asked,
            said=tuple(_said(c, site, referral)), journeys=tuple(_journey(c, site, m) for m in messages),
            coverage_ended=tuple(e["at"] for e in events if e["name"] == "coverage-ended"),
            family=family(c, site, referral, asked))  # fmt: skip


def _parties(site: Site, referral: StoredReferral, messages: Iterable[Message]) -> Iterable[Party]:
    told = dict.fromkeys(m.partner for m in messages if m.direction == "out" and m.state == "done")
    parts = {referral.source: "Sent by", referral.recipient or "": "Sent to"}  # of a parent its children say to whom
    for name in (*parts, *(n for n in told if n not in parts)):
        partner = site.partners.get(name)
        if partner is not None:
            yield Party(parts.get(name, "Also told"), partner.title or name, partner.contact)


def _said(c: Connection, site: Site, referral: StoredReferral) -> Iterable[Said]:
    for event in referrals.events(c, referral.id):
        state = words(event.state)
        yield Said(
            at=event.at, partner=title(site, event.partner), icon=state.icon,
            words=ASKED if event.state == "requested" else state.text,
            text=desk_event(c, site, referral, event.partner, event.document), verdict=event.verdict,
            why=event.why or "")  # fmt: skip


def _journey(c: Connection, site: Site, message: Message) -> Journey:
    events = ledger.events(c, message=message.id)
    parent = ledger.get(c, message.parent) if message.parent else None
    reached = {e["name"]: e["at"] for e in events}
    if parent is not None:  # a record's first stop is its payload's
        reached |= {"accepted": parent.created_at, "understood": message.created_at}
    no_room = [e["facts"] for e in events if e["name"] == "no-room"]
    decided = disclosures.listed(c, message=message.id)
    return Journey(
        message=held_row(c, site, message), partner=message.partner, stops=tuple(_stops(message, reached)),
        due_at=message.due_at,
        attempt=message.attempt, map_name=message.map_name, map_digest=message.map_digest,
        decision=disclosure_row(site, decided[-1]) if decided else None,
        no_room=tuple(p for facts in no_room for p in facts.get("paths", ())),
        why_no_room=next((facts["why"] for facts in no_room if "why" in facts), message.reason),
        perhaps_twice="sent-again" in reached)  # fmt: skip


def _stops(message: Message, reached: Mapping[str, str]) -> Iterable[Stop]:
    names = STOPS[message.direction]
    here = names.index(message.stop) if message.stop in names else 0
    for number, name in enumerate(names):
        at = reached.get(_REACHED[name], "")
        if number == here:
            yield Stop(name, message.state, at if message.state == "done" else "")
        else:
            yield Stop(name, "done" if number < here else "ahead", at if number < here else "")
