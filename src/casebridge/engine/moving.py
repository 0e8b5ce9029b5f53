"""A partner says something about a referral: which referral it means, and what becomes of what it said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from casebridge.core.ids import new_id
from casebridge.core.moments import earlier
from casebridge.core.referral import ReferralEvent, ReferralState, Side, fold, judge
from casebridge.core.transitions import LATEST_ONLY, RESULT_ONLY, STANDARD, Transitions
from casebridge.engine.site import MAY_REFER, Partner, Site
from casebridge.store import ledger, links, records, referrals
from casebridge.store.database import Connection, iso
from casebridge.store.ledger import Message
from casebridge.store.links import PersonKey
from casebridge.store.records import StoredRecord
from casebridge.store.referrals import StoredReferral

BEGINS = ("draft", "requested")
"""States in which an unknown referral becomes one of ours; one already under way elsewhere stays an assertion."""

BRIDGE = "CaseBridge"
"""Who speaks where a referral moves because others that it was made into have moved."""
OWN_WORDS = frozenset({"status", "detail", "reason", "outcome", "outputs", "at", "correlation", "external_id"})
"""What a record says of how the referral goes, not of what is asked for."""

TAKEN = "taken"
"""The detail of an offer that another agency was faster to accept."""

A_CLOCK_AHEAD = timedelta(days=1)
"""What a partner's clock and zone may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The referral meant, and the change others must hear of ("" when nothing changed)."""

    referral: str
    name: str = ""
    side: str = ""


def hear(
    c: Connection, site: Site, partner: Partner, message: Message, before: StoredRecord | None, said: StoredRecord
) -> Moved | None:  # fmt: skip
    """Take down what ``partner`` asserts about a referral (``before``: what it asserted until now); None when it is no
    referral of the bridge."""
    meant = _meant(c, partner, said)
    is_new = meant is None
    if meant is None:
        begins = partner.role in MAY_REFER and said.document.get("status") in BEGINS
        if not begins or _passed_on_by_us(site, said):
            return None
        meant = _begin(c, site, partner, said)
    side: Side = "source" if partner.name == meant.source else "none"
    side = "target" if partner.name == meant.recipient else side
    if side != "none":
        _keep_original(c, site, partner, message, meant)
    may_edit = side == "source" and "again" not in message.about  # a replay says itself who is told anew
    edited = may_edit and before is not None and _edited(c, site, message, meant, before, said)
    unmoved = Moved(meant.id, "referral-edited" if edited else "", side)
    if not isinstance(said.document.get("status"), str):
        return unmoved
    verdict = record_event(c, site, meant, partner.name, side, message.id, said.document, table_of(partner))
    if verdict == "conflict" and side == "target" and meant.detail == TAKEN and _first_time(c, meant, partner):
        return Moved(meant.id, "referral-taken", side)
    if verdict != "apply":
        return unmoved
    return Moved(meant.id, "referral-new" if is_new else "referral-moved", side)


def _passed_on_by_us(site: Site, said: StoredRecord) -> bool:
    """A referral that we made of a partner's, and that these books do not know (a backup was restored): it says whose
    it is a part of (``copies.for_recipient``). It is not the one's who holds it, and must not go round in a circle."""
    part_of = (said.document.get("parent") or {}).get("external_id")
    return isinstance(part_of, str) and "/" in part_of and part_of.partition("/")[0] in site.partners


def _edited(
    c: Connection, site: Site, message: Message, referral: StoredReferral, before: StoredRecord, said: StoredRecord
) -> bool:  # fmt: skip
    """Does the source ask for something else than before? Which fields changed is put on the books, not what they say.

    Where it means another person now (two files of one patient were merged), the referral is that person's.
    """
    names = (before.document.keys() | said.document.keys()) - OWN_WORDS
    changed = sorted(name for name in names if before.document.get(name) != said.document.get(name))
    if not changed:
        return False
    if said.subject and said.subject != referral.subject:
        client = links.client_of(c, PersonKey(said.source, said.subject))
        for one in (referral, *referrals.children(c, referral.id)):
            referrals.change(c, one.id, site.now(), subject=said.subject, client=client)
    ledger.note(c, site.now(), "referral-edited", partner=said.source, stop="apply", message=message.id,
                correlation=referral.id, facts={"fields": changed})  # fmt: skip
    return True


def _first_time(c: Connection, referral: StoredReferral, partner: Partner) -> bool:
    """It has said just now, and not before, that it takes what another one has."""
    last = referrals.events(c, referral.id)[-1]
    said = [e.state for e in referrals.events(c, referral.id) if e.partner == partner.name and e.verdict == "conflict"]
    return said.count(last.state) == 1


def original_of(partner: Partner, message: Message, kind: str) -> dict[str, Any] | None:
    """The record as it came, if it is of the type we write back; an answer on a form is not what we sent."""
    maps = partner.maps.writing(kind)
    same = not maps or any(map_.other == message.kind for map_ in maps)
    return dict(message.document["native"]) if same else None


def is_seen_again(c: Connection, partner: Partner, message: Message, kind: str, our_id: str) -> bool:
    """On a replay: the original we hold is what this message brought, or newer."""
    return "again" in message.about and records.remote_of(c, partner.name, kind, our_id) is not None


def state_of(c: Connection, site: Site, referral: StoredReferral) -> ReferralState:
    """The fold of the events on the books."""
    tables = {name: table_of(partner) for name, partner in site.partners.items()}
    return fold((_event(e) for e in referrals.events(c, referral.id)), tables)


def table_of(partner: Partner) -> Transitions:
    """The moves a partner can make: HMIS tells only how it ended, and of what is polled only the last step is seen."""
    if partner.role == "hmis_lead":
        return RESULT_ONLY
    return LATEST_ONLY if getattr(partner.link, "latest_only", False) else STANDARD


def record_event(
    c: Connection, site: Site, referral: StoredReferral, partner: str, side: Side, message: str | None,
    said: dict[str, Any], table: Transitions = STANDARD,
) -> str:  # fmt: skip
    """Append the event with its verdict; an event that may not move the referral is kept as ``conflict``.

    ``partner`` speaks, with the moves of its ``table``.
    """
    state, now = state_of(c, site, referral), site.now()
    event = ReferralEvent(
        referral=referral.id, partner=partner, side=side,
        sequence=len(state.history) + 1, at=_when(site, said), state=said["status"],
        detail=_text(said.get("detail")), reason=_text(said.get("reason")), outputs=tuple(said.get("outputs") or ()),
        recorded_at=now)  # fmt: skip
    verdict = judge(state, event, table)
    effect, why = verdict.effect, verdict.why
    if effect == "repeat":
        return effect
    referrals.add_event(
        c, now, referral=referral.id, partner=partner, side=side, state=event.state,
        at=event.at or now, verdict=effect, why=why, message=message,
        document={k: said[k] for k in ("detail", "reason", "outcome", "outputs") if said.get(k)})  # fmt: skip
    if effect == "apply":
        folded = state_of(c, site, referral)
        referrals.change(c, referral.id, now, status=folded.status, detail=folded.detail)
    ledger.note(c, now, "referral-moved" if effect == "apply" else "conflict", partner=partner, stop="apply",
                message=message, correlation=referral.id, state=event.state, facts={"why": why})  # fmt: skip
    return effect


def _meant(c: Connection, partner: Partner, said: StoredRecord) -> StoredReferral | None:
    known = referrals.by_source(c, partner.name, said.external_id)
    if known is None and (remote := records.remote_by_theirs(c, partner.name, "referral", said.external_id)):
        known = referrals.get(c, remote.our_id)
    for ours in (_text(said.document.get("correlation")), said.external_id):
        known = known or _under_our_id(c, partner, ours)
    return known


def _under_our_id(c: Connection, partner: Partner, ours: str | None) -> StoredReferral | None:
    """The referral a partner names by our id. Its source knows it by its own: there it is a copy, a new referral."""
    found = referrals.get(c, ours) if ours else None
    return None if found is not None and found.source == partner.name else found


def _begin(c: Connection, site: Site, partner: Partner, said: StoredRecord) -> StoredReferral:
    id_ = new_id()
    client = links.client_of(c, PersonKey(partner.name, said.subject)) if said.subject else None
    document = said.document
    above = referrals.by_source(c, partner.name, (document.get("parent") or {}).get("external_id", ""))
    referrals.add(
        c, site.now(), id=id_, client=client, source=partner.name, external_id=said.external_id,
        subject=said.subject or None, parent=above.id if above else None, domain=_text(document.get("domain")),
        category=document.get("category"),
        status="draft", detail=None)  # fmt: skip
    ledger.nothing_unsent(c, id_)
    referrals.no_children(c, id_)
    records.nothing_remote(c, partner.name, "referral", id_)
    begun = referrals.get(c, id_)
    assert begun is not None  # noqa: S101  (just written)
    return begun


def _keep_original(c: Connection, site: Site, partner: Partner, message: Message, referral: StoredReferral) -> None:
    if is_seen_again(c, partner, message, "referral", referral.id):
        return
    records.keep_remote(
        c, site.now(), partner=partner.name, kind="referral", our_id=referral.id, their_id=message.external_id,
        version=str(message.about.get("version", "")), original=original_of(partner, message, "referral"),
        written=False)  # fmt: skip


def _event(stored: referrals.StoredEvent) -> ReferralEvent:
    document = stored.document
    return ReferralEvent(
        referral=stored.referral, partner=stored.partner, side=stored.side,  # type: ignore[arg-type]
        sequence=stored.sequence, at=stored.at, state=stored.state, detail=_text(document.get("detail")),
        reason=_text(document.get("reason")), outputs=tuple(document.get("outputs") or ()),
        recorded_at=stored.recorded_at)  # fmt: skip


def _when(site: Site, said: dict[str, Any]) -> str | None:
    """When the partner says it happened. One yet to come is a wrong clock, and would make all that follows late."""
    at = _text(said.get("at"))
    return None if at and earlier(iso(site.clock() + A_CLOCK_AHEAD), at) else at


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
