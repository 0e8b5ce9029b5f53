"""Who works on what, when. The ledger says what happened to every message; this only says which lane has its turn.

``drain`` does all that is due, here and now, one thing after the other. ``run`` leaves it to an engine
(``engine/port.py``), which is told after each commit which lanes have work; a sweep finds what it was not told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from casebridge.engine import asking, listening, sealing
from casebridge.engine.bell import PAUSE, Bell
from casebridge.engine.embedded import Embedded
from casebridge.engine.pace import settle_in
from casebridge.engine.port import Engine, rest_after
from casebridge.engine.reloading import MapWatch
from casebridge.engine.site import Partner, Site
from casebridge.engine.worker import Worker
from casebridge.store import ledger, problems, rounds, subscriptions
from casebridge.store.database import StoreTrouble
from casebridge.store.due import STOPS
from casebridge.store.leases import Lane

log = logging.getLogger(__name__)
LOOK = 1.0
"""Seconds between two looks at the site's own maps."""
LISTEN = 60.0
"""Seconds between two looks for word that partners left (``engine/listening.py``)."""


class Lanes:
    """The work of a site: drained on demand, or run for good by the engine that ``store.url`` chose."""

    def __init__(
        self, site: Site, watch: MapWatch | None = None, engine: Callable[[Worker], Engine] = Embedded, *,
        poll: float = 15,
    ) -> None:  # fmt: skip
        self.site, self.watch, self.poll = site, watch, poll
        self.worker = Worker(site, asking.work)
        self.engine = engine(self.worker)
        self._trouble = ""
        self._one, self._looking, self._stop = threading.Lock(), threading.Lock(), threading.Event()
        self._drainer: int | None = None
        self.bell = Bell(lambda partners: self.wake([Lane("accept", name) for name in partners]))
        site.store.woken = self._woken
        self.every(self.engine.sweep, "sweep", self.sweep, overlap=True)
        self.every(poll, "receive", self.receive, overlap=True)
        self.every(LISTEN, "listen", lambda: listening.listen(site, self.bell.ring))
        self.every(PAUSE, "bell", self.bell.tend, everywhere=True)
        self.every(LOOK, "maps", self._look_at_maps, everywhere=True)
        self.every(self.worker.lease.total_seconds() / 3, "leases", self.worker.keep, everywhere=True)

    # --- with an engine --------------------------------------------------------------------------------------

    def every(
        self, seconds: float, name: str, job: Callable[[], object], *, everywhere: bool = False, overlap: bool = False
    ) -> None:
        """Let the engine do ``job`` at the start and every so many seconds: in one process of the site, or each."""
        self.engine.every(seconds, name, job, everywhere=everywhere, overlap=overlap)

    def run(self) -> None:
        """Work until ``stop``. An engine that cannot go on (its database is gone) is tried again by itself."""
        settle_in()
        failures = 0
        while not self._stop.is_set():
            try:
                self.engine.run()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
                failures = 0 if self._trouble == "" else failures + 1
                self._trouble = type(error).__name__
                log.error("the lanes stopped: unexpected %s", self._trouble)
                self._stop.wait(rest_after(failures))
        with suppress(StoreTrouble):  # the next start seals it
            sealing.seal(self.site)

    def stop(self) -> None:
        """End ``run`` after the batches at hand."""
        self._stop.set()
        self.engine.stop()

    def close(self) -> None:
        """Let go of what the engine has open."""
        self.engine.close()

    def wake(self, lanes: Iterable[Lane] = ()) -> None:
        """There is work in these lanes, or, if none is named, wherever something is due. Never raises."""
        try:
            self.engine.wake(lanes or self.worker.due())
        except Exception as error:  # noqa: BLE001 - what made the work is committed; the sweep finds it
            log.warning("nothing could be woken (%s); the sweep will", type(error).__name__)

    def told(self, name: str) -> None:
        """A process without lanes made work for the lane of this name. Never raises."""
        try:
            lane = Lane.named(name)
        except ValueError:  # a word cut off
            log.warning("a process at the doors said what is no lane; the sweep finds what it meant")
            return
        self.wake([lane])

    def sweep(self) -> None:
        """The net under lost wakes: every lane with due work has its turn."""
        self.engine.wake([*self.worker.due(), *self._subscribers()])

    def receive(self) -> None:
        """Ask every partner's link for what is new, none sooner than it wants to be asked."""
        with self.site.store.read() as c:
            resting = rounds.resting(c, self.site.now())
        self.engine.wake([lane for lane in self._links() if lane.partner not in resting])

    @property
    def trouble(self) -> str:
        """Why work stops at the moment, in words; empty while all goes well."""
        if self.engine.working:
            self._trouble = ""
        kind = self._trouble or self.engine.trouble
        return f"Work stopped: unexpected {kind}. It is tried again by itself." if kind else ""

    # --- without one -----------------------------------------------------------------------------------------

    def drain(self, *, receive: bool = True) -> int:
        """Do everything that is due until nothing is, in this thread; how many pieces of work were done.

        What is in mid-flight is settled first, then partners are asked, then the stops are emptied in order.
        """
        with self._one:
            self._drainer = threading.get_ident()
            try:
                self._look_at_maps()
                done = self._turns(self.worker.due(["deliver"]))
                done += self._turns(self._links()) if receive else 0
                before = -1
                while self.worker.done != before or self.worker.quiet():  # also what another thread did makes work
                    before = self.worker.done
                    done += sum(self._turns(self.worker.due([stop])) for stop in STOPS)
                    done += self._turns(self._subscribers())
                    self._look_at_maps()
                self.engine.wake(self.worker.let_go())
                return done
            finally:
                self._drainer = None

    def dispatch_now(self, partner: Partner) -> None:
        """Let what waits for this partner's next dispatch leave now."""
        with self.site.store.write() as c:
            ledger.bring_forward(c, partner.name, self.site.now())
        self.drain(receive=False)

    def _turns(self, lanes: Sequence[Lane]) -> int:
        self.worker.take(lanes)
        return sum(self.worker.turn(lane, wait=True) for lane in lanes)

    def _links(self) -> list[Lane]:
        lanes = [Lane("accept", name) for name in self.site.partners]
        return [lane for lane in lanes if self.worker.may(lane)]

    def _subscribers(self) -> list[Lane]:
        with self.site.store.read() as c:
            lanes = [Lane("notify", name) for name in subscriptions.due_partners(c, self.site.now())]
        return [lane for lane in lanes if self.worker.may(lane)]

    def _woken(self, lanes: set[Lane]) -> None:
        if threading.get_ident() != self._drainer:  # it finds them by itself
            self.wake(lanes)

    # --- what is seen of it ----------------------------------------------------------------------------------

    @property
    def problems(self) -> dict[str, str]:
        """Partner -> why nothing could be received from it last time, in whatever process that was."""
        with self.site.store.read() as c:
            return {partner: problem.text for partner, problem in problems.listed(c).items()}

    @property
    def map_problems(self) -> dict[str, str]:
        """Partner -> why its changed maps are not used; the old ones are."""
        return dict(self.watch.problems) if self.watch else {}

    def _look_at_maps(self) -> None:
        if self.watch:
            with self._looking:
                self.watch.look(self.site)
