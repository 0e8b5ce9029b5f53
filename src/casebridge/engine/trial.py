"""A replay tried out: all of it is done in a transaction that is taken back, and what would be sent is compared with
what was sent before. Nothing is written, nothing leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from casebridge.core.belonging import external_id_of
from casebridge.core.case import records_of
from casebridge.core.errors import CaseBridgeError, Held
from casebridge.engine import at_hand, sent
from casebridge.engine.again import follow_again, leave
from casebridge.engine.applying import apply_slice
from casebridge.engine.difference import Place
from casebridge.engine.follow import follow
from casebridge.engine.held import reason
from casebridge.engine.preparing import Prepared, has_it, prepare_one
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import known
from casebridge.engine.turn import Turn
from casebridge.store import ledger, records, replays
from casebridge.store.connection import TogetherNot
from casebridge.store.database import Connection, StoreTrouble
from casebridge.store.ledger import Message

Verdict = Literal["changed", "unchanged", "new", "gone", "refused", "read"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a replay of one message would send to one partner.

    ``changed``: something else than before, at ``places``; ``unchanged``: the same, so nothing; ``new``: it was never
    sent; ``gone``: it would be sent, but what was sent before is no longer kept; ``refused``: it would not go, for the
    ``error``; ``read``: nothing is sent, so many ``records`` would get a new version.
    """

    message: str
    partner: str
    verdict: Verdict
    places: tuple[Place, ...] = ()
    error: CaseBridgeError | None = None
    records: int = 0


class _TakenBack(Exception):
    pass


def taken_back(site: Site, work: Callable[[Connection], list[Trial]]) -> list[Trial]:
    """Do it, see what comes of it, and undo it."""
    found: list[Trial] = []
    with suppress(_TakenBack), site.store.write() as c:
        found = work(c)
        raise _TakenBack
    return found


def of_outgoing(c: Connection, site: Site, message: Message) -> Trial:
    """What would be sent of a message at *prepare*; only within a transaction that is taken back."""
    partner = site.partners.get(message.partner)
    try:
        if partner is None:
            raise Held("CB-504", "it has no recipient yet: a replay looks for its route", who="it")
        if (later := replays.told_later(c, message)) is not None and "again" in message.about:
            raise Held("CB-532", f"a later message stands: {later}")
        at_hand.for_prepare(c, partner, [message])
        c.flush()
        prepared = prepare_one(c, site, partner, message)
        return _judged(c, partner, message, prepared)
    except (StoreTrouble, TogetherNot):
        raise
    except Exception as error:  # noqa: BLE001 - a map and a format are strangers' code
        return Trial(message.id, message.partner, "refused", error=known(error))


def _judged(c: Connection, partner: Partner, message: Message, prepared: Prepared) -> Trial:
    was = sent.before(c, message)
    if was is None:
        return Trial(message.id, partner.name, "new")
    if has_it(c, partner, message, prepared):
        return Trial(message.id, partner.name, "unchanged")
    if not was.files:
        return Trial(message.id, partner.name, "gone")
    found = sent.compared(partner, was, prepared)
    verdict: Verdict = "gone" if found is None else "changed" if found else "unchanged"
    return Trial(message.id, partner.name, verdict, tuple(found or ()))


def of(c: Connection, site: Site, message: Message, set_off: Callable[[], None]) -> list[Trial]:
    """What comes of a message that ``set_off`` sets off again; only within a transaction that is taken back."""
    try:
        set_off()
        message = _now(c, message)
        if message.state == "held":
            raise reason(message)
        if message.direction == "out" and message.partner:
            return [of_outgoing(c, site, message)]
        if message.stop != "apply":  # a file to read, or a referral that found its route
            return [Trial(message.id, message.partner, "read"), *_outgoing(c, site, message.correlation or "")]
        return _applied(c, site, message)
    except (StoreTrouble, TogetherNot):
        raise
    except Exception as error:  # noqa: BLE001 - held, were it real
        return [Trial(message.id, message.partner, "refused", error=known(error))]


def _applied(c: Connection, site: Site, message: Message) -> list[Trial]:
    """What would be written, and what would be sent because of it."""
    partner = site.partners[message.partner]
    versions = _versions(c, partner, message)
    done = apply_slice(c, site, partner, message)
    follow(c, site, done)
    concerned = {*follow_again(c, site, message, done.correlation), done.correlation or ""} - {""}
    changed = len(_versions(c, partner, message) - versions)
    return [Trial(message.id, message.partner, "read", records=changed), *_outgoing(c, site, *sorted(concerned))]


def _outgoing(c: Connection, site: Site, *correlations: str) -> Iterator[Trial]:
    for correlation in filter(None, correlations):
        for waiting in ledger.listed(c, correlation=correlation, direction="out", stop="prepare", state="waiting"):
            yield of_outgoing(c, site, waiting)


def _versions(c: Connection, partner: Partner, message: Message) -> set[tuple[str, int]]:
    found = set()
    for kind, path, document in records_of(message.document["slice"]):
        record = records.find(c, partner.name, kind, external_id_of(message.external_id, kind, path, document))
        found |= {(record.id, record.version)} if record else set()
    return found


def _now(c: Connection, message: Message) -> Message:
    return ledger.get(c, message.id) or message


def changed_since(turn: Turn, messages: list[Message]) -> list[Message]:
    """Without those that go again and would say what was said before, or may not go: they stay as they were."""
    return [m for m in messages if not ("again" in m.about and _left(turn, m))]


def _left(turn: Turn, message: Message) -> bool:
    site = turn.site
    (tried,) = taken_back(site, lambda c: [of_outgoing(c, site, message)])
    if tried.verdict not in ("unchanged", "refused"):
        return False
    with turn.write() as c:
        leave(c, site, message, tried.error)
    return True
