"""Alarms: what a timer says when it rings. On the books, on the console's list, and by mail to the duty queue.

The mail goes the way of every message: released, prepared, delivered, held when it cannot go. It names the referral and
whom to call, and nothing of a client; of a victim service provider not even that the referral is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from casebridge.engine.applying import client_of_subject
from casebridge.engine.release import Outgoing
from casebridge.engine.site import DUTY, Partner, Site
from casebridge.store import ledger, records, referrals, timers
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.timers import Timer

NAMED = 20
"""References in one mail; the rest is counted, the console has them all."""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm that is not over: what, about which referral or partner, since when, who must act, whom to call."""

    kind: str
    words: str
    who: str
    referral: str
    partner: str
    client: str
    until: str
    since: str
    call: str


def ring(c: Connection, site: Site, kind: str, rung: Sequence[Timer]) -> None:
    """Write down that these rang, and a mail for each partner that they are about."""
    by_partner: dict[str, list[Timer]] = {}
    for timer in rung:
        partner = _partner(c, site, timer)
        by_partner.setdefault(partner, []).append(timer)
        ledger.note(c, site.now(), "alarm", partner=partner or None, correlation=_referral(site, timer) or None,
                    facts={"kind": kind, "subject": timer.subject, "due": timer.due_at})  # fmt: skip
    for partner, some in by_partner.items():
        if DUTY in site.partners:
            _send(c, site, kind, partner, some)


def _send(c: Connection, site: Site, kind: str, partner: str, rung: Sequence[Timer]) -> None:
    names = [timer.subject for timer in rung] if site.alarm_rules[kind].about == "referral" else []
    about = {"alarm": kind, "partner": partner, "referral": names[0] if len(names) == 1 else "",
             "referrals": names[:NAMED], "count": len(rung)}  # fmt: skip
    correlation = names[0] if len(names) == 1 else None
    message = ledger.add(
        c, site.now(), direction="out", partner=DUTY, kind="notice", stop="prepare", state="waiting",
        purpose="notice", about=about, correlation=correlation)  # fmt: skip
    ledger.note(c, site.now(), "outgoing", message=message, partner=DUTY, stop="prepare", correlation=correlation)


def outgoing(site: Site, message: Message) -> Outgoing:
    """What an alarm's mail could say: the site's own statement, no partner's record."""
    about = message.about
    said = {"correlation": about["referral"], "detail": _text(site, about["alarm"], about["referrals"], about["count"]),
            "contact": _call(site.partners.get(about["partner"]))}  # fmt: skip
    return Outgoing(
        slice={"referral": {k: v for k, v in said.items() if v}}, sources={"referral": ""}, purpose="notice",
        relation="none", correlation=message.correlation)  # fmt: skip


def rows(site: Site, limit: int) -> tuple[int, list[AlarmRow]]:
    """How many alarms are not over, and the first that rang."""
    with site.store.read() as c:
        count, rung = timers.rung(c, limit)
        return count, [_row(c, site, timer) for timer in rung]


def _row(c: Connection, site: Site, timer: Timer) -> AlarmRow:
    rule, partner = site.alarm_rules.get(timer.kind), site.partners.get(_partner(c, site, timer))
    return AlarmRow(
        kind=timer.kind, words=rule.words if rule else timer.kind, who=rule.who if rule else "it",
        referral=_referral(site, timer), partner=partner.title or partner.name if partner else "",
        client=_client(c, site, timer), until=str(timer.facts.get("until") or timer.facts.get("from", "")),
        since=timer.fired_at or "", call=partner.contact if partner else "")  # fmt: skip


def _about(site: Site, timer: Timer) -> str:
    rule = site.alarm_rules.get(timer.kind)
    return rule.about if rule else ""


def _referral(site: Site, timer: Timer) -> str:
    return timer.subject if _about(site, timer) == "referral" else ""


def _partner(c: Connection, site: Site, timer: Timer) -> str:
    """The partner an alarm is about: a referral's recipient, a coverage's payer, or whose agreement ends."""
    about = _about(site, timer)
    if about == "referral":
        found = referrals.get(c, timer.subject)
        return (found.recipient if found else None) or ""
    if about == "coverage":
        record = records.by_id(c, timer.subject)
        return record.source if record else ""
    return timer.subject.partition("/")[0]


def _client(c: Connection, site: Site, timer: Timer) -> str:
    """Whose coverage it is; the console says it of a referral by itself."""
    record = records.by_id(c, timer.subject) if _about(site, timer) == "coverage" else None
    return (client_of_subject(c, record.source, record.subject) if record else None) or ""


def _text(site: Site, kind: str, references: Iterable[str], count: int) -> str:
    rule = site.alarm_rules.get(kind)
    lines = [rule.mail if rule else "Something needs attention."]
    if count > 1:
        lines.append(f"{count} of them.")
        lines.extend(references)
        if count > NAMED and references:
            lines.append("and others")
    return "\n".join(lines)


def _call(partner: Partner | None) -> str:
    if partner is None or partner.vsp or partner.part2:
        return ""
    return ": ".join(filter(None, (partner.title, partner.contact)))
