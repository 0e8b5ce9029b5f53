"""What is done every so many seconds in one process, each in its own time, never twice at once; and once, soon."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from casebridge.engine.pool import Pool

log = logging.getLogger(__name__)
Job = Callable[[], object]


@dataclass(slots=True)
class Entry:
    """One job: how often, and when next (monotonic seconds)."""

    seconds: float
    name: str
    job: Job
    next: float = 0.0
    busy: bool = False


class Timetable:
    """Jobs by the clock that never goes back. One that raises is logged and done again at its next time."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._soon: list[tuple[float, int, Job]] = []  # when (monotonic), in which order asked for
        self._count = itertools.count()
        self._change = threading.Condition()
        self._stopped = False
        self._pool = Pool("timetable", 4)
        self.troubles: dict[str, str] = {}  # name of a job -> class of the error it met last time

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Do ``job`` at once and then every so many seconds."""
        self._entries.append(Entry(seconds, name, job))

    def after(self, seconds: float, job: Job) -> None:
        """Do ``job`` once, so many seconds from now, while it runs: something short that never raises."""
        with self._change:
            heapq.heappush(self._soon, (time.monotonic() + seconds, next(self._count), job))
            self._change.notify()

    def run(self) -> None:
        """Until ``stop``."""
        while not self._stopped:
            now = time.monotonic()
            for entry in self._entries:
                if entry.next <= now and not entry.busy:
                    entry.busy, entry.next = True, now + entry.seconds
                    self._pool.submit(lambda entry=entry: self._do(entry))  # type: ignore[misc]
            for job in self._due(now):
                job()
            with self._change:
                soonest = min((entry.next for entry in self._entries), default=now + 1)
                soonest = min(soonest, self._soon[0][0]) if self._soon else soonest
                if not self._stopped:
                    self._change.wait(max(0.01, soonest - time.monotonic()))

    def stop(self) -> None:
        """Begin nothing more."""
        with self._change:
            self._stopped = True
            self._change.notify()
        self._pool.close()

    def _due(self, now: float) -> list[Job]:
        with self._change:
            found = []
            while self._soon and self._soon[0][0] <= now:
                found.append(heapq.heappop(self._soon)[2])
            return found

    def join(self, seconds: float) -> bool:
        """Wait for what was begun."""
        return self._pool.join(seconds)

    def _do(self, entry: Entry) -> None:
        try:
            entry.job()
            self.troubles.pop(entry.name, None)
        except Exception as error:  # noqa: BLE001 - the next time may go well; its text may quote a record
            kind = type(error).__name__
            if self.troubles.get(entry.name) != kind:  # once, not every second
                log.error("%s: unexpected %s", entry.name, kind)
            self.troubles[entry.name] = kind
        finally:
            entry.busy = False
