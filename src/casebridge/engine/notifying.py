"""Telling partners of changes on their shelves: numbered without a gap, in order, until they have taken it.

A number is told again only when nobody knows whether it arrived. What cannot be told is tried again, ever more seldom,
and after too long the subscription ends in an error that people see; its partner asks for it anew when it is ready.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from casebridge.core.errors import Bug, CaseBridgeError, TryAgain
from casebridge.core.subscriptions import Notification, Notifying, Subscription
from casebridge.engine.retrying import not_before
from casebridge.engine.site import Partner, Site
from casebridge.engine.subscribed import visible
from casebridge.engine.turn import Turn
from casebridge.store import ledger, notes, subscriptions
from casebridge.store.database import Connection, iso
from casebridge.store.subscriptions import Due

log = logging.getLogger(__name__)
MOST = 50  # events in one notification
KEPT = timedelta(days=30)  # what was told can be asked for so long
GIVE_UP = timedelta(hours=24)
REMARK = "not-notified"
"""The partner's note that a subscription of its ended in an error."""


def notify(turn: Turn) -> int:
    """One notification for each subscription of the lane's partner that something is to be said to; how many."""
    site, partner = turn.site, turn.site.partners[turn.lane.partner]
    if partner.mode != "live" or not isinstance(partner.link, Notifying):
        return 0
    with site.store.read() as c:
        found = subscriptions.due(c, partner.name, site.now())
    return sum(_one(turn, partner, partner.link, due) for due in found if turn.going())


def forget(site: Site) -> int:
    """What was told long ago. A job of every hour."""
    with site.store.write() as c:
        return subscriptions.forget(c, iso(site.clock() - KEPT))


def _one(turn: Turn, partner: Partner, link: Notifying, due: Due) -> int:
    site, before = turn.site, due.subscription
    if before.until and before.until <= site.now():
        with turn.write() as c:
            subscriptions.close(c, partner.name, before, site.now(), "off", "")
        return 1
    notification, one = _said(turn, partner, before)
    try:
        turn.check()
        link.notify(one, notification)
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code
        _failed(turn, partner, due, error)
        return 1
    up_to = notification.events[-1].number if notification.events else one.number
    if notification.kind == "handshake":
        up_to = one.told
    with turn.write() as c:
        subscriptions.told(c, partner.name, one, site.now(), up_to)
        _remark(c, partner)
    return 1


def _said(turn: Turn, partner: Partner, one: Subscription) -> tuple[Notification, Subscription]:
    """What is to be said now, and the subscription as it stands then."""
    if one.status == "requested":
        return Notification("handshake"), one
    if one.number == one.told:
        one = _numbered(turn, partner, one)
    with turn.site.store.read() as c:
        events = subscriptions.between(c, partner.name, one.id, one.told + 1, one.number, MOST)
    return Notification("event-notification" if events else "heartbeat", events), one


def _numbered(turn: Turn, partner: Partner, one: Subscription) -> Subscription:
    """What happened gets its numbers, if the partner may see it now."""
    with turn.site.store.read() as c:
        found = subscriptions.unnumbered(c, partner.name, one.id, MOST)
    if not found:
        return one
    seen = visible(turn.site, partner, [what for _, what in found])
    with turn.write() as c:
        subscriptions.number(
            c, partner.name, one.id, [seq for seq, what in found if (what.type, what.id) in seen],
            [seq for seq, what in found if (what.type, what.id) not in seen])  # fmt: skip
        return subscriptions.get(c, partner.name, one.id) or one


def _failed(turn: Turn, partner: Partner, due: Due, error: Exception) -> None:
    site, one = turn.site, due.subscription
    if not isinstance(error, CaseBridgeError):
        log.error("notifying %s: unexpected %s", partner.name, type(error).__name__)
    known = error if isinstance(error, CaseBridgeError) else Bug("CB-901", f"unexpected {type(error).__name__}")
    asked = not_before(known.after if isinstance(known, TryAgain) else None, site.clock())
    again = asked or site.clock() + partner.delivery.wait(due.failures + 1)
    with turn.write() as c:
        if one.status == "requested" or _too_long(site, due) or not isinstance(known, TryAgain):
            subscriptions.close(c, partner.name, one, site.now(), "error", known.code)
            ledger.note(c, site.now(), "subscription-error", partner=partner.name, stop="notify", code=known.code,
                        facts={"subscription": one.id})  # fmt: skip
            _remark(c, partner)
        else:
            subscriptions.failed(c, partner.name, due, site.now(), iso(again), known.code)


def _too_long(site: Site, due: Due) -> bool:
    return bool(due.failing_since) and due.failing_since < iso(site.clock() - GIVE_UP)


def _remark(c: Connection, partner: Partner) -> None:
    """Let people see which subscriptions ended in an error."""
    ended = subscriptions.ended(c, partner.name)
    said = ", ".join(f"{id_} ({code})" for id_, code in sorted(ended.items()))
    text = f"It cannot be told of news; subscriptions in error: {said}" if ended else ""
    if notes.get(c, partner.name, REMARK) != text:
        notes.keep(c, partner.name, REMARK, text)
