"""The fifth stop's work: dispatches set off, are answered, put off, or given up.

``claimed`` was never sent, or surely did not arrive: free to go. ``inflight`` was sent and the answer is unknown: it is
looked for at the partner before it is sent again. So many as the link's ``window`` allows are on their way at once, and
share their commits; a partner that does not answer is left alone for a while (``engine/circuit.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from casebridge.core.errors import CaseBridgeError, SetupError, TryAgain
from casebridge.engine import circuit as breaker
from casebridge.engine import sending
from casebridge.engine.answering import record, return_to_prepare
from casebridge.engine.sending import Answer, Outcome, Sending
from casebridge.engine.site import Partner, Site
from casebridge.engine.turn import Turn
from casebridge.store import bucket, circuits, dispatches, ledger, tokens
from casebridge.store.circuits import Circuit
from casebridge.store.database import Connection, iso
from casebridge.store.dispatches import StoredDispatch
from casebridge.store.ledger import Message

STALE = timedelta(minutes=5)
"""A decision older than this is made again before anything leaves (a consent may have been revoked)."""


def deliver(turn: Turn, partner: Partner) -> int:
    """Send what is due, as much as the destination has room for; how many were looked at."""
    site, limit = turn.site, breaker.window(partner)
    with site.store.read() as c:
        circuit = circuits.get(c, partner.name)
        if circuit.shut(site.now()):
            return 0
        if partner.delivery.rate is not None:
            limit = min(limit, bucket.left(c, partner.name, partner.delivery.rate, site.clock()))
        trying = circuit.state != "closed"
        limit = min(limit, circuit.window) if trying else limit
        due = dispatches.due(c, turn.lane, site.now(), limit, newest=trying) if limit else []
    if not due:
        return 0
    if trying:
        claimed = breaker.claimed(turn, circuit)
        if claimed is None:
            return 0
        circuit = claimed
    _deliver(turn, partner, due, circuit)
    return len(due)


def _deliver(turn: Turn, partner: Partner, due: Sequence[StoredDispatch], circuit: Circuit) -> None:
    """What is in mid-flight is looked for first; the circuit is told of all answers together."""
    found, missing, down = _looked_for(turn, partner, due)
    if down:
        circuit = breaker.judged(turn, partner, circuit, [o.answer for o in found], len(due))
        record(turn, partner, found, circuit)
        return
    record(turn, partner, found, circuit)
    going = _set_off(turn, partner, [d for d in due if d.state == "claimed" or d.id in missing])
    sent = _sent(turn, partner, going)
    answers = [o.answer for o in (*found, *sent)]
    circuit = breaker.judged(turn, partner, circuit, answers, len(due))
    record(turn, partner, sent, circuit)
    _not_tried(turn, [s.stored for s in going[len(sent) :]])


def _looked_for(
    turn: Turn, partner: Partner, due: Sequence[StoredDispatch]
) -> tuple[list[Outcome], set[str], bool]:
    """Those in mid-flight that the partner has; the ids of those it does not have or nobody can tell; and whether
    there is nothing to be had from it now."""
    inflight = [d for d in due if d.state == "inflight"]
    if not inflight:
        return [], set(), False
    assert partner.link is not None  # noqa: S101  (flow looked)
    with turn.site.store.read() as c:
        sendings = sending.opened(c, turn.site, partner, inflight, {})
    answers = list(zip(sendings, sending.looked_for(partner.link, sendings), strict=False))
    found = [Outcome(one, answer) for one, answer in answers if answer is not None]
    missing = {one.stored.id for one, answer in answers if answer is None}
    return found, missing, any(breaker.is_down(answer) for _, answer in answers)


def _set_off(turn: Turn, partner: Partner, due: Sequence[StoredDispatch]) -> list[Sending]:
    """From here until the answer nobody knows whether the partner has them. What waited too long is decided anew."""
    if not due:
        return []
    site, stale = turn.site, iso(turn.site.clock() - STALE)
    with turn.write() as c:
        old = [d for d in due if d.prepared_at < stale]
        for stored, messages in sending.with_messages(c, old):
            _decide_anew(c, site, partner, stored, messages)
        fresh = _as_many_as_may(c, site, partner, [d for d in due if d.prepared_at >= stale])
        sendings = sending.opened(c, site, partner, fresh, _reply_urls(c, site, partner, fresh))
        for stored in fresh:
            dispatches.change(c, stored.id, state="inflight", sent_at=site.now(), sends=stored.sends + 1)
    return sendings


def _decide_anew(
    c: Connection, site: Site, partner: Partner, stored: StoredDispatch, messages: Sequence[Message]
) -> None:
    for message in messages if _unknown(partner, stored) else ():
        ledger.note(c, site.now(), "sent-again", message, facts={"sends": str(stored.sends + 1)})
    return_to_prepare(c, site, stored, messages, "the decision was too old: it is made again")


def _unknown(partner: Partner, stored: StoredDispatch) -> bool:
    """It was sent, and neither we nor the link can tell whether it arrived."""
    return stored.state == "inflight" and partner.link is not None and not sending.tells(partner.link)


def _as_many_as_may(
    c: Connection, site: Site, partner: Partner, due: Sequence[StoredDispatch]
) -> Sequence[StoredDispatch]:
    rate = partner.delivery.rate
    return due if rate is None else due[: bucket.take(c, partner.name, rate, len(due), site.clock())]


def _reply_urls(c: Connection, site: Site, partner: Partner, some: Sequence[StoredDispatch]) -> Mapping[str, str]:
    if not partner.answers_on_form:
        return {}
    until = sending.reply_until(site)
    return {s.id: _reply_url(c, site, partner, m[0], until) for s, m in sending.with_messages(c, some) if m}


def _reply_url(c: Connection, site: Site, partner: Partner, message: Message, until: datetime) -> str:
    token = tokens.mint(c, partner.name, message.about["referral"], message.id, iso(until))
    return f"{site.partners_url.rstrip('/')}/web-form/{token}"


def _sent(turn: Turn, partner: Partner, going: Sequence[Sending]) -> list[Outcome]:
    assert partner.link is not None  # noqa: S101  (flow looked)
    answers = sending.handed_over(turn, partner.link, going)
    return [_outcome(partner, one, answer) for one, answer in zip(going, answers, strict=False)]


def _outcome(partner: Partner, one: Sending, answer: Answer) -> Outcome:
    unknown = _unknown(partner, one.stored)
    refused = isinstance(answer, CaseBridgeError) and _surely_unsent(answer)
    return Outcome(one, answer, unsent=refused and not unknown, again=unknown and not refused)


def _surely_unsent(error: CaseBridgeError) -> bool:
    """The partner turned it away, or the link never reached it."""
    return isinstance(error, SetupError) or (isinstance(error, TryAgain) and (error.unsent or error.code == "CB-402"))


def _not_tried(turn: Turn, rest: Sequence[StoredDispatch]) -> None:
    """Behind one that failed: as they were."""
    if not rest:
        return
    with turn.write() as c:
        for stored in rest:
            dispatches.change(c, stored.id, state=stored.state, sent_at=stored.sent_at, sends=stored.sends)
