"""What was taken and moved is looked at for some minutes more: the handle of a writer that stalled follows the rename,
and the rest would arrive where nobody looks again."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from casebridge.core.errors import TryAgain

WATCHED = 15 * 60.0
"""Seconds."""
MOST = 200
"""Files that are looked at again at each look, the latest."""
COARSE = 2.0
"""Seconds by which some drives round a time when the file is moved (FAT)."""


@dataclass(frozen=True, slots=True)
class Moved:
    """``path`` is where ``name`` was moved to; ``size`` and ``changed`` (Unix seconds) are those of what was read."""

    name: str
    path: str
    size: int
    changed: float
    stamp: str = ""  # of a folder of files: changes with any file of it
    at: float = field(default_factory=time.monotonic)

    def went_on(self, size: int, changed: float, stamp: str = "") -> bool:
        """Was it written after it was read? A time set back to the original's, as uploads do at their end, is no
        writing."""
        if self.stamp:
            return stamp != self.stamp
        return size != self.size or changed > self.changed + COARSE


class Late:
    """What this process moved; after a restart it begins anew."""

    def __init__(self) -> None:
        self._moved: deque[Moved] = deque(maxlen=MOST)

    def add(self, moved: Moved) -> None:
        """Look at it for :data:`WATCHED` seconds."""
        self._moved.append(moved)

    def drop(self, moved: Moved) -> None:
        """It is no longer where it was moved to."""
        self._moved.remove(moved)

    def watched(self) -> list[Moved]:
        """What is still to be looked at."""
        while self._moved and time.monotonic() - self._moved[0].at > WATCHED:
            self._moved.popleft()
        return list(self._moved)


def went_on(name: str) -> TryAgain:
    """It was put back, and is read when it is whole."""
    return TryAgain("CB-403", f"{name}: more of it came after it was taken; it was put back and is read again")
