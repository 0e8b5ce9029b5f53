"""Messages that stopped: show them, let them go again, or drop them with a reason."""

from __future__ import annotations

from casebridge.adapter import Native
from casebridge.core.errors import Held
from casebridge.engine import follow, understanding
from casebridge.engine.again import Wish
from casebridge.engine.rereading import Rereading
from casebridge.engine.site import Site
from casebridge.store import ledger, payloads, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message


def listed(site: Site) -> list[Message]:
    """Every held message, oldest first."""
    with site.store.read() as c:
        return ledger.listed(c, state="held")


def replay(site: Site, id_: str, wish: Wish | None = None) -> Message:
    """Send a held message on from where it stopped, with today's map and policy. Raises Held when it cannot go."""
    message, wish = _held(site, id_), wish or Wish()
    native = Rereading(site).native(message) if is_read_again(message, wish) else None
    with site.store.write() as c:
        let_go(c, site, _still(c, id_), native, wish)
    with site.store.read() as c:
        return ledger.get(c, id_) or message


def drop(site: Site, id_: str, reason: str, by: str) -> None:
    """Give a held message up for good; who and why stay on the books."""
    with site.store.write() as c:
        message = _still(c, id_)
        ledger.change(c, message, site.now(), state="dropped", code=message.code, reason=reason, document=None)
        ledger.note(c, site.now(), "dropped", message, facts={"by": by})


def reason(message: Message) -> Held:
    """Why it is held."""
    return Held(message.code, message.reason, who=message.who, remedy=message.remedy)


def is_read_again(message: Message, wish: Wish) -> bool:
    """Does the record have to be read from its payload once more?"""
    is_record = message.direction == "in" and message.kind != "payload"
    return is_record and (message.stop == "understand" or wish.start == "understand" or message.state != "held")


def let_go(c: Connection, site: Site, message: Message, native: Native | None, wish: Wish) -> None:
    """Set a held message off again; ``native`` is its record, where it is read again. Raises Held when it cannot go."""
    if message.stop == "accept":
        _accept_after_all(c, site, message, wish)
    elif native is not None:
        _understand_again(c, site, message, native, wish)
    elif message.stop == "prepare" and not message.partner:
        _route_again(c, site, message, wish)
    else:
        ledger.change(c, message, site.now(), state="waiting", due_at=site.now(), attempt=0)
        ledger.note(c, site.now(), "replayed", message, facts=wish.facts)


def _held(site: Site, id_: str) -> Message:
    with site.store.read() as c:
        return _checked(ledger.get(c, id_), id_)


def _still(c: Connection, id_: str) -> Message:
    """It, unless somebody else let it go or dropped it meanwhile; nobody does before we commit."""
    return _checked(ledger.locked(c, id_), id_)


def _checked(message: Message | None, id_: str) -> Message:
    if message is None or message.state != "held":
        raise Held("CB-507", f"there is no held message {id_}", who="it")
    return message


def _accept_after_all(c: Connection, site: Site, message: Message, wish: Wish) -> None:
    if message.payload is None:
        raise Held("CB-507", "nothing of this payload was stored, so it cannot be replayed", who="partner",
                   remedy="Correct what the reason names, have it sent again, and drop this message.")  # fmt: skip
    payloads.set_state(c, message.payload, "stored")
    ledger.change(c, message, site.now(), stop="understand", state="waiting", due_at=site.now())
    ledger.note(c, site.now(), "replayed", message, facts=wish.facts)


def _understand_again(c: Connection, site: Site, message: Message, native: Native, wish: Wish) -> None:
    partner = site.partners[message.partner]
    values = understanding.understood(c, partner, native)
    left_over = values.pop("left_over", [])
    known = {} if values["state"] == "held" else {"external_id": native.external_id}
    facts = {**wish.facts, "map": values.get("map_digest", ""), "map_before": message.map_digest}
    ledger.change(c, message, site.now(), due_at=site.now(), **known, **values)
    ledger.note(c, site.now(), "replayed", message, state=values["state"], code=values.get("code"), facts=facts)
    understanding.report(c, site, partner, message.id, left_over)


def _route_again(c: Connection, site: Site, message: Message, wish: Wish) -> None:
    referral = referrals.get(c, message.about["referral"])
    ledger.change(c, message, site.now(), state="done")
    ledger.note(c, site.now(), "replayed", message, facts=wish.facts)
    if referral is not None:
        follow.route(c, site, referral)
