"""A turn at a lane, and what a partner's link may do to it: be away, ask for patience, or raise a stranger's error."""

from __future__ import annotations

import logging
from datetime import timedelta

from casebridge.core.errors import Bug, CaseBridgeError, TryAgain
from casebridge.engine import flow, notifying
from casebridge.engine.turn import Turn
from casebridge.store import ledger, problems, rounds
from casebridge.store.database import StoreTrouble, iso
from casebridge.store.leases import Superseded
from casebridge.store.problems import Problem

log = logging.getLogger(__name__)
AFTER_TROUBLE = 60.0  # seconds; a partner that could not be asked is tried again before its time


def work(turn: Turn) -> int:
    """One batch of the lane. What a link cannot give is its partner's problem: on the books, the others go on."""
    if turn.lane.stop == "notify":
        return notifying.notify(turn)
    if turn.lane.stop != "accept":
        return flow.work(turn)
    with turn.site.store.read() as c:
        before = problems.of_partner(c, turn.lane.partner)
    if before and turn.site.now() < before.not_before:
        return 0
    try:
        done = flow.work(turn)
    except (StoreTrouble, Superseded):
        raise
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code: the other partners go on
        _not_received(turn, error)
        _rest(turn, AFTER_TROUBLE)
        return 0
    remark = str(getattr(turn.site.partners[turn.lane.partner].link, "remark", ""))
    if (before.text if before else "") != remark:
        with turn.write() as c:
            problems.keep(c, turn.lane.partner, Problem(remark) if remark else None)
    _rest(turn, float("inf"))
    return done


def _rest(turn: Turn, at_most: float) -> None:
    """Leave a partner alone for as long as its link says; at most so many seconds."""
    every = float(getattr(turn.site.partners[turn.lane.partner].link, "every", 0))
    if every > 0:
        with turn.write() as c:
            until = turn.site.clock() + timedelta(seconds=min(every, at_most))
            rounds.keep(c, turn.lane.partner, iso(until))


def _not_received(turn: Turn, error: Exception) -> None:
    partner, name = turn.lane.partner, type(error).__name__
    if not isinstance(error, CaseBridgeError):
        log.error("receiving from %s: unexpected %s", partner, name)
    known = error if isinstance(error, CaseBridgeError) else Bug("CB-901", f"unexpected {name}")
    after = known.after if isinstance(known, TryAgain) else None
    with turn.write() as c:
        problem = Problem(f"{known.message} ({known.code})", iso(after) if after else "")
        problems.keep(c, partner, problem)
        ledger.note(c, turn.site.now(), "not-received", partner=partner, stop="accept", code=known.code)
