"""The port between the site's lanes and whatever decides who works when. Two engines stand behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from casebridge.store.leases import PARTS, Lane

LONG = ("accept", "understand", "deliver", "notify")
"""Stops whose turns may last: they wait for a partner, or read a file as long as it is."""
PATIENCE = 20.0
"""Seconds that ``run`` waits at its end for the batches at hand; what takes longer is cut off, as by a kill."""
RESTS = (0.2, 1, 2, 5, 15)
"""Seconds of rest after the first, second ... failure in a row."""
MOST_LONG = 200  # turns of this sort at once in one process


class Engine(Protocol):
    """Says who works when. What happened to a message is in the ledger, so what an engine forgets is found again."""

    sweep: float
    """Seconds between two looks for due work that nobody was woken for."""

    def wake(self, lanes: Iterable[Lane]) -> None:
        """There is work in these lanes. Said after the commit that made it; never raises: the sweep is the net."""

    def every(
        self, seconds: float, name: str, job: Callable[[], object], *, everywhere: bool = False, overlap: bool = False
    ) -> None:
        """Do ``job`` at the start of ``run`` and then every so many seconds: in one worker of the site at a time, or
        ``everywhere``, in each of its processes. ``overlap``: it need not wait for the end of the one before, which
        a dead process will never say."""

    def run(self) -> None:
        """Work until ``stop``; raises what makes all work impossible, such as a database that is gone."""

    def stop(self) -> None:
        """End ``run`` after the batches at hand, however it waits for them, within a bounded time."""

    def close(self) -> None:
        """Let go of what the engine has open."""

    @property
    def working(self) -> bool:
        """Is ``run`` at work, and not only trying to begin?"""

    @property
    def trouble(self) -> str:
        """The class of error that work meets at the moment; empty while all is well."""


def rest_after(failures: int) -> float:
    """How long to wait before it is tried again, after so many failures before this one."""
    return RESTS[min(failures, len(RESTS) - 1)]


def crew_of(lane: Lane) -> str:
    """Which threads work on a lane. Long turns never wait for short ones, nor urgent work for any other."""
    if lane.stop in LONG:
        return "long"
    return "urgent" if lane.urgent else "short"


def crews(threads: int, partners: int) -> dict[str, int]:
    """How many lanes of each crew are worked on at once in one process. A slow partner has threads of its own: there
    are as many for long turns as there are such lanes; each is started when it is first needed."""
    of_one = 3 + 2 * PARTS  # accept, understand, notify; deliver, ordinary and urgent
    return {"short": threads, "urgent": max(1, threads // 2), "long": min(max(1, partners) * of_one, MOST_LONG)}
