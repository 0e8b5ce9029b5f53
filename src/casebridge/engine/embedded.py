"""The engine for SQLite: one process, its threads drain the lanes.

A lane waits in line for a thread, has one turn, and goes to the end of the line while there is more: many records of
one partner do not hold up the only one of another. Long turns and urgent work have threads of their own
(``port.crews``). A lane to which work came while it was at work on little draws a breath before it goes on: in a stream
of single messages each commit then serves several.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from casebridge.engine.pool import Pool
from casebridge.engine.port import PATIENCE, crew_of, crews, rest_after
from casebridge.engine.timetable import Timetable
from casebridge.engine.worker import Worker
from casebridge.store.leases import Lane

log = logging.getLogger(__name__)
BREATH = 0.2
"""Seconds."""
LITTLE = 50
"""Pieces of work in one turn."""


class Embedded:
    """Threads of this process on the lanes of a site."""

    sweep = 1.0

    def __init__(self, worker: Worker, threads: int = 4, patience: float = PATIENCE) -> None:
        self.worker, self.patience = worker, patience
        self._pools = {name: Pool(name, size) for name, size in crews(threads, len(worker.site.partners)).items()}
        self._timetable = Timetable()
        self.working = False
        self._mutex = threading.Lock()
        self._in_line: set[Lane] = set()  # waiting for a thread
        self._with_work: set[Lane] = set()  # in line or at work, and not only to look whether there is more
        self._at_work: dict[Lane, bool] = {}  # with a thread; True: woken meanwhile
        self._failed: dict[Lane, tuple[int, float, str]] = {}  # failures in a row, rests until, class of the last

    @property
    def trouble(self) -> str:
        """The class of the last error of some lane, or of what is done by the clock, that has not gone well since."""
        kinds = [kind for _, _, kind in list(self._failed.values())]
        return next(iter([*kinds, *self._timetable.troubles.values()]), "")

    def wake(self, lanes: Iterable[Lane]) -> None:
        """Each goes to the end of the line, once; one at work will look again when its turn is over.

        In a process that does not ``run`` nothing is done: the one that does will sweep.
        """
        with self._mutex:
            for lane in lanes if self.working else ():
                if lane in self._at_work:
                    self._at_work[lane] = True
                elif lane not in self._in_line and not self._rests(lane):
                    self._line_up(lane)

    def every(
        self, seconds: float, name: str, job: Callable[[], object], *, everywhere: bool = False, overlap: bool = False
    ) -> None:
        """Do ``job`` every so many seconds while the engine runs; one process is everywhere."""
        self._timetable.every(seconds, name, job)

    def run(self) -> None:
        """Work until ``stop``."""
        self.working = True
        self._timetable.run()
        until = time.monotonic() + self.patience
        for end in (self._timetable.join, *(pool.join for pool in self._pools.values())):
            if not end(max(0.0, until - time.monotonic())):
                log.warning("work that did not end in %g seconds is cut off; it is done again at the next start",
                            self.patience)  # fmt: skip
        self.worker.let_go()

    def stop(self) -> None:
        """End ``run`` after the batches at hand."""
        self.worker.going = False
        for pool in self._pools.values():
            pool.close()
        self._timetable.stop()

    def close(self) -> None:
        """Nothing is open but threads, and they end with ``run``."""

    def _rests(self, lane: Lane) -> bool:
        return lane in self._failed and time.monotonic() < self._failed[lane][1]

    def _line_up(self, lane: Lane) -> None:
        """At once when nothing else is done at its stop and partner; else in a breath, with what comes by then."""
        alike = any(other.stop == lane.stop and other.partner == lane.partner for other in self._with_work)
        self._in_line.add(lane)
        self._with_work.add(lane)
        if alike:
            self._timetable.after(BREATH, lambda: self._submit(lane))
        else:
            self._submit(lane)

    def _submit(self, lane: Lane) -> None:
        self._pools[crew_of(lane)].submit(lambda: self._turn(lane))

    def _turn(self, lane: Lane) -> None:
        with self._mutex:
            self._in_line.discard(lane)
            self._at_work[lane] = False
        done = 0
        try:
            done = self.worker.turn(lane)
            self._failed.pop(lane, None)
        except Exception as error:  # noqa: BLE001 - the other lanes go on; its text may quote a record
            self._fail(lane, error)
        finally:
            with self._mutex:
                woken = self._at_work.pop(lane)
                breath = woken and 0 < done < LITTLE
                self._with_work.discard(lane)
                if breath:
                    self._in_line.add(lane)
                    self._with_work.add(lane)
        if breath:
            self._timetable.after(BREATH, lambda: self._submit(lane))
        elif woken or done >= LITTLE:
            self.wake([lane])
        elif done and lane.stop != "accept":  # a partner is asked again at its time, not at once
            self._timetable.after(BREATH, lambda: self._look(lane))

    def _look(self, lane: Lane) -> None:
        """Is there more? It is not said that there is."""
        with self._mutex:
            if lane not in self._at_work and lane not in self._in_line:
                self._in_line.add(lane)
                self._submit(lane)

    def _fail(self, lane: Lane, error: Exception) -> None:
        times = self._failed.get(lane, (0, 0.0, ""))[0]
        rest = rest_after(times)
        self._failed[lane] = (times + 1, time.monotonic() + rest, type(error).__name__)
        log.error("%s: unexpected %s; tried again in %g s", lane.name, type(error).__name__, rest)
