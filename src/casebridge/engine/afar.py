"""The engine of a process that has no lanes of its own: it says which have work to the process that does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from casebridge.engine.port import PATIENCE
from casebridge.engine.timetable import Timetable
from casebridge.store.leases import Lane


class Afar:
    """Of what is done by the clock only what each process does for itself (``everywhere``) is done here."""

    sweep = 1.0

    def __init__(self, tell: Callable[[Iterable[str]], None]) -> None:
        self._tell, self._timetable = tell, Timetable()
        self._mutex = threading.Lock()
        self.working = False

    @property
    def trouble(self) -> str:
        """The class of the error that something done by the clock met last."""
        return next(iter(self._timetable.troubles.values()), "")

    def wake(self, lanes: Iterable[Lane]) -> None:
        """Said to the other process; what is lost on the way its sweep finds."""
        with self._mutex:
            self._tell(lane.name for lane in lanes)

    def every(
        self, seconds: float, name: str, job: Callable[[], object], *, everywhere: bool = False, overlap: bool = False
    ) -> None:
        """Only what is to be done everywhere."""
        if everywhere:
            self._timetable.every(seconds, name, job)

    def run(self) -> None:
        """Until ``stop``."""
        self.working = True
        self._timetable.run()
        self._timetable.join(PATIENCE)

    def stop(self) -> None:
        """End ``run``."""
        self._timetable.stop()

    def close(self) -> None:
        """Nothing is open."""
