"""A brake on guessing links."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from threading import Lock

WINDOW = 60.0
MOST_ADDRESSES = 10_000


class WrongTokens:
    """Counts wrong tokens an address within the last minute; keeps at most 10,000 addresses."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def count(self, address: str) -> None:
        """One more wrong token from ``address``."""
        with self._lock:
            tries = self._tries.setdefault(address, deque(maxlen=self._limit))
            tries.append(time.monotonic())
            self._tries.move_to_end(address)
            while len(self._tries) > MOST_ADDRESSES:
                self._tries.popitem(last=False)

    def must_wait(self, address: str) -> bool:
        """Whether ``address`` used up its wrong tokens of the last minute."""
        with self._lock:
            tries = self._tries.get(address) or deque()
            return len(tries) == self._limit and time.monotonic() - tries[0] < WINDOW
