"""Read models for the console and the command line: what is asked of the books, answered in plain words.

Nothing here decides or changes anything. What a record says about a person is shown as the rules let the site's own
workforce see it, and through one place (``_at_the_desk``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from casebridge.core.moments import local
from casebridge.core.words import detail_words, way_words, words
from casebridge.engine import deadlines
from casebridge.engine.release import Outgoing, at_the_desk
from casebridge.engine.site import Site
from casebridge.store import disclosures, dispatches, ledger, links, payloads, records, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.links import PersonKey
from casebridge.store.referrals import StoredReferral

ACTORS = ("it", "partner", "worker", "privacy", "developer")
"""Who can be asked to act on something that is held."""
NOT_SHOWN = "(not shown)"
COVERAGE_ENDED = "coverage-ended"
"""The event that says it, on each open referral of the client."""
_CODE = re.compile(r" \((CB-\d{3})\)$")
DAY = len("2026-11-23")
LOOKED_AT = 200
"""So many held messages are looked through for those that are alike."""


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """One referral in a list; ``since`` is when it last changed (ISO 8601, UTC).

    ``way`` says what holds it back while its recipient does not have it: held, waiting, shown, or empty. Of an open
    one ``pressing`` is ``soon`` within a day of ``needed_by`` and ``past`` after it, and ``coverage_ended`` is when we
    heard that the client's coverage ended; else both are empty. ``leaves`` is when one that waits for its recipient's
    next dispatch leaves: a time, ``9999`` when somebody must let it, or empty. ``recipient`` is the partner's name.
    """

    referral: str
    client: str
    service: str
    sent_by: str
    sent_to: str
    status: str
    detail: str
    way: str
    words: str
    since: str
    call: str
    client_id: str = ""
    needed_by: str = ""
    pressing: str = ""
    coverage_ended: str = ""
    leaves: str = ""
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A message that stopped: what, where, why, what to do, and who must act."""

    message: str
    partner: str
    direction: str
    kind: str
    purpose: str
    stop: str
    code: str
    reason: str
    remedy: str
    who: str
    file: str
    position: str
    since: str
    referral: str | None
    state: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A partner nothing could be received from: since the first try that failed after its last file, empty if none."""

    partner: str
    problem: str
    code: str
    since: str
    call: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What waits for a person: held messages by who must act, and what else only a person can settle.

    Each with how many there are and the first few; a held message with how many of the first are just like it.
    ``unreachable`` names every such partner; ``changed`` are open referrals whose client's coverage ended.
    """

    held: dict[str, tuple[int, tuple[tuple[HeldRow, int], ...]]]
    conflicts: tuple[int, tuple[ReferralRow, ...]]
    unreachable: tuple[Unreachable, ...]
    doubts: tuple[int, tuple[links.Doubt, ...]]
    changed: tuple[int, tuple[ReferralRow, ...]]

    def __bool__(self) -> bool:
        return bool(self.held or self.conflicts[0] or self.unreachable or self.doubts[0] or self.changed[0])


@dataclass(frozen=True, slots=True)
class PartnerRow:
    """One partner: what was exchanged, and what is wrong. Times are ISO 8601, UTC, empty for never."""

    name: str
    title: str
    role: str
    mode: str
    last_received: str
    received: int
    last_sent: str
    sent: int
    held: int
    waiting: int
    problem: str
    call: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file or message that came: what became of its records, and how often it came again.

    ``records`` = applied + held + not_ours + waiting + dropped. ``state`` is in words; ``message`` is the whole
    file's own message, which may be held itself (``held_whole``).
    """

    partner: str
    name: str
    received: str
    state: str
    records: int
    applied: int
    held: int
    not_ours: int
    waiting: int
    dropped: int
    repeats: int
    message: str
    held_whole: bool


@dataclass(frozen=True, slots=True)
class DisclosureRow:
    """One release or refusal: when, to whom, what for, which case paths went, and which stayed here and why."""

    at: str
    effect: str
    recipient: str
    purpose: str
    permitted: tuple[str, ...]
    withheld: tuple[str, ...]
    why: tuple[str, ...]
    rules: tuple[str, ...]
    accountable: bool
    delivered_at: str
    referral: str | None
    message: str | None


def referral_rows(site: Site, *, status: str = "", limit: int = 500, offset: int = 0) -> list[ReferralRow]:
    """Referrals, the latest change first; of one ``status`` (see ``referral_counts``) where it is given."""
    with site.store.read() as c:
        return [referral_row(c, site, r) for r in referrals.listed(c, limit, offset, status)]


def referral_counts(site: Site) -> dict[str, int]:
    """How many referrals have which status; one its recipient does not have yet counts by what holds it back."""
    with site.store.read() as c:
        return referrals.tally(c)


def held_rows(site: Site, *, who: str = "", file: str = "", limit: int = 500, offset: int = 0) -> list[HeldRow]:
    """Held messages, oldest first; of one ``who`` and of one ``file`` (its message) where they are given."""
    chosen = {"state": "held", **_only(who=who, parent=file)}
    with site.store.read() as c:
        return [held_row(c, site, m) for m in ledger.page(c, limit, offset, **chosen)]


def held_counts(site: Site, *, file: str = "") -> dict[str, int]:
    """How many held messages wait for whom."""
    with site.store.read() as c:
        return {key[0]: n for key, n in ledger.tally(c, "who", state="held", **_only(parent=file)).items()}


def held_one(site: Site, message: str) -> HeldRow | None:
    """One message, held or not any more."""
    with site.store.read() as c:
        found = ledger.get(c, message)
        return held_row(c, site, found) if found else None


def needs(site: Site, problems: Mapping[str, str], *, each: int = 5) -> Needs:
    """What needs a person now. ``problems`` are the partners nothing could be received from (``Lanes.problems``)."""
    with site.store.read() as c:
        counts = {key[0]: n for key, n in ledger.tally(c, "who", state="held").items()}
        held = {
            who: (n, _alike([held_row(c, site, m) for m in ledger.page(c, LOOKED_AT, state="held", who=who)])[:each])
            for who, n in sorted(counts.items(), key=lambda pair: _place(pair[0]))
        }
        contradicted, doubts = referrals.in_conflict(c), links.under_review(c)
        conflicts = tuple(referral_row(c, site, r) for r in contradicted[:each])
        uncovered = referrals.open_with(c, COVERAGE_ENDED)
        changed = tuple(referral_row(c, site, r) for r, _ in uncovered[:each])
        unreachable = tuple(_unreachable(c, site, p, why) for p, why in sorted(problems.items()))
    return Needs(held, (len(contradicted), conflicts), unreachable, (len(doubts), tuple(doubts[:each])),
                 (len(uncovered), changed))  # fmt: skip


def partner_rows(site: Site, problems: Mapping[str, str]) -> list[PartnerRow]:
    """Every partner of the configuration."""
    with site.store.read() as c:
        came, went = payloads.received(c), dispatches.sent(c)
        tally = ledger.tally(c, "partner", "state")
    return [
        PartnerRow(
            name=p.name, title=p.title or p.name, role=p.role, mode=p.mode,
            last_received=came.get(p.name, ("", 0))[0], received=came.get(p.name, ("", 0))[1],
            last_sent=went.get(p.name, ("", 0))[0], sent=went.get(p.name, ("", 0))[1],
            held=tally.get((p.name, "held"), 0), waiting=tally.get((p.name, "waiting"), 0),
            problem=problems.get(p.name, ""), call=p.contact)
        for p in site.partners.values()
    ]  # fmt: skip


def file_rows(site: Site, *, partner: str = "", limit: int = 500, offset: int = 0) -> list[FileRow]:
    """Everything that came, of one partner where it is given, the newest first."""
    came = {"direction": "in", "kind": "payload", **_only(partner=partner)}
    with site.store.read() as c:
        return [file_row(c, site, m) for m in ledger.page(c, limit, offset, newest=True, **came)]


def disclosures_of(site: Site, client: str) -> list[DisclosureRow]:
    """Every release and refusal about one client, oldest first (45 CFR 164.528)."""
    with site.store.read() as c:
        return [disclosure_row(site, d) for d in disclosures.listed(c, client=client)]


def client_name(site: Site, client: str) -> str | None:
    """What a client is called; None when there is no such client."""
    with site.store.read() as c:
        persons = links.persons_of(c, client)
        return next((n for p in persons if (n := _person_name(c, site, p, client))), NOT_SHOWN) if persons else None


# --- rows, for pages that have a connection already ----------------------------------------------------------


def referral_row(c: Connection, site: Site, referral: StoredReferral) -> ReferralRow:
    """One row of a list of referrals."""
    asked = desk_document(c, site, referral)
    client = client_of(c, referral)
    key = PersonKey(referral.source, referral.subject) if referral.subject else None
    recipient = site.partners.get(referral.recipient or "")
    standing = referrals.standing(c, referral.id)
    way = standing if standing != referral.status else ""
    said = way_words(way).text if way else words(referral.status).text
    needed_by = asked["needed_by"] if isinstance(asked.get("needed_by"), str) else ""
    detail = desk_detail(c, site, referral)
    return ReferralRow(
        referral=referral.id, client=_person_name(c, site, key, client) if key else "",
        service=service_words(asked), sent_by=title(site, referral.source), sent_to=_sent_to(c, site, referral),
        status=referral.status, detail=detail, way=way,
        words=f"{said}. {detail_words(detail).text}" if detail else said,
        since=referral.updated_at, call=recipient.contact if recipient else "",
        client_id=referral.client or "", needed_by=needed_by,
        pressing="" if referral.status in referrals.TERMINAL else _pressing(site, needed_by),
        coverage_ended=_coverage_ended(c, referral),
        leaves=_leaves(c, site, referral) if way == "waiting" else "", recipient=referral.recipient or "")  # fmt: skip


def held_row(c: Connection, site: Site, message: Message) -> HeldRow:
    """One message with its place in words."""
    place = ((k, v) for k, v in message.position.items() if k != "file")
    position = ", ".join(str(v) if k == "pointer" else f"{k} {v}" for k, v in place)
    file = message.position.get("file") or (payloads.name_of(c, message.payload) if message.payload else "")
    partner = site.partners.get(message.partner)
    return HeldRow(
        message=message.id, partner=title(site, message.partner), direction=message.direction, kind=message.kind,
        purpose=message.purpose, stop=message.stop, code=message.code, reason=message.reason,
        remedy=message.remedy, who=message.who, file=file, position=position, since=message.created_at,
        referral=message.correlation, state=message.state,
        call=partner.contact if partner else "")  # fmt: skip


def file_row(c: Connection, site: Site, message: Message) -> FileRow:
    """One whole file; what was too large or unreadable to be kept has a name and no payload."""
    counts = ledger.counts(c, message.id)
    name = payloads.name_of(c, message.payload) if message.payload else message.position.get("file", "")
    return FileRow(
        partner=title(site, message.partner), name=name, received=message.created_at,
        state=_file_words(message.state, counts), records=sum(counts.values()), applied=counts.get("done", 0),
        held=counts.get("held", 0), not_ours=counts.get("skipped", 0), waiting=counts.get("waiting", 0),
        dropped=counts.get("dropped", 0), repeats=payloads.repeats_of(c, message.payload) if message.payload else 0,
        message=message.id, held_whole=message.state == "held")  # fmt: skip


def disclosure_row(site: Site, stored: Mapping[str, Any]) -> DisclosureRow:
    """One row of the book of disclosures."""
    withheld = stored["withheld"]
    return DisclosureRow(
        at=stored["at"], effect=stored["effect"], recipient=title(site, stored["recipient"]),
        purpose=stored["purpose"], permitted=tuple(stored["permitted"]),
        withheld=tuple(w["path"] for w in withheld), why=tuple(w["why"] for w in withheld),
        rules=tuple(stored["rules"]), accountable=bool(stored["accountable"]),
        delivered_at=stored["delivered_at"] or "", referral=stored["correlation"],
        message=stored["message"])  # fmt: skip


def client_of(c: Connection, referral: StoredReferral) -> str | None:
    """The client a referral is about, also when the person became known after the referral."""
    if referral.client or not referral.subject:
        return referral.client
    return links.client_of(c, PersonKey(referral.source, referral.subject))


def desk_document(c: Connection, site: Site, referral: StoredReferral) -> Mapping[str, Any]:
    """What the source asked for, as the desk may see it."""
    asked = records.find(c, referral.source, "referral", referral.asked)
    document = {"domain": referral.domain, "category": referral.category, **(asked.document if asked else {})}
    return _at_the_desk(c, site, "referral", document, referral.source, client_of(c, referral), referral.domain or "")


def desk_record(
    c: Connection, site: Site, kind: str, document: Mapping[str, Any], source: str, client: str | None
) -> Mapping[str, Any]:  # fmt: skip
    """Any record that a partner asserted, as the desk may see it."""
    return _at_the_desk(c, site, kind, document, source, client)


def desk_event(c: Connection, site: Site, referral: StoredReferral, partner: str, said: Mapping[str, Any]) -> str:
    """What a partner wrote beside a state, as the desk may see it."""
    document = {k: said[k] for k in ("detail", "reason", "outcome") if isinstance(said.get(k), str)}
    seen = _at_the_desk(c, site, "referral", document, partner, client_of(c, referral), referral.domain or "")
    texts = [detail_words(v).text if k == "detail" else v for k, v in seen.items() if isinstance(v, str)]
    return ". ".join(dict.fromkeys(texts))


def desk_detail(c: Connection, site: Site, referral: StoredReferral) -> str:
    """The finer state, as the desk may see it: a walled program's own words stay with it."""
    said = {"detail": referral.detail} if referral.detail else {}
    if said and referral.recipient in site.walled:
        client = client_of(c, referral)
        said = dict(_at_the_desk(c, site, "referral", said, referral.recipient, client, referral.domain or ""))
    detail = said.get("detail")
    return detail if isinstance(detail, str) else ""


def service_words(document: Mapping[str, Any]) -> str:
    """The service asked for, in words; else the need's domain."""
    service, domain = document.get("service"), document.get("domain")
    if isinstance(service, dict) and isinstance(service.get("display"), str):
        return str(service["display"])
    return domain.replace("-", " ").capitalize() if isinstance(domain, str) and domain else NOT_SHOWN


def title(site: Site, name: str | None) -> str:
    """How a partner is called; empty for nobody."""
    partner = site.partners.get(name or "")
    return partner.title or partner.name if partner else (name or "")


def _sent_to(c: Connection, site: Site, referral: StoredReferral) -> str:
    """The recipient; of what several were asked for all who have not declined, or all of them when it is over."""
    if referral.recipient:
        return title(site, referral.recipient)
    made = referrals.children(c, referral.id)
    going = [one for one in made if one.status not in referrals.TERMINAL]
    return ", ".join(title(site, one.recipient) for one in going or made)


def _at_the_desk(
    c: Connection, site: Site, kind: str, document: Mapping[str, Any], source: str, client: str | None, domain: str = ""
) -> Mapping[str, Any]:
    """The one way a record reaches a screen of the site's own workforce."""
    outgoing = Outgoing({kind: document}, {kind: source}, "operations", "none", domain, client)
    seen: Mapping[str, Any] = at_the_desk(c, site, outgoing).document[kind]
    return seen


def _person_name(c: Connection, site: Site, key: PersonKey, client: str | None) -> str:
    person = records.find(c, key.source, "person", key.external_id)
    if person is None:
        return ""
    document = {k: person.document[k] for k in ("names", "labels") if person.document.get(k)}
    names = _at_the_desk(c, site, "person", document, key.source, client).get("names")
    if not isinstance(names, list):  # none, or withheld whole
        return NOT_SHOWN if names else ""
    ended = [n for n in names if (n.get("period") or {}).get("end")]
    current = [n for n in names if n not in ended] or ended
    return _spoken(next((n for n in current if n.get("use") == "usual"), current[0])) if current else ""


def _spoken(name: Mapping[str, Any]) -> str:
    given = name.get("given")
    parts = [*(given if isinstance(given, list) else ()), name.get("family")]
    spoken = " ".join(p for p in parts if isinstance(p, str))
    text = name.get("text")
    return spoken or (text if isinstance(text, str) else NOT_SHOWN)


def _file_words(state: str, counts: Mapping[str, int]) -> str:
    if state != "done":
        return {"held": "Stopped whole", "dropped": "Given up"}.get(state, "Waiting to be read")
    if counts.get("held"):
        return "Some are held"
    return "Being worked on" if counts.get("waiting") else "All done"


def _alike(held: list[HeldRow]) -> tuple[tuple[HeldRow, int], ...]:
    """The first of each problem, and how many have the same."""
    found: dict[tuple[str, ...], list[HeldRow]] = {}
    for row in held:
        found.setdefault((row.partner, row.direction, row.stop, row.code, row.reason), []).append(row)
    return tuple((rows[0], len(rows)) for rows in found.values())


def _coverage_ended(c: Connection, referral: StoredReferral) -> str:
    if referral.status in referrals.TERMINAL:
        return ""
    return max((e["at"] for e in ledger.events(c, correlation=referral.id, name=COVERAGE_ENDED)), default="")


def _leaves(c: Connection, site: Site, referral: StoredReferral) -> str:
    """Only what waits for an hour or for somebody; what is tried again by itself leaves at no named time."""
    waiting = ledger.listed(c, state="waiting", stop="prepare", correlation=referral.id, direction="out",
                            kind="referral", partner=referral.recipient or "")  # fmt: skip
    return next((m.due_at for m in waiting if m.due_at > site.now() and not m.attempt), "")


def _pressing(site: Site, needed_by: str) -> str:
    """A day is over at its end and near from the day before; what is no full date presses nobody."""
    end, now = deadlines.end_of(needed_by, site.calendar), site.clock()
    if end is None or now >= end:
        return "past" if end else ""
    near = timedelta(days=2 if len(needed_by) == DAY else 1)
    return "soon" if now >= local(end, site.timezone) - near else ""


def _unreachable(c: Connection, site: Site, name: str, why: str) -> Unreachable:
    found = _CODE.search(why)
    last = payloads.received(c).get(name, ("", 0))[0]
    partner = site.partners.get(name)
    return Unreachable(
        partner=title(site, name), problem=_CODE.sub("", why), code=found[1] if found else "",
        since=ledger.first_event(c, "not-received", name, after=last) or "",
        call=partner.contact if partner else "")  # fmt: skip


def _place(who: str) -> int:
    return ACTORS.index(who) if who in ACTORS else len(ACTORS)


def _only(**given: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value}
