"""Timers: set and cleared as the ledger goes on, rung once.

Nothing of this stands in the way of a message: a job reads which referrals the ledger spoke of since it last looked,
as far as the ledger is sealed (behind a seal no row can appear), and sets what each should have. Before a timer rings,
how things stand is looked at again; that, its mark and the alarm are one transaction, so it rings once however many
ask.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import TypeVar

from casebridge.adapter import Expiring
from casebridge.core.errors import CaseBridgeError
from casebridge.engine import alarms, coverage_news, deadlines, likeness
from casebridge.engine import follow as follow_on
from casebridge.engine.applying import client_of_subject
from casebridge.engine.deadlines import Deadline, Rule, Standing
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import NoLane, Told, together
from casebridge.store import records, referrals, seals, timers
from casebridge.store.database import Connection, iso
from casebridge.store.records import StoredRecord
from casebridge.store.referrals import StoredReferral
from casebridge.store.timers import NEVER, Receipts, Timer

log = logging.getLogger(__name__)
Item = TypeVar("Item")
TOLD = ("referral-moved", "applied", "outgoing", "disclosed", "delivered")
"""Events after which a referral may stand otherwise."""
AT_ONCE = 500
MOST_EVENTS = 20_000
"""Looked through in one step: of a busy site's quarter of a minute a part, of a county's day all."""
URGENT = ("urgent", "asap", "stat")


def tend(site: Site) -> int:
    """Set and clear by what happened, then ring what is due; how many rang. A job of every few seconds."""
    follow(site)
    return fire(site)


# --- referrals -----------------------------------------------------------------------------------------------


def follow(site: Site) -> bool:
    """Go on towards the last seal; False when it was reached before.

    One step each time: what is due in an hour need not hinder what is on its way now.
    """
    found = _touched(site)
    if found is None:
        return False
    until, ids = found
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        with site.store.read() as c:
            some = sorted({*some, *_beside(c, some)})
        _each(site, some, lambda c, some: of_referrals(c, site, some))
    with site.store.write() as c:
        timers.follow_to(c, until)
    return True


def _beside(c: Connection, ids: Sequence[str]) -> Iterable[str]:
    """What may have been the second of one that has ended now."""
    referrals.load(c, ids)
    ended = [r for id_ in ids if (r := referrals.get(c, id_)) is not None and r.status in referrals.TERMINAL]
    referrals.load_of_clients(c, sorted({r.client for r in ended if r.client}))
    return (other.id for r in ended if r.client for other in referrals.of_client(c, r.client))


def _touched(site: Site) -> tuple[int, list[str]] | None:
    with site.store.read() as c:
        after, newest = timers.followed(c), seals.last(c)
        if newest is None or newest.last <= after:
            return None
        until = min(newest.last, after + MOST_EVENTS)
        return until, sorted(timers.touched(c, after, until, TOLD))


def of_referrals(c: Connection, site: Site, ids: Sequence[str]) -> Mapping[str, Mapping[str, Deadline]]:
    """Give these referrals the timers that they should have; which these are."""
    wanted = {id_: deadlines.of_referral(standing, site.alarm_rules, site.calendar)
              for id_, standing in standings(c, site, ids).items()}  # fmt: skip
    for id_ in ids:
        wanted.setdefault(id_, {})  # nobody knows it: no referral, or erased
    _agree(c, wanted, {})
    return wanted


def standings(c: Connection, site: Site, ids: Sequence[str]) -> dict[str, Standing]:
    """How these referrals stand, by id."""
    referrals.load(c, ids)
    referrals.load_children(c, ids)
    found = [r for id_ in ids if (r := referrals.get(c, id_)) is not None]
    referrals.load_of_clients(c, sorted({r.client for r in found if r.client}))
    for source in {r.source for r in found}:
        records.load(c, source, {"referral": [r.asked for r in found if r.source == source]})
    asked, had = timers.requested(c, ids), timers.receipts(c, ids)
    return {r.id: _standing(c, site, r, asked.get(r.id, r.created_at), had.get(r.id, Receipts())) for r in found}


def _standing(c: Connection, site: Site, referral: StoredReferral, asked: str, had: Receipts) -> Standing:
    partner = site.partners.get(referral.recipient or "")
    record = records.find(c, referral.source, "referral", referral.asked)
    said = record.document if record else {}
    texts = {name: said[name] for name in ("needed_by", "due_by") if isinstance(said.get(name), str)}
    return Standing(
        status=referral.status, requested=_leaves(site, partner, asked), received=had.received_at, seen=had.seen_at,
        urgent=said.get("priority") in URGENT, on_form=bool(partner and partner.answers_on_form),
        role=partner.role if partner else "", quiet=bool(partner and partner.mode == "dry-run"),
        sort=_sort(c, referral), second=likeness.is_second(c, site, referral), **texts)  # fmt: skip


def _sort(c: Connection, referral: StoredReferral) -> str:
    made = [child.sort for child in referrals.children(c, referral.id)]
    return referral.sort or ("open" if "offer" in made else "whole" if made else "")


def _leaves(site: Site, partner: Partner | None, asked: str) -> str:
    """When a referral could leave at the earliest: at once, or at the partner's time of day."""
    if partner is None or ":" not in partner.dispatch:
        return asked
    local = datetime.fromisoformat(asked).astimezone(site.timezone)
    leaves = datetime.combine(local.date(), time.fromisoformat(partner.dispatch), tzinfo=site.timezone)
    return iso(leaves if leaves >= local else leaves + timedelta(days=1))


# --- what ends on a day --------------------------------------------------------------------------------------


def follow_days(site: Site) -> None:
    """Agreements, certificates and coverage: what ends on which day. A job of every few hours."""
    follow_partners(site)
    for partner in site.partners.values():
        if partner.role in coverage_news.PAYERS:
            follow_coverage(site, partner)
    with site.store.write() as c:
        timers.sweep(c)


def follow_partners(site: Site) -> None:
    """By casebridge.toml as it is now: what it no longer names is cleared."""
    ends = {subject: (about, last) for subject, about, last in _ends(site)}
    kinds = deadlines.kinds_about(site.alarm_rules.values(), "agreement", "certificate")
    facts = {subject: {"until": last} for subject, (_, last) in ends.items()}
    with site.store.read() as c:
        known = timers.subjects(c, kinds)
    _each(site, sorted({*ends, *known}), lambda c, some: _agree(
        c, {subject: _last_day(site, *ends[subject]) if subject in ends else {} for subject in some}, facts
    ))  # fmt: skip


def _ends(site: Site) -> Iterable[tuple[str, str, str]]:
    """(subject, agreement or certificate, its last day). Another last day is another subject."""
    for partner in site.partners.values():
        for agreement in partner.agreements:
            if until := str(agreement.get("until") or ""):
                yield f"{partner.name}/{agreement['kind']}/{until}", "agreement", until
        if isinstance(partner.link, Expiring):
            for name, last in partner.link.expiries().items():
                yield f"{partner.name}/{name}/{last}", "certificate", str(last)


def follow_coverage(site: Site, payer: Partner) -> None:
    """The renewal of each coverage that this payer told us of, and the end of those whose last day is past now."""
    known: str | None = ""
    day, over = site.today(), dict[str, StoredRecord]()
    while known is not None:
        with site.store.read() as c:
            page = {record.id: record for record in records.page(c, payer.name, "participation", known, AT_ONCE)}
        over |= _follow_page(site, page, day)
        known = max(page, default=None)
    with site.store.write() as c:  # both or neither: each is told once
        for client in dict.fromkeys(_client(c, site, record) for record in over.values()):
            if client:
                follow_on.coverage_ended(c, site, client)
        coverage_news.judged(c, site, payer.name, day)


def _follow_page(site: Site, page: Mapping[str, StoredRecord], day: str) -> dict[str, StoredRecord]:
    """Set the renewals; which of them are over by now, and news."""
    over: dict[str, StoredRecord] = {}

    def follow_some(c: Connection, some: Sequence[str]) -> None:
        _agree(c, {id_: _renewal(site, page[id_]) for id_ in some}, {})
        over.update({id_: page[id_] for id_ in some if _is_news(c, site, page[id_], day)})

    _each(site, list(page), follow_some)
    return over


def _is_news(c: Connection, site: Site, record: StoredRecord, day: str) -> bool:
    """Is it over since it was judged last, and somebody's referral is open?"""
    if not coverage_news.is_coverage(record) or not coverage_news.is_over(record.document, day):
        return False
    if coverage_news.is_over(record.document, coverage_news.judged_on(c, site, record)):
        return False
    client = _client(c, site, record)
    return client is not None and bool(referrals.open_of_client(c, client))


def _client(c: Connection, site: Site, record: StoredRecord) -> str | None:
    """Whose it was; None when another one of theirs runs on, or nobody of ours is meant."""
    if coverage_news.runs_on(c, site, record.source, record.subject):
        return None
    return client_of_subject(c, record.source, record.subject)


def _renewal(site: Site, record: StoredRecord) -> Mapping[str, Deadline]:
    due = record.document.get("renewal_due")
    if not coverage_news.is_coverage(record) or record.status not in coverage_news.RUNNING or not isinstance(due, str):
        return {}
    return _last_day(site, "coverage", due)


def _last_day(site: Site, about: str, last: str) -> Mapping[str, Deadline]:
    return deadlines.of_last_day(about, last, site.alarm_rules, site.calendar, site.clock())


def _agree(
    c: Connection, wanted: Mapping[str, Mapping[str, Deadline]], facts: Mapping[str, Mapping[str, str]]
) -> None:  # fmt: skip
    """Set what is wanted and clear what is not. What has rung rings again only if its time began anew, and later."""
    timers.load(c, wanted)
    for subject, deadlines_ in wanted.items():
        known = timers.of(c, subject)
        for kind, deadline in deadlines_.items():
            if not deadline.late and _is_new(known.get(kind), deadline):
                timers.set_(c, kind, subject, deadline.due, {"from": deadline.start, **facts.get(subject, {})})
        for kind, timer in known.items():
            if kind not in deadlines_ and timer.due_at != NEVER:
                timers.clear(c, kind, subject)


def _is_new(known: Timer | None, deadline: Deadline) -> bool:
    if known is None:
        return True
    if known.fired_at:
        return known.facts.get("from") != deadline.start and deadline.due > known.fired_at
    return known.due_at != deadline.due


# --- ringing -------------------------------------------------------------------------------------------------


def fire(site: Site) -> int:
    """Ring what is due; how many. Alarms of one kind about one partner are told together."""
    with site.store.read() as c:
        due = timers.due(c, site.now(), AT_ONCE)
    rang: set[tuple[str, str]] = set()

    def ring(c: Connection, some: Sequence[Timer]) -> None:
        taken = [timer for timer in _still(c, site, some[0].kind, some) if timers.take(c, timer, site.now())]
        alarms.ring(c, site, some[0].kind, taken)
        rang.update((timer.kind, timer.subject) for timer in taken)

    for _, some in groupby(sorted(due, key=lambda t: t.kind), lambda t: t.kind):
        _each(site, list(some), ring)
    return len(rang)


def _each(site: Site, items: Sequence[Item], do: Callable[[Connection, Sequence[Item]], object]) -> None:
    """``do`` them in one transaction. What fails by itself is logged and passed over: nobody else's alarm waits."""

    def all_of_them(c: Connection, some: Sequence[Item]) -> Told:
        do(c, some)
        return []

    def alone(item: Item, error: CaseBridgeError) -> None:
        log.error("the timers of %s stay as they are [%s]", getattr(item, "subject", item), error.code)

    together(NoLane(site), items, all_of_them, alone)


def _still(c: Connection, site: Site, kind: str, due: Sequence[Timer]) -> list[Timer]:
    """Those that should ring as things stand now; not a kind that is switched off, or what is late by now."""
    rule = site.alarm_rules.get(kind)
    if rule is None or rule.about != "referral":
        late = [t for t in due if rule is None or _is_late(site, rule, t)]
        for timer in late:
            timers.clear(c, kind, timer.subject)
        return [timer for timer in due if timer not in late]
    wanted, now = of_referrals(c, site, [timer.subject for timer in due]), site.now()
    return [t for t in due if kind in wanted[t.subject] and wanted[t.subject][kind].due == t.due_at <= now]


def _is_late(site: Site, rule: Rule, timer: Timer) -> bool:
    found = _last_day(site, rule.about, str(timer.facts["from"])).get(timer.kind)
    return found is None or found.late
