"""The fifth stop's work: dispatches set off, are answered, put off, or given up.

``claimed`` was never sent: free to go. ``inflight`` was sent and the answer is unknown: it is looked for at the partner
before it is sent again. So many as the link's ``window`` allows are on their way at once, and share their commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from casebridge.adapter import Bulk, Conflict, Dispatch, Receipt, Thing
from casebridge.core.errors import CaseBridgeError, Held, SetupError, TryAgain
from casebridge.engine.release import unpacked
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import Told, known, together
from casebridge.engine.turn import Turn
from casebridge.store import disclosures, dispatches, ledger, records, tokens
from casebridge.store.database import Connection, iso
from casebridge.store.dispatches import StoredDispatch
from casebridge.store.ledger import Message

STALE = timedelta(minutes=5)
"""A decision older than this is made again before anything leaves (a consent may have been revoked)."""
MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Sending:
    """A dispatch for the link, the messages in it, and its key.

    The key of a single message is its own id: also prepared anew, it is the same thing to the partner.
    """

    stored: StoredDispatch
    messages: tuple[Message, ...]
    dispatch: Dispatch

    @property
    def key(self) -> str:
        """What makes a repeat recognisable."""
        return self.messages[0].id if len(self.messages) == 1 else self.stored.id


Answer = Receipt | Conflict | CaseBridgeError
Outcome = tuple[Sending, Answer]


def deliver(turn: Turn, partner: Partner, due: Sequence[StoredDispatch]) -> None:
    """Send what is due; what is in mid-flight is looked for first."""
    found, missing = _looked_for(turn, partner, due)
    _record(turn, partner, found)
    going = _set_off(turn, partner, [d for d in due if d.state == "claimed" or d.id in missing])
    _record(turn, partner, list(_sent(turn, partner, going)))


def _looked_for(turn: Turn, partner: Partner, due: Sequence[StoredDispatch]) -> tuple[list[Outcome], set[str]]:
    """Those in mid-flight that the partner has, and the ids of those it does not have or nobody can tell."""
    found: list[Outcome] = []
    missing: set[str] = set()
    inflight = [d for d in due if d.state == "inflight"]
    with turn.site.store.read() as c:
        sendings = _opened(c, turn.site, partner, inflight, {})
    for sending in sendings:
        turn.check()
        answer = _asked(partner, sending)
        if answer is None:
            missing.add(sending.stored.id)
        else:
            found.append((sending, answer))
    return found, missing


def _asked(partner: Partner, sending: Sending) -> Answer | None:
    assert partner.link is not None  # noqa: S101  (flow looked)
    try:
        return partner.link.find(sending.dispatch, sending.key)
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code
        return known(error)


def _set_off(turn: Turn, partner: Partner, due: Sequence[StoredDispatch]) -> list[Sending]:
    """From here until the answer nobody knows whether the partner has them. What waited too long is decided anew."""
    if not due:
        return []
    site, until = turn.site, _until(turn.site)
    stale = iso(site.clock() - STALE)
    with turn.write() as c:
        old = [d for d in due if d.prepared_at < stale]
        for stored, messages in _with_messages(c, old):
            _return_to_prepare(c, site, stored, messages, "the decision was too old: it is made again")
        fresh = [d for d in due if d.prepared_at >= stale]
        urls = {s.id: _reply_url(c, site, partner, m[0], until) for s, m in _with_messages(c, fresh)
                if partner.answers_on_form and m}  # fmt: skip
        sendings = _opened(c, site, partner, fresh, urls)
        for stored in fresh:
            dispatches.change(c, stored.id, state="inflight", sent_at=site.now(), sends=stored.sends + 1)
    return sendings


def _until(site: Site) -> datetime:
    return site.clock().astimezone(site.timezone) + timedelta(days=site.token_days)


def _with_messages(
    c: Connection, some: Sequence[StoredDispatch]
) -> Iterator[tuple[StoredDispatch, tuple[Message, ...]]]:
    messages = ledger.of_dispatches(c, [d.id for d in some])
    for stored in some:
        yield stored, tuple(messages.get(stored.id, ()))


def _opened(
    c: Connection, site: Site, partner: Partner, some: Sequence[StoredDispatch], urls: dict[str, str]
) -> list[Sending]:
    files = dispatches.files_of(c, [d.id for d in some])
    opened = []
    for stored, messages in _with_messages(c, some):
        releases = tuple(unpacked(m.document) for m in messages)
        url = urls.get(stored.id, "")
        dispatch = Dispatch(
            stored.id, partner.name, files.get(stored.id, ()), releases, url, _until(site) if url else None)
        opened.append(Sending(stored, messages, dispatch))
    return opened


def _sent(turn: Turn, partner: Partner, going: Sequence[Sending]) -> Iterator[Outcome]:
    link = partner.link
    assert link is not None  # noqa: S101  (flow looked)
    if isinstance(link, Bulk) and going:
        turn.check()
        yield from zip(going, _all_at_once(link, going), strict=True)
        return
    for sending in going:
        turn.check()
        try:
            answer: Answer = link.send(sending.dispatch, sending.key)
        except Exception as error:  # noqa: BLE001 - a link is a stranger's code
            answer = known(error)
        yield sending, answer


def _all_at_once(link: Bulk, going: Sequence[Sending]) -> Sequence[Answer]:
    try:
        return link.send_all([(s.dispatch, s.key) for s in going])
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code: none of them was answered
        return [known(error)] * len(going)


def _record(turn: Turn, partner: Partner, outcomes: Sequence[Outcome]) -> None:
    def all_of_them(c: Connection, some: Sequence[Outcome]) -> Told:
        for kind in {m.kind for sending, _ in some for m in sending.messages}:
            ours = [_our_id(m) for sending, _ in some for m in sending.messages if m.kind == kind]
            records.load_remotes_of(c, partner.name, kind, ours)
        told = [_recorded(c, turn.site, partner, sending, answer) for sending, answer in some]
        received = [m.id for sending, answer in some for m in sending.messages if isinstance(answer, Receipt)]
        disclosures.delivered(c, turn.site.now(), received)
        return [{"partner": partner.name, "stop": "deliver", **values} for values in told if values]

    def alone(outcome: Outcome, error: CaseBridgeError) -> None:
        with turn.write() as c:
            _give_up(c, turn.site, outcome[0], error)

    together(turn, outcomes, all_of_them, alone)


def _recorded(c: Connection, site: Site, partner: Partner, sending: Sending, answer: Answer) -> dict[str, str] | None:
    """What became of one dispatch; what observers hear of it."""
    if isinstance(answer, SetupError):  # somebody mends it while it waits
        answer = TryAgain(answer.code, answer.message, remedy=answer.remedy)
    if isinstance(answer, TryAgain):
        return _put_off(c, site, sending, answer)
    if isinstance(answer, CaseBridgeError):
        return _give_up(c, site, sending, answer)
    for thing in answer.things:
        _keep_thing(c, site, partner, sending.messages[thing.record], thing, written=isinstance(answer, Receipt))
    if isinstance(answer, Conflict):
        _return_to_prepare(c, site, sending.stored, sending.messages, answer.message)
        return None
    dispatches.change(c, sending.stored.id, state="sent", reference=answer.reference)
    named = {thing.record for thing in answer.things}
    for number, message in enumerate(sending.messages):
        if number not in named:
            _keep_our_own_id(c, site, partner, message)
        ledger.change(c, message, site.now(), state="done", document=None)
        ledger.note(c, site.now(), "delivered", message)
    return {"name": "delivered", "state": "done"}


def later(site: Site, attempt: int, after: datetime | None) -> str:
    """When to try again: at the moment the partner named, else 1 s, 2 s, 4 s ... up to 5 minutes."""
    return iso(after or site.clock() + timedelta(seconds=min(2**attempt, 300)))


def _put_off(c: Connection, site: Site, sending: Sending, error: TryAgain) -> dict[str, str] | None:
    """Try again later; after too many attempts a person must look.

    The messages count: they go from dispatch to dispatch when it is decided again.
    """
    tried = max((m.attempt for m in sending.messages), default=0) + 1
    if tried >= MOST_ATTEMPTS:
        why = Held("CB-506", f"{tried} attempts failed, the last one: {error.message}")
        return _give_up(c, site, sending, why)
    due = later(site, tried - 1, error.after)
    dispatches.change(c, sending.stored.id, due_at=due)
    for message in sending.messages:
        ledger.change(c, message, site.now(), attempt=message.attempt + 1, **ledger.why(error))
        ledger.note(c, site.now(), "put-off", message, code=error.code, facts={"until": due})
    return None


def _give_up(c: Connection, site: Site, sending: Sending, error: CaseBridgeError) -> dict[str, str]:
    """Hold every message of the dispatch at *prepare*: a replay decides and renders anew."""
    dispatches.change(c, sending.stored.id, state="held")
    for message in sending.messages:
        ledger.change(c, message, site.now(), stop="prepare", state="held", dispatch=None, **ledger.why(error))
        ledger.note(c, site.now(), "held", message, code=error.code)
    return {"name": "held", "state": "held", "code": error.code}


def _return_to_prepare(
    c: Connection, site: Site, stored: StoredDispatch, messages: Sequence[Message], why: str
) -> None:
    dispatches.change(c, stored.id, state="returned")
    for message in messages:
        ledger.change(c, message, site.now(), stop="prepare", state="waiting", dispatch=None, due_at=site.now())
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
