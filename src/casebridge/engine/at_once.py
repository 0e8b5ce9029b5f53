"""Payloads applied while their senders wait: the first three stops in one transaction, all of it or nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from casebridge.adapter import Native, Payload
from casebridge.core.errors import CaseBridgeError, RecordError
from casebridge.engine import at_hand, intake, understanding
from casebridge.engine.flow import apply_one
from casebridge.engine.keys import keyed
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import Told
from casebridge.engine.understanding import Read
from casebridge.store import ledger, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message


@dataclass(frozen=True, slots=True)
class Sent:
    """A payload, its media type, and the records in it."""

    data: bytes
    media_type: str
    natives: tuple[Native | RecordError, ...]


def read(partner: Partner, data: bytes, media_type: str) -> Sent:
    """What can be done before the one transaction at a time begins. RecordError for the first that is no record."""
    natives: list[Native | RecordError] = []
    for native in partner.format.parse(io.BytesIO(data), partner.shapes):
        if isinstance(native, RecordError):
            raise native
        natives.append(keyed(native))
    return Sent(data, media_type, tuple(natives))


def apply(c: Connection, site: Site, partner: Partner, payloads: Sequence[Sent]) -> Told:
    """Keep the payloads of one partner and apply what they assert; what observers hear after the commit.

    Raises RecordError or Held for the first thing that cannot be applied: who waits for the answer mends it, so
    nothing of it is held here.
    """
    parents = [_kept(c, site, partner, sent) for sent in payloads]
    reads = [read for parent, sent in zip(parents, payloads, strict=True) for read in _reads(parent, sent)]
    understanding.keep(c, site, partner, reads)
    going = list(_to_apply(child for parent in parents for child in ledger.of_payload(c, parent.id)))
    at_hand.for_apply(c, partner, going)
    told: Told = [{"name": "applied", "message": m.id, "correlation": _applied(c, site, partner, m),
                   "partner": partner.name, "stop": "apply", "state": "done"} for m in going]  # fmt: skip
    c.woken = {lane for lane in c.woken if lane.partner != partner.name or lane.stop not in ("understand", "apply")}
    return told


def _kept(c: Connection, site: Site, partner: Partner, sent: Sent) -> Message:
    taken = intake.taken(partner, Payload("request", io.BytesIO(sent.data), sent.media_type))
    if isinstance(taken, CaseBridgeError):
        raise taken
    outcome, id_ = intake.keep(c, site, partner, Payload("request", io.BytesIO(), sent.media_type), taken)
    message = ledger.get(c, id_) if id_ else None
    if message is None:
        raise RecordError("CB-347", f"this was sent before ({outcome.state})")
    return message


def _to_apply(children: Iterable[Message]) -> Iterable[Message]:
    for child in children:
        if child.state == "held":
            raise RecordError(child.code, child.reason, external_id=child.external_id)
        if child.stop == "apply":
            yield child


def _reads(message: Message, sent: Sent) -> list[Read]:
    found = [Read(message, number, native) for number, native in enumerate(sent.natives, 1)]
    return [*found, Read(message, len(found), None)]


def _applied(c: Connection, site: Site, partner: Partner, message: Message) -> str:
    """Which referral it was about. RecordError CB-347 when it may not move that way: the sender is there to hear it."""
    correlation = apply_one(c, site, partner, message)
    for event in referrals.events(c, correlation) if correlation else ():
        if event.message == message.id and event.verdict == "conflict":
            raise RecordError("CB-347", event.why or "not from where it stands", external_id=message.external_id)
    return correlation
