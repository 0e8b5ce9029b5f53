"""Partners that are asked before their time, because somebody says that there is something new."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

PAUSE = 1.0
"""Seconds between two such askings of one partner: however often the bell rings, it is asked no more often."""


class Bell:
    """Rung for a partner; ``ask`` is told to ask it at once, or at the next ``tend`` when that was just done."""

    def __init__(self, ask: Callable[[Sequence[str]], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._asked: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._mutex = threading.Lock()

    def ring(self, partner: str) -> None:
        """Something is new there."""
        with self._mutex:
            now = self._clock()
            if now - self._asked.get(partner, -PAUSE) < PAUSE:
                self._waiting.add(partner)
                return
            self._asked[partner] = now
            self._waiting.discard(partner)
        self._ask([partner])

    def tend(self) -> None:
        """Ask those whose pause is over. A job of every second."""
        with self._mutex:
            now = self._clock()
            over = sorted(p for p in self._waiting if now - self._asked[p] >= PAUSE)
            self._asked.update(dict.fromkeys(over, now))
            self._waiting.difference_update(over)
        if over:
            self._ask(over)
