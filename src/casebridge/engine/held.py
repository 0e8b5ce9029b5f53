"""Messages that stopped: show them, let them go again, or drop them with a reason."""

from __future__ import annotations

from casebridge.adapter import Native
from casebridge.core.errors import Held, Position, RecordError
from casebridge.engine import follow, understanding
from casebridge.engine.site import Site
from casebridge.store import ledger, payloads, referrals
from casebridge.store.ledger import Message


def listed(site: Site) -> list[Message]:
    """Every held message, oldest first."""
    with site.store.read() as c:
        return ledger.listed(c, state="held")


def replay(site: Site, id_: str) -> Message:
    """Send a held message on from where it stopped, with today's map and policy. Raises Held when it cannot go."""
    message = _held(site, id_)
    if message.stop == "accept":
        _accept_after_all(site, message)
    elif message.stop == "understand" and message.kind != "payload":
        _understand_again(site, message)
    elif message.stop == "prepare" and not message.partner:
        _route_again(site, message)
    else:
        _set_waiting(site, message)
    with site.store.read() as c:
        return ledger.get(c, id_) or message


def drop(site: Site, id_: str, reason: str, by: str) -> None:
    """Give a held message up for good; who and why stay on the books."""
    message = _held(site, id_)
    with site.store.write() as c:
        ledger.change(c, message, site.now(), state="dropped", code=message.code, reason=reason, document=None)
        ledger.note(c, site.now(), "dropped", message, facts={"by": by})


def _held(site: Site, id_: str) -> Message:
    with site.store.read() as c:
        message = ledger.get(c, id_)
    if message is None or message.state != "held":
        raise Held("CB-507", f"there is no held message {id_}", who="it")
    return message


def _set_waiting(site: Site, message: Message) -> None:
    with site.store.write() as c:
        ledger.change(c, message, site.now(), state="waiting", due_at=site.now(), attempt=0)
        ledger.note(c, site.now(), "replayed", message)


def _accept_after_all(site: Site, message: Message) -> None:
    if message.payload is None:
        raise Held("CB-507", "nothing of this payload was stored, so it cannot be replayed", who="partner",
                   remedy="Correct what the reason names, have it sent again, and drop this message.")  # fmt: skip
    with site.store.write() as c:
        payloads.set_state(c, message.payload or "", "stored")
        ledger.change(c, message, site.now(), stop="understand", state="waiting", due_at=site.now())
        ledger.note(c, site.now(), "replayed", message)


def _understand_again(site: Site, message: Message) -> None:
    partner = site.partners[message.partner]
    native = native_of(site, message)
    with site.store.write() as c:
        values = understanding.understood(c, partner, native)
        left_over = values.pop("left_over", [])
        known = {} if values["state"] == "held" else {"external_id": native.external_id}
        ledger.change(c, message, site.now(), due_at=site.now(), **known, **values)
        ledger.note(c, site.now(), "replayed", message, state=values["state"], code=values.get("code"))
        understanding.report(c, site, partner, message.id, left_over)


def native_of(site: Site, message: Message) -> Native:
    """The record as the payload has it: read again, so that a mended format counts too."""
    partner = site.partners[message.partner]
    stream = payloads.open_payload(site.store, message.payload or "")
    for found in partner.format.parse(stream, partner.shapes):
        if (found.position.as_dict() or {"pointer": found.external_id}) == message.position:
            if isinstance(found, Native):
                return found
            raise found
    raise RecordError("CB-303", f"the payload has no record at {Position(**message.position)} any more")


def _route_again(site: Site, message: Message) -> None:
    with site.store.write() as c:
        referral = referrals.get(c, message.about["referral"])
        ledger.change(c, message, site.now(), state="done")
        ledger.note(c, site.now(), "replayed", message)
        if referral is not None:
            follow.route(c, site, referral)
