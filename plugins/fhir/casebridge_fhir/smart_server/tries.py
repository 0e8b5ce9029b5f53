"""A brake on guessing: how often a client, and an address, may be wrong in a minute."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock

WINDOW = 60.0
MOST_NAMES = 10_000
PER_CLIENT, PER_ADDRESS = 10, 30


class WrongTries:
    """Counts wrong attempts of the last minute, by address and by client at that address.

    A client is counted per address, so that a stranger who knows its id cannot lock it out from elsewhere.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._tries: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def count(self, address: str, client: str = "") -> None:
        """One more wrong attempt; ``client`` is the one it claimed to be, if that is one we know."""
        with self._lock:
            for name, limit in _names(address, client):
                tries = self._tries.setdefault(name, deque(maxlen=limit))
                tries.append(self._clock())
                self._tries.move_to_end(name)
            while len(self._tries) > MOST_NAMES:
                self._tries.popitem(last=False)

    def wait(self, address: str, client: str = "") -> int:
        """Seconds until it may try again, 0 when it may now."""
        with self._lock:
            return max(self._left(name, limit) for name, limit in _names(address, client))

    def _left(self, name: tuple[str, str], limit: int) -> int:
        tries = self._tries.get(name)
        if tries is None or len(tries) < limit:
            return 0
        left = tries[0] + WINDOW - self._clock()
        return int(left) + 1 if left > 0 else 0


def _names(address: str, client: str) -> list[tuple[tuple[str, str], int]]:
    whole = [((address, ""), PER_ADDRESS)]
    return [*whole, ((address, client), PER_CLIENT)] if client else whole
