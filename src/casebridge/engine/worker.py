"""One process at work on lanes: it takes leases, has turns, and lets go."""

from __future__ import annotations

import logging
import os
import platform
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta

from casebridge.engine import flow
from casebridge.engine.site import Site
from casebridge.engine.turn import LEASE, Turn
from casebridge.store import circuits, due, leases
from casebridge.store.database import iso
from casebridge.store.due import STOPS
from casebridge.store.leases import Lane, Superseded

log = logging.getLogger(__name__)
HANGS = timedelta(minutes=10)
"""A turn that wrote nothing for so long is not waited for: others may take its lane over."""
LONGEST_WAIT = 60.0  # seconds for the end of another thread's turn at a lane


class Worker:
    """Turns at lanes, from any number of threads, never two at one lane.

    It keeps a lease until ``let_go``: the epoch is the fence, so a lane kept over a rest costs nothing and is lost as
    soon as another worker wants it. Where no other process may work (SQLite), another holder's lease is a dead one's.
    """

    def __init__(self, site: Site, work: Callable[[Turn], int] = flow.work, lease: timedelta = LEASE) -> None:
        self.site, self.work, self.lease = site, work, lease
        self.name = f"{platform.node()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.going, self.done = True, 0  # pieces of work done here so far
        self._sole = site.store.url.startswith("sqlite")
        self._taking, self._change = threading.Lock(), threading.Condition()
        self._epochs: dict[Lane, int] = {}
        self._turns: dict[Lane, Turn] = {}

    def due(self, stops: Sequence[str] = STOPS) -> list[Lane]:
        """Lanes with due work that may go on: what waits for a partner that is off or only on trial is no due work."""
        with self.site.store.read() as c:
            return due.due(c, self.site.now(), self.may, stops)

    def may(self, lane: Lane) -> bool:
        """Is there anything to do in this lane as the site is set up now?"""
        partner = self.site.partners.get(lane.partner)
        if partner is None:
            return False
        if lane.stop in ("deliver", "notify"):
            return partner.mode == "live" and partner.link is not None
        if lane.stop == "accept":
            return partner.mode != "off" and partner.link is not None
        return lane.stop != "prepare" or partner.mode != "off"

    def take(self, lanes: Iterable[Lane]) -> None:
        """Have the leases on these lanes, as far as they are free: one commit for all of them."""
        with self._taking:
            wanted = [lane for lane in lanes if lane not in self._epochs]
            if not wanted:
                return
            now, until = iso(self.site.clock()), iso(self.site.clock() + self.lease)
            with self.site.store.write() as c:
                found = {lane: leases.take(c, lane, self.name, "9" if self._sole else now, until) for lane in wanted}
            self._epochs.update({lane: epoch for lane, epoch in found.items() if epoch is not None})

    def turn(self, lane: Lane, *, wait: bool = False) -> int:
        """One batch of the lane; 0 when nothing is due, another worker has it, or a turn at it still goes on here.

        ``wait``: for the end of such a turn. Raises what is wrong with the store or in our own code.
        """
        turn = Turn(self.site, lane, 0, lambda: self.going, self.lease)
        if not self.may(lane) or not self._begin(turn, wait):
            return 0
        done = 0
        try:
            turn.epoch = self._epoch(lane)
            done = self.work(turn) if turn.epoch else 0
            return done
        except Superseded:
            log.warning("%s: another worker has taken the lane over; nothing more is written", lane.name)
            self._epochs.pop(lane, None)
            return 0
        finally:
            with self._change:
                self.done += done
                del self._turns[lane]
                self._change.notify_all()

    def _epoch(self, lane: Lane) -> int:
        """Under which epoch the lane is ours; 0 when it is not, and then its holder will find that we came."""
        self.take([lane])
        if lane not in self._epochs and not self._sole:
            with self.site.store.write(lasting=False) as c:
                leases.ask(c, lane)
            self.take([lane])
        return self._epochs.get(lane, 0)

    def _begin(self, turn: Turn, wait: bool) -> bool:
        with self._change:
            if wait:
                self._change.wait_for(lambda: turn.lane not in self._turns, LONGEST_WAIT)
            if turn.lane in self._turns:
                return False
            self._turns[turn.lane] = turn
            return True

    def quiet(self) -> bool:
        """Wait for the turns that other threads have; were there any?"""
        with self._change:
            busy = bool(self._turns)
            self._change.wait_for(lambda: not self._turns, LONGEST_WAIT)
        return busy

    def let_go(self, lanes: Collection[Lane] | None = None) -> list[Lane]:
        """Others may have these lanes, or all, at once; not those with a turn that still goes on.

        Lanes that somebody came for meanwhile: they should be woken, for there may be work.
        """
        with self._taking:
            free = {k: e for k, e in self._epochs.items() if k not in self._turns and (lanes is None or k in lanes)}
            for lane in free:
                del self._epochs[lane]
            if not free:
                return []
            with self.site.store.write(lasting=False) as c:  # a lease that lasts too long ends by itself
                for lane, epoch in free.items():
                    leases.let_go(c, lane, epoch)
        if self._sole:
            return []
        with self.site.store.write(lasting=False) as c:  # again: whoever came during the first saw the lane taken
            return leases.asked(c, free)

    def keep(self) -> None:
        """Keep the leases and tries of turns that last without writing: a long file, a slow partner. Not of one that
        hangs."""
        now = self.site.clock()
        with self._change:
            live = {lane: turn for lane, turn in self._turns.items() if turn.epoch and now - turn.spoke < HANGS}
        held = {} if self._sole else {lane: turn.epoch for lane, turn in live.items()}
        tries = {lane.partner: turn.tries for lane, turn in live.items() if turn.tries}
        if held or tries:
            with self.site.store.write() as c:
                leases.keep_all(c, held, iso(now + self.lease))
                circuits.keep_tries(c, tries, iso(now + self.lease))
