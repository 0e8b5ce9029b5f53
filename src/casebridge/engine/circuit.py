"""The circuit breaker of a destination: after some failures in a row nothing is sent there for a while, then one
dispatch; when that arrives two, four and so on, from one worker at a time, until all is as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from casebridge.adapter import Bulk, Conflict, Receipt
from casebridge.core.errors import CaseBridgeError, Held, RecordError, SetupError, TryAgain
from casebridge.engine.retrying import not_before
from casebridge.engine.site import Partner, Site
from casebridge.engine.turn import Turn
from casebridge.store import circuits, dispatches, leases, ledger
from casebridge.store.circuits import Circuit
from casebridge.store.database import Connection, iso
from casebridge.store.leases import PARTS

Answer = Receipt | Conflict | CaseBridgeError

OPENS_AFTER = 5
"""Failures in a row. A setting that is wrong needs no second: it is the same for every message."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a batch says about the destination: the failures in a row at its end, whether anything was answered
    before them, and the last failure."""

    answered: bool
    failures: int
    error: CaseBridgeError | None


def is_down(answer: object) -> bool:
    """Would the next message fare the same? Then it is not tried now."""
    return isinstance(answer, SetupError) or (isinstance(answer, TryAgain) and answer.code != "CB-403")


def verdict(answers: Sequence[object]) -> Verdict:
    """A batch that failed as one failed once: its dispatches share the error."""
    answered, failures = False, 0
    error: CaseBridgeError | None = None
    for answer in answers:
        if is_down(answer) and isinstance(answer, CaseBridgeError):
            failures, error = failures + (answer is not error), answer
        elif isinstance(answer, Receipt | Conflict | RecordError | Held):
            answered, failures, error = True, 0, None
    return Verdict(answered, failures, error)


def claimed(turn: Turn, circuit: Circuit) -> Circuit | None:
    """Half-open, the next try ours for as long as this turn shows that it lives; None while another worker has it."""
    now, until = turn.site.now(), iso(turn.site.clock() + turn.lease)
    with turn.write() as c:
        mine = circuits.claim(c, circuit.partner, now, until)
    turn.tries = now if mine else ""
    return replace(circuit, state="half-open", until=until, changed_at=now) if mine else None


def judged(turn: Turn, partner: Partner, circuit: Circuit, answers: Sequence[object], looked_at: int) -> Circuit:
    """The circuit after a batch of so many dispatches; written only when it changes."""
    said = verdict(answers)
    if circuit.state == "closed" and not said.failures and not (said.answered and circuit.failures):
        return circuit
    with turn.write() as c:
        now = circuits.locked(c, partner.name, turn.site.now())
        more = now.state != "closed" and dispatches.more_due(c, partner.name, turn.site.now(), looked_at)
        after = _after(turn.site, partner, now, said, more)
        if _is_ours(circuit, now) and after != now:
            circuits.keep(c, after)
            told = _noted(c, turn.site, now, after)
        else:
            after, told = now, ""
    if told:
        turn.site.tell(told, partner=partner.name, stop="deliver", state=after.state, code=after.code or "")
    return after


def _is_ours(before: Circuit, now: Circuit) -> bool:
    """Whoever sent while it was closed says nothing of what came after; a try ends with the one who made it."""
    if before.state == "closed":
        return now.state == "closed"
    return now.state == "half-open" and now.changed_at == before.changed_at


def _after(site: Site, partner: Partner, now: Circuit, said: Verdict, more: bool) -> Circuit:
    if said.error is not None:
        return _failed(site, partner, now, said, said.error)
    if now.state == "closed":
        return replace(now, failures=0, code=None, changed_at=site.now())
    if not said.answered:  # all were to be decided anew: nothing was tried
        return replace(now, until=site.now(), changed_at=site.now())
    window = now.window * 2
    if window > most_at_once(partner) or not more:
        return Circuit(partner.name, changed_at=site.now())
    return replace(now, window=window, until=site.now(), changed_at=site.now())


def _failed(site: Site, partner: Partner, now: Circuit, said: Verdict, error: CaseBridgeError) -> Circuit:
    before = 0 if said.answered else now.failures
    failures = min(before + said.failures, max(before + 1, OPENS_AFTER))  # a batch that fails is one try, not many
    if isinstance(error, SetupError):
        failures = max(failures, OPENS_AFTER)
    asked = not_before(error.after if isinstance(error, TryAgain) else None, site.clock())
    failed = replace(now, failures=failures, code=error.code, window=1, changed_at=site.now())
    if asked is None and failures < OPENS_AFTER and now.state == "closed":
        return failed
    until = asked or site.clock() + partner.delivery.wait(max(failures, OPENS_AFTER))
    return replace(failed, state="open", until=iso(until))


def most_at_once(partner: Partner) -> int:
    """Dispatches on their way together in all of the partner's lanes."""
    return window(partner) if window(partner) > 1 else parallel(partner)


def part_of(partner: Partner, order_key: str) -> int:
    """In which of the partner's lanes a dispatch waits: one key's in one. Files of many leave in one queue."""
    return leases.part_of(order_key, parallel(partner)) if partner.dispatch == "each" else 0


def parallel(partner: Partner) -> int:
    """The partner's lanes. Several help where a partner far away answers each; whoever takes many at once, or comes for
    what lies here, is served best by one with all of it."""
    near = isinstance(partner.link, Bulk) or getattr(partner.link, "shelves", False)
    return partner.delivery.parallel or (1 if near else PARTS)


def window(partner: Partner) -> int:
    """Dispatches on their way together in one lane: as many as the link takes and the site allows."""
    of_link = int(getattr(partner.link, "window", 1))
    return max(1, min(of_link, partner.delivery.window or of_link))


def _noted(c: Connection, site: Site, before: Circuit, after: Circuit) -> str:
    """It opens and closes on the books, once each, however often it is tried between."""
    name = {("closed", "open"): "circuit-opened", ("half-open", "closed"): "circuit-closed"}.get(
        (before.state, after.state), "")  # fmt: skip
    if name:
        facts = {"failures": str(after.failures), "until": after.until or ""} if after.state == "open" else {}
        ledger.note(c, site.now(), name, partner=after.partner, stop="deliver", code=after.code, facts=facts)
    return name
