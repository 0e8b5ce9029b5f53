"""What follows from a change for other partners: outgoing messages, written in the transaction that made the change."""

from __future__ import annotations

from collections.abc import Callable

from casebridge.core.errors import Held
from casebridge.core.transitions import STANDARD
from casebridge.engine import children, copies, moving, routing
from casebridge.engine.applying import Applied
from casebridge.engine.site import Partner, Site
from casebridge.engine.telling import answer, end_order, send, send_referral
from casebridge.store import ledger, referrals
from casebridge.store.database import Connection
from casebridge.store.referrals import StoredReferral


def follow(c: Connection, site: Site, applied: Applied) -> None:
    """Write the messages that ``applied`` gives rise to."""
    for change in applied.changes:
        if change.name == "coverage-ended":
            if change.client is not None:
                coverage_ended(c, site, change.client, change.since)
            continue
        referral = referrals.get(c, change.referral or "")
        assert referral is not None  # noqa: S101  (a change names a referral that was just written)
        if change.side == "target":
            end_order(c, site, referral)
        if change.name == "need-changed":
            _tell_again(c, site, referral, only=copies.takes)
        elif change.name in ("referral-taken", "referral-edited", "person-changed"):
            _tell_again(c, site, referral)
        elif referral.sort:
            if change.side == "source" and referral.recipient:  # its source reads of it at a door of ours
                send_referral(c, site, referral, site.partners[referral.recipient])
            children.moved(c, site, referral)
        elif change.side == "target":
            answer(c, site, referral)
        elif referrals.children(c, referral.id):
            children.pass_on(c, site, referral)
        elif referral.recipient is None:
            route(c, site, referral)
        else:
            send_referral(c, site, referral, site.partners[referral.recipient])


def route(c: Connection, site: Site, referral: StoredReferral) -> None:
    """Find the recipients of a requested referral; without a route it is held for a person to see."""
    if referral.status != "requested" or referrals.children(c, referral.id):
        return
    found = routing.fitting(site, referral)
    if found is None:
        error = Held("CB-504", f"no route takes a referral for {referral.domain or 'an unnamed need'}", who="it")
        _hold_unrouted(c, site, referral, error)
        return
    names = routing.first(c, site, found, referral)
    if not names:
        error = Held("CB-535", "every recipient that its route names says that there is no room", who="worker")
        _hold_unrouted(c, site, referral, error)
        return
    if found.makes_children:
        children.begin(c, site, referral, found, names)
    else:
        _send_to_one(c, site, referral, names[0], found.set_category)
    for name in found.also:
        send_referral(c, site, referral, site.partners[name], also=True)


def _send_to_one(c: Connection, site: Site, referral: StoredReferral, name: str, category: str) -> None:
    referrals.change(c, referral.id, site.now(), recipient=name, category=category or referral.category)
    send_referral(c, site, referrals.get(c, referral.id) or referral, site.partners[name])


def _tell_again(
    c: Connection, site: Site, referral: StoredReferral, only: Callable[[Partner], bool] = lambda to: True
) -> None:  # fmt: skip
    """The recipients hear it as it stands now; when all is over only who has just shown that it does not know."""
    for one in (referral, *referrals.children(c, referral.id)):
        to = site.partners[one.recipient] if one.recipient else None
        if to is not None and only(to) and (one.detail == moving.TAKEN or not STANDARD.ended(one.status)):
            send_referral(c, site, one, to)


def coverage_ended(c: Connection, site: Site, client: str, since: str = "") -> None:
    """Of what ended ``since`` only those hear whose referral was made before: nobody had planned on it later."""
    for referral in referrals.open_of_client(c, client):
        if referral.sort or (since and referral.created_at[: len(since)] > since):
            continue
        for found in site.routes:
            if found.fits(kind="participation", change="ended", source=referral.source):
                about = {"referral": referral.id, "what": "coverage-ended"}
                ledger.note(c, site.now(), "coverage-ended", correlation=referral.id, stop="apply")
                for name in found.to:
                    send(c, site, site.partners[name], "notice", "notice", about, referral.id)


def _hold_unrouted(c: Connection, site: Site, referral: StoredReferral, error: Held) -> None:
    message = ledger.add(
        c, site.now(), direction="out", partner="", kind="referral", stop="prepare", state="held",
        purpose="referral", about={"referral": referral.id}, correlation=referral.id, order_key=referral.id,
        **ledger.why(error))  # fmt: skip
    ledger.note(c, site.now(), "held", message=message, stop="prepare", code=error.code, correlation=referral.id)
