"""The fifth stop's work: a dispatch sets off, is answered, put off, or given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from casebridge.adapter import Conflict, Dispatch, Receipt, Thing
from casebridge.core.errors import CaseBridgeError, Held, TryAgain
from casebridge.engine.release import unpacked
from casebridge.engine.site import Partner, Site
from casebridge.store import disclosures, dispatches, ledger, records, tokens
from casebridge.store.database import Connection, iso
from casebridge.store.dispatches import StoredDispatch
from casebridge.store.ledger import Message

STALE = timedelta(minutes=5)
"""A decision older than this is made again before anything leaves (a consent may have been revoked)."""
MOST_ATTEMPTS = 20


def later(site: Site, attempt: int, after: datetime | None) -> str:
    """When to try again: at the moment the partner named, else 1 s, 2 s, 4 s ... up to 5 minutes."""
    return iso(after or site.clock() + timedelta(seconds=min(2**attempt, 300)))


def decide_again(site: Site, stored: StoredDispatch) -> bool:
    """A dispatch that is not at the partner and has waited too long goes back to *prepare*."""
    if stored.prepared_at >= iso(site.clock() - STALE):
        return False
    with site.store.write() as c:
        _return_to_prepare(c, site, stored, "the decision was too old: it is made again")
    return True


def opened(site: Site, stored: StoredDispatch) -> tuple[Dispatch, str]:
    """The dispatch for the link, with a fresh reply address where the partner answers on our form; and its key.

    The key of a single message is its own id: also prepared anew, it is the same thing to the partner.
    """
    partner = site.partners[stored.partner]
    with site.store.write() as c:
        messages = ledger.of_dispatch(c, stored.id)
        until = site.clock().astimezone(site.timezone) + timedelta(days=site.token_days)
        url = _reply_url(c, site, partner, messages[0], until) if partner.answers_on_form and messages else ""
        files = dispatches.files_of(c, stored.id)
    releases = tuple(unpacked(m.document) for m in messages)
    key = messages[0].id if len(messages) == 1 else stored.id
    return Dispatch(stored.id, stored.partner, files, releases, url, until if url else None), key


def set_off(site: Site, stored: StoredDispatch) -> None:
    """From here until the answer nobody knows whether the partner has it."""
    with site.store.write() as c:
        dispatches.change(c, stored.id, state="inflight", sent_at=site.now())


def answered(site: Site, stored: StoredDispatch, partner: Partner, answer: Receipt | Conflict) -> None:
    """The partner has it, or its version moved on and we prepare again on the new original."""
    with site.store.write() as c:
        messages = ledger.of_dispatch(c, stored.id)
        for thing in answer.things:
            _keep_thing(c, site, partner, messages[thing.record], thing, written=isinstance(answer, Receipt))
        if isinstance(answer, Conflict):
            _return_to_prepare(c, site, stored, answer.message)
            return
        dispatches.change(c, stored.id, state="sent", reference=answer.reference)
        named = {thing.record for thing in answer.things}
        for number, message in enumerate(messages):
            if number not in named:
                _keep_our_own_id(c, site, partner, message)
            disclosures.delivered(c, site.now(), message.id)
            ledger.change(c, message.id, site.now(), state="done", document=None)
            ledger.note(c, site.now(), "delivered", message)
    site.tell("delivered", partner=stored.partner, stop="deliver", state="done")


def put_off(site: Site, stored: StoredDispatch, error: TryAgain) -> None:
    """Try again later; after too many attempts a person must look."""
    with site.store.read() as c:  # the messages count: they go from dispatch to dispatch when it is decided again
        tried = max((m.attempt for m in ledger.of_dispatch(c, stored.id)), default=0) + 1
    if tried >= MOST_ATTEMPTS:
        give_up(site, stored, Held("CB-506", f"{tried} attempts failed, the last one: {error.message}"))
        return
    due = later(site, tried - 1, error.after)
    with site.store.write() as c:
        dispatches.change(c, stored.id, due_at=due)
        for message in ledger.of_dispatch(c, stored.id):
            ledger.change(c, message.id, site.now(), attempt=message.attempt + 1, **ledger.why(error))
            ledger.note(c, site.now(), "put-off", message, code=error.code, facts={"until": due})


def give_up(site: Site, stored: StoredDispatch, error: CaseBridgeError) -> None:
    """Hold every message of the dispatch at *prepare*: a replay decides and renders anew."""
    with site.store.write() as c:
        dispatches.change(c, stored.id, state="held")
        for message in ledger.of_dispatch(c, stored.id):
            ledger.change(c, message.id, site.now(), stop="prepare", state="held", dispatch=None, **ledger.why(error))
            ledger.note(c, site.now(), "held", message, code=error.code)
    site.tell("held", partner=stored.partner, stop="deliver", state="held", code=error.code)


def _return_to_prepare(c: Connection, site: Site, stored: StoredDispatch, why: str) -> None:
    dispatches.change(c, stored.id, state="returned")
    for message in ledger.of_dispatch(c, stored.id):
        ledger.change(c, message.id, site.now(), stop="prepare", state="waiting", dispatch=None, due_at=site.now())
        ledger.note(c, site.now(), "returned", message, facts={"why": why})


def _reply_url(c: Connection, site: Site, partner: Partner, message: Message, until: datetime) -> str:
    token = tokens.mint(c, partner.name, message.about["referral"], message.id, iso(until))
    return f"{site.partners_url.rstrip('/')}/web-form/{token}"


def _our_id(message: Message) -> str:
    return str(message.about["activity"] if message.kind == "activity" else message.about["referral"])


def _keep_thing(
    c: Connection, site: Site, partner: Partner, message: Message, thing: Thing, *, written: bool
) -> None:
    records.keep_remote(
        c, site.now(), partner=partner.name, kind=message.kind, our_id=_our_id(message), their_id=thing.external_id,
        version=thing.version, original=thing.original, written=written)  # fmt: skip


def _keep_our_own_id(c: Connection, site: Site, partner: Partner, message: Message) -> None:
    """A partner that answers nothing knows the record by the key we gave it.

    Our own letter is no original of theirs: what is withheld next time must not come out of it again.
    """
    if message.kind == "notice":
        return
    known = records.remote_of(c, partner.name, message.kind, _our_id(message))
    records.keep_remote(
        c, site.now(), partner=partner.name, kind=message.kind, our_id=_our_id(message),
        their_id=known.their_id if known else _our_id(message), version="", original=None, written=True)  # fmt: skip
