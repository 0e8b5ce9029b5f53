"""A payload applied while its sender waits: the first three stops in one transaction, all of it or nothing."""

from __future__ import annotations

import io

from casebridge.adapter import Payload
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


def apply(c: Connection, site: Site, partner: Partner, payload: bytes, media_type: str) -> Told:
    """Keep ``payload`` and apply what it asserts; what observers hear after the commit.

    Raises RecordError or Held for the first thing that cannot be applied: who waits for the answer mends it, so
    nothing of it is held here.
    """
    taken = intake.taken(partner, Payload("request", io.BytesIO(payload), media_type))
    if isinstance(taken, CaseBridgeError):
        raise taken
    outcome, id_ = intake.keep(c, site, partner, Payload("request", io.BytesIO(), media_type), taken)
    message = ledger.get(c, id_) if id_ else None
    if message is None:
        raise RecordError("CB-347", f"this was sent before ({outcome.state})")
    understanding.keep(c, site, partner, _reads(partner, message, payload))
    children = ledger.listed(c, parent=message.id)
    for child in children:
        if child.state == "held":
            raise RecordError(child.code, child.reason, external_id=child.external_id)
    going = [m for m in children if m.stop == "apply"]
    at_hand.for_apply(c, partner, going)
    return [{"name": "applied", "message": m.id, "correlation": _applied(c, site, partner, m),
             "partner": partner.name, "stop": "apply", "state": "done"} for m in going]  # fmt: skip


def _reads(partner: Partner, message: Message, payload: bytes) -> list[Read]:
    found = []
    for number, native in enumerate(partner.format.parse(io.BytesIO(payload), partner.shapes), 1):
        if isinstance(native, RecordError):
            raise native
        found.append(Read(message, number, keyed(native)))
    return [*found, Read(message, len(found), None)]


def _applied(c: Connection, site: Site, partner: Partner, message: Message) -> str:
    """Which referral it was about. RecordError CB-347 when it may not move that way: the sender is there to hear it."""
    correlation = apply_one(c, site, partner, message)
    for event in referrals.events(c, correlation) if correlation else ():
        if event.message == message.id and event.verdict == "conflict":
            raise RecordError("CB-347", event.why or "not from where it stands", external_id=message.external_id)
    return correlation
