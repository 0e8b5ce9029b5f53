"""What became of dispatches, on the books: delivered, put off, returned to *prepare*, or held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from casebridge.adapter import Conflict, Receipt, Thing
from casebridge.core.errors import CaseBridgeError, Held, SetupError, TryAgain
from casebridge.engine import laying
from casebridge.engine.results import is_beside
from casebridge.engine.sending import Outcome, Sending
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import Told, about, together
from casebridge.engine.turn import Turn
from casebridge.store import attempts, disclosures, dispatches, ledger, records
from casebridge.store.attempts import PUT_OFF, Failing
from casebridge.store.circuits import Circuit
from casebridge.store.database import Connection, iso
from casebridge.store.dispatches import StoredDispatch
from casebridge.store.leases import Lane
from casebridge.store.ledger import Message


def record(turn: Turn, partner: Partner, outcomes: Sequence[Outcome], circuit: Circuit) -> None:
    """Write down what became of each, all in one commit; one that cannot be written costs only itself.

    Nothing is tried again while the ``circuit`` is open.
    """
    site = turn.site

    def all_of_them(c: Connection, some: Sequence[Outcome]) -> Told:
        _have_at_hand(c, partner, some)
        failing = attempts.failing(c, [m.id for o in some if _passing(o.answer) and (m := _most_tried(o.sending))])
        told = [_recorded(c, site, partner, outcome, failing, circuit) for outcome in some]
        received = [m.id for o in some if isinstance(o.answer, Receipt) for m in o.sending.messages]
        disclosures.delivered(c, site.now(), received)
        return [{"partner": partner.name, "stop": "deliver", **values} for values in told if values]

    def alone(outcome: Outcome, error: CaseBridgeError) -> None:
        with turn.write() as c:
            _give_up(c, site, outcome.sending, error)

    together(turn, outcomes, all_of_them, alone)


def _have_at_hand(c: Connection, partner: Partner, some: Sequence[Outcome]) -> None:
    messages = [m for o in some for m in o.sending.messages]
    for kind in {m.kind for m in messages}:
        records.load_remotes_of(c, partner.name, {kind: [m.our_id for m in messages if m.kind == kind]})


def _recorded(
    c: Connection, site: Site, partner: Partner, outcome: Outcome, failing: Mapping[str, Failing], circuit: Circuit
) -> dict[str, str] | None:
    """What became of one dispatch; what observers hear of it."""
    sending, answer = outcome.sending, outcome.answer
    if outcome.again:
        for message in sending.messages:
            ledger.note(c, site.now(), "sent-again", message, facts={"sends": str(sending.stored.sends + 1)})
    if _passing(answer):
        return _put_off(c, site, partner, outcome, failing, circuit)
    if isinstance(answer, CaseBridgeError):
        return _give_up(c, site, sending, answer)
    if isinstance(answer, Receipt) and getattr(partner.link, "shelves", False):
        answer = _laid(c, site, partner, sending, answer)
    for thing in answer.things:
        _keep_thing(c, site, partner, sending.messages[thing.record], thing, written=isinstance(answer, Receipt))
    if isinstance(answer, Conflict):
        return_to_prepare(c, site, sending.stored, sending.messages, answer.message)
        return None
    return _delivered(c, site, partner, sending, answer)


def _laid(c: Connection, site: Site, partner: Partner, sending: Sending, receipt: Receipt) -> Receipt | Conflict:
    """Lay all of it on the partner's shelf; if the partner wrote there meanwhile, it is prepared again upon that."""
    moved = tuple(there for thing in receipt.things if (there := laying.moved(c, partner, thing)) is not None)
    if moved:
        return Conflict("it was changed there since it was prepared", moved)
    for thing in receipt.things:
        laying.deliver(c, site, partner, sending.messages[thing.record], thing)
    return receipt


def _delivered(c: Connection, site: Site, partner: Partner, sending: Sending, receipt: Receipt) -> dict[str, str]:
    dispatches.change(c, sending.stored.id, state="sent", reference=receipt.reference)
    named = {thing.record for thing in receipt.things}
    for number, message in enumerate(sending.messages):
        if number not in named:
            _keep_our_own_id(c, site, partner, message)
        ledger.change(c, message, site.now(), state="done", document=None)
        ledger.note(c, site.now(), "delivered", message)
        c.woken.add(Lane("prepare", message.partner, message.part, message.urgent))  # what waited behind it
    return {"name": "delivered", "state": "done", **about(sending.messages)}


def _passing(answer: object) -> bool:
    """Somebody mends a setting while it waits."""
    return isinstance(answer, TryAgain | SetupError)


def _most_tried(sending: Sending) -> Message | None:
    """The messages count the tries, not the dispatch: they go from one to the next when it is decided again."""
    tried = max(sending.messages, key=lambda m: m.attempt, default=None)
    return tried if tried and tried.attempt else None


def _put_off(
    c: Connection, site: Site, partner: Partner, outcome: Outcome, failing: Mapping[str, Failing], circuit: Circuit
) -> dict[str, str] | None:
    """Try again later; when it was tried for too long a person must look."""
    sending, error, now = outcome.sending, outcome.answer, site.clock()
    assert isinstance(error, CaseBridgeError)  # noqa: S101  (_passing looked)
    most = _most_tried(sending)
    before = failing.get(most.id) if most else None
    since = before.since if before else iso(now)
    if partner.delivery.over(datetime.fromisoformat(since), now):
        return _give_up(c, site, sending, _too_long(error, since, most))
    first = datetime.fromisoformat(circuit.until) if circuit.state == "open" and circuit.until else now
    due = iso(max(first, now) + partner.delivery.wait(most.attempt + 1 if most else 1))
    dispatches.change(c, sending.stored.id, due_at=due, **({"state": "claimed"} if outcome.unsent else {}))
    said = before is not None and before.code == error.code  # once: a long wait does not fill the books
    for message in sending.messages:
        ledger.change(c, message, site.now(), attempt=message.attempt + 1, **ledger.why(error))
        if not said:
            ledger.note(c, site.now(), PUT_OFF, message, code=error.code, facts={"until": due, "since": since})
    return None


def _too_long(error: CaseBridgeError, since: str, most: Message | None) -> Held:
    tries = most.attempt + 1 if most else 1
    when = datetime.fromisoformat(since).astimezone(UTC)
    why = f"tried {tries} times since {when:%Y-%m-%d %H:%M} UTC, the last time: {error.message}"
    if isinstance(error, SetupError):
        return Held("CB-506", why, who=error.who, remedy=f"{error.remedy.rstrip('. ')}; then replay.")
    return Held("CB-506", why, who="it")


def _give_up(c: Connection, site: Site, sending: Sending, error: CaseBridgeError) -> dict[str, str]:
    """Hold every message of the dispatch at *prepare*: a replay decides and renders anew. What is only beside a
    referral is left out instead, when the partner refuses it: the referral must not wait for it."""
    if error.code == "CB-305" and all(map(is_beside, sending.messages)):
        return _leave_out(c, site, sending, error)
    dispatches.change(c, sending.stored.id, state="held")
    for message in sending.messages:
        ledger.change(c, message, site.now(), stop="prepare", state="held", dispatch=None, **ledger.why(error))
        ledger.note(c, site.now(), "held", message, code=error.code)
    return {"name": "held", "state": "held", "code": error.code, **about(sending.messages)}


def _leave_out(c: Connection, site: Site, sending: Sending, error: CaseBridgeError) -> dict[str, str]:
    dispatches.change(c, sending.stored.id, state="returned")
    for message in sending.messages:
        ledger.change(c, message, site.now(), stop="prepare", state="skipped", **(ledger.why(error) | {"who": None}))
        ledger.note(c, site.now(), "no-room", message, code=error.code, facts={"paths": [message.kind]})
        c.woken.add(Lane("prepare", message.partner, message.part, message.urgent))
    return {"name": "no-room", "state": "skipped", "code": error.code, **about(sending.messages)}


def return_to_prepare(
    c: Connection, site: Site, stored: StoredDispatch, messages: Sequence[Message], why: str
) -> None:
    """It is decided and rendered anew."""
    dispatches.change(c, stored.id, state="returned")
    for message in messages:
        ledger.change(c, message, site.now(), stop="prepare", state="waiting", dispatch=None, due_at=site.now())
        ledger.note(c, site.now(), "returned", message, facts={"why": why})


def _keep_thing(
    c: Connection, site: Site, partner: Partner, message: Message, thing: Thing, *, written: bool
) -> None:
    records.keep_remote(
        c, site.now(), partner=partner.name, kind=message.kind, our_id=message.our_id, their_id=thing.external_id,
        version=thing.version, original=thing.original, written=written)  # fmt: skip


def _keep_our_own_id(c: Connection, site: Site, partner: Partner, message: Message) -> None:
    """A partner that answers nothing knows the record by the key we gave it.

    Our own letter is no original of theirs: what is withheld next time must not come out of it again.
    """
    if message.kind == "notice":
        return
    known = records.remote_of(c, partner.name, message.kind, message.our_id)
    records.keep_remote(
        c, site.now(), partner=partner.name, kind=message.kind, our_id=message.our_id,
        their_id=known.their_id if known else message.our_id, version="", original=None, written=True)  # fmt: skip
