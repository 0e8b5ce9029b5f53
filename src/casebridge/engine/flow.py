"""The life of one message: five stops, one direction. Read this file first.

1. ``accept``      payloads are stored with their digests and the link's cursor, in one commit, before senders are told
2. ``understand``  the format reads native records, the map turns each into a slice
3. ``apply``       records, links, the referral's events, and what follows for others: one transaction
4. ``prepare``     ``release`` decides each leaf, the map runs backward, the format renders a dispatch
5. ``deliver``     the link sends it; the receipt and the partner's own ids are kept

Each stop is one function and one state on the message row. No stop calls another: they meet in the ledger.
A stop has its turn at a lane, takes what is due there, and commits many messages at once; when that fails, fewer, so
that one bad record costs only itself. A record that cannot go on is held, alone, with a reason, a remedy and who must
act; later records of the same person or referral wait behind it, nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace

from casebridge.adapter import Outcome, Payload, RenderContext
from casebridge.core.errors import CaseBridgeError, Position, RecordError
from casebridge.core.ids import new_id
from casebridge.engine import absences, at_hand, circuit, delivering, intake, receiving, understanding
from casebridge.engine.again import follow_again
from casebridge.engine.applying import apply_slice
from casebridge.engine.follow import follow
from casebridge.engine.preparing import Prepared, keep_prepared, no_room_is_fine, nothing_new, prepare_one
from casebridge.engine.receiving import Taken
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import Told, hold, known, together, write_held
from casebridge.engine.trial import changed_since
from casebridge.engine.turn import Turn
from casebridge.engine.understanding import Read
from casebridge.store import dispatches, ledger, payloads
from casebridge.store.connection import TogetherNot
from casebridge.store.database import Connection, StoreTrouble
from casebridge.store.ledger import Message

BATCH = 500
PAYLOADS = 200  # small ones that are understood together
BYTES = 4 * 1024 * 1024  # of payloads: what is read of them in one batch lies in memory several times over

Write = Callable[[], AbstractContextManager[Connection]]


def work(turn: Turn) -> int:
    """One batch of the turn's lane: how many pieces of work were done, 0 when nothing is due.

    Raises StoreTrouble when the database is not there, Superseded when the lane is another worker's.
    """
    return _STOPS[turn.lane.stop](turn)


# --- 1. accept -----------------------------------------------------------------------------------------------


def receive(turn: Turn) -> int:
    """Accept what is new at a partner's link; each sender is told after the commit. Raises what the link raises, after
    all that could be accepted."""
    site, partner = turn.site, _partner(turn)
    if partner.link is None or partner.mode == "off":
        return 0
    with site.store.read() as c:
        cursor = payloads.get_cursor(c, partner.name)
    count = 0
    failures: list[Exception] = []
    for batch in receiving.batches(partner, cursor):
        outcomes = _keep(site, partner, batch, turn.write)
        if told := receiving.settle(partner.link, batch, outcomes, failures):
            with turn.write() as c:
                payloads.settled(c, partner.name, told)
        count += len(batch)
        if not turn.going():
            break
    for error in failures:
        raise error
    if turn.going():
        absences.look(site, partner, turn.write)
    return count


def accept(site: Site, partner: Partner, payload: Payload) -> Outcome:
    """Store what came through a door; durable when this returns."""
    (outcome,) = _keep(site, partner, [(payload, intake.taken(partner, payload))], site.store.write)
    return outcome


def _keep(site: Site, partner: Partner, batch: Sequence[Taken], write: Write) -> list[Outcome]:
    """Store payloads, all in one commit: what became of each.

    A repeat is counted and stopped; another content under the same key is held; what cannot be stored at all is
    refused, and a held message says so.
    """
    with ExitStack() as opened:
        for body in (taken.body for _, taken in batch if isinstance(taken, intake.Spooled)):
            opened.callback(body.close)
        with write() as c:
            payloads.one_at_a_time(c, partner.name)
            kept = [intake.keep(c, site, partner, payload, taken) for payload, taken in batch]
    for outcome, message in kept:
        site.tell("payload", partner=partner.name, message=message or "", stop="accept", state=outcome.state)
    return [outcome for outcome, _ in kept]


# --- 2. understand -------------------------------------------------------------------------------------------


def understand(turn: Turn) -> int:
    """Every record of a payload becomes a message of its own; a payload that cannot be trusted is held whole.

    Small payloads are read together, a large one in many commits: whoever goes on with it begins where it was left.
    """
    site, partner = turn.site, _partner(turn)
    with site.store.read() as c:
        messages = ledger.work(c, turn.lane, site.now(), PAYLOADS)
    done = 0
    for found in _batched(r for m in messages for r in understanding.natives_of(site, partner, m)):
        together(turn, found, lambda c, some: understanding.keep(c, site, partner, some),
                 lambda read, error: _not_kept(turn, partner, read, error))  # fmt: skip
        done += len(found)
        if not turn.going():
            break
    return done


def _batched(found: Iterator[Read]) -> Iterator[list[Read]]:
    batch: list[Read] = []
    size = 0
    for read in found:
        batch.append(read)
        size += read.size
        if len(batch) == BATCH or size >= BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _not_kept(turn: Turn, partner: Partner, read: Read, error: CaseBridgeError) -> None:
    """A record that could not even be written down, with its own words left out."""
    if read.native is None:
        hold(turn, read.message, error)
        return
    place = Position(pointer=f"record {read.number}")
    held = replace(read, native=RecordError("CB-303", error.message, position=place))
    with turn.write() as c:
        understanding.keep(c, turn.site, partner, [held])


# --- 3. apply ------------------------------------------------------------------------------------------------


def apply(turn: Turn) -> int:
    """Write what the messages assert and what follows for others: one transaction, no two at a time in a site."""
    site, partner = turn.site, _partner(turn)
    with site.store.read() as c:
        messages = ledger.work(c, turn.lane, site.now(), BATCH)
    stuck: set[str] = set()

    def all_of_them(c: Connection, some: Sequence[Message]) -> Told:
        going = [m for m in ledger.still_there(c, turn.lane, some) if (m.order_key or m.id) not in stuck]
        at_hand.for_apply(c, partner, going)
        return [{"name": "applied", "message": m.id, "correlation": apply_one(c, site, partner, m),
                 "partner": m.partner, "stop": "apply", "state": "done"} for m in going]  # fmt: skip

    def alone(message: Message, error: CaseBridgeError) -> None:
        stuck.add(message.order_key or message.id)
        hold(turn, message, error)

    together(turn, messages, all_of_them, alone, one_worker=True)
    return len(messages)


def apply_one(c: Connection, site: Site, partner: Partner, message: Message) -> str:
    """Which referral it was about; "" for none."""
    done = apply_slice(c, site, partner, message)
    if done.skipped:  # nothing of it stays but the count: a payer's other members are none of our business
        ledger.change(c, message, site.now(), state="skipped", reason=done.skipped, document=None,
                      external_id=None, order_key=None)  # fmt: skip
        return ""
    follow(c, site, done)
    follow_again(c, site, message, done.correlation)
    ledger.change(c, message, site.now(), state="done", document=None, correlation=done.correlation)
    ledger.note(c, site.now(), "applied", message, correlation=done.correlation)
    return done.correlation or ""


# --- 4. prepare ----------------------------------------------------------------------------------------------


def prepare(turn: Turn) -> int:
    """A dispatch for each message, or one of all that leave at the same hour; each that may not go is held alone."""
    site, partner = turn.site, _partner(turn)
    with site.store.read() as c:
        messages = ledger.work(c, turn.lane, site.now(), BATCH)
    count = len(messages)
    messages = changed_since(turn, messages)
    if partner.dispatch == "each":
        messages = _first_of_each_key(messages)
    together(turn, messages, lambda c, some: _prepare_all(c, site, partner, ledger.still_there(c, turn.lane, some)),
             lambda m, e: hold(turn, m, e))  # fmt: skip
    return count


def _first_of_each_key(messages: list[Message]) -> list[Message]:
    """What hangs together leaves one after the other: the second needs what the first made at the partner."""
    first: dict[str, Message] = {}
    for message in messages:
        first.setdefault(message.order_key or message.id, message)
    return list(first.values())


def _prepare_all(c: Connection, site: Site, partner: Partner, messages: Sequence[Message]) -> Told:
    at_hand.for_prepare(c, partner, messages)
    told: Told = [{"name": "prepared", "partner": partner.name, "stop": "prepare", "state": "done"}]
    ready = [(m, p) for m in messages if (p := _prepared(c, site, partner, m, told)) is not None]
    alone = [one for one in ready if _goes_alone(partner, one[0])]
    for one in alone:
        _render(c, site, partner, [one], told)
    if len(alone) < len(ready):
        _render(c, site, partner, [one for one in ready if not _goes_alone(partner, one[0])], told)
    return told


def _goes_alone(partner: Partner, message: Message) -> bool:
    """What goes again keeps its own key; a file of many has one of its own."""
    return partner.dispatch == "each" or "again" in message.about


def _prepared(c: Connection, site: Site, partner: Partner, message: Message, told: Told) -> Prepared | None:
    """The message ready to render, or None when it is held or has no room there."""
    try:
        prepared = prepare_one(c, site, partner, message)
        return prepared if not nothing_new(c, site, partner, message, prepared) else None
    except (StoreTrouble, TogetherNot):
        raise
    except Exception as e:  # noqa: BLE001 - held with its reason
        error = known(e)
    if not no_room_is_fine(c, site, partner, message, error):
        told.append(write_held(c, site, message, error))
    return None


def _render(
    c: Connection, site: Site, partner: Partner, ready: Sequence[tuple[Message, Prepared]], told: Told
) -> None:
    """One dispatch of all, or one each when together they cannot be rendered; what was decided stays decided."""
    context = RenderContext(new_id(), site.clock(), partner.environment, partner.name)
    first = ready[0][0]
    try:
        files = list(partner.format.render([p.released for _, p in ready], context))
    except Exception as error:  # noqa: BLE001 - a format is a stranger's code; whatever it raises is held
        if len(ready) == 1:
            told.append(write_held(c, site, first, known(error)))
            return
        for one in ready:
            _render(c, site, partner, [one], told)
        return
    state = "shown" if partner.mode == "dry-run" else "inflight" if "again" in first.about else "claimed"
    part = circuit.part_of(partner, first.order_key)
    dispatches.add(c, context.dispatch, partner.name, site.now(), files, state, part=part, urgent=first.urgent)
    for message, prepared in ready:
        keep_prepared(c, site, message, prepared, context.dispatch, state)


# --- 5. deliver ----------------------------------------------------------------------------------------------


def deliver(turn: Turn) -> int:
    """Send what is due, as many at once as the link has room for."""
    partner = _partner(turn)
    if partner.link is None or partner.mode != "live":
        return 0  # it waits
    return delivering.deliver(turn, partner)


_STOPS: dict[str, Callable[[Turn], int]] = {
    "accept": receive, "understand": understand, "apply": apply, "prepare": prepare, "deliver": deliver,
}  # fmt: skip


def _partner(turn: Turn) -> Partner:
    return turn.site.partners[turn.lane.partner]
