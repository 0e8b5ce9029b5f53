"""What a process does at the moment, seen by itself, and the sign of life it writes for the others.

Nothing is asked of the lanes: every turn and every job passes through here on its way.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Literal

from casebridge import logs
from casebridge.engine.site import Site
from casebridge.engine.turn import Turn
from casebridge.store import beats
from casebridge.store.database import iso

EVERY = 10.0
"""Seconds between two signs of life."""
GONE = timedelta(seconds=45)
"""A process that gave no sign for so long does not work any more."""
FORGOTTEN = timedelta(hours=1)
Role = Literal["serve", "doors", "work", "other"]


@dataclass(frozen=True, slots=True)
class Beat:
    """What a process said of itself last. Moments in stored form; ``silent`` is since when the turn that has written
    nothing for longest is silent ("" when none goes on)."""

    name: str
    role: Role
    host: str
    pid: int
    version: str
    started: str
    at: str
    turned: str = ""
    turns: int = 0
    busy: int = 0
    silent: str = ""
    trouble: str = ""
    jobs: dict[str, str] = field(default_factory=dict)  # name -> when it last went well

    def alive(self, site: Site) -> bool:
        """Did it say something lately?"""
        return self.at >= iso(site.clock() - GONE)


class Pulse:
    """One process of a site."""

    def __init__(self, site: Site, name: str, trouble: Callable[[], str] = lambda: "") -> None:
        self.site, self.name, self.trouble = site, name, trouble
        self.role: Role = "other"
        self.started = self.turned = ""
        self.turns = 0
        self.jobs: dict[str, str] = {}
        self._turns: dict[int, Turn] = {}
        self._mutex = threading.Lock()
        self._written = False

    def watched(self, work: Callable[[Turn], int]) -> Callable[[Turn], int]:
        """The same work; its turns are seen, and what it logs names its lane."""

        def turn_of(turn: Turn) -> int:
            with self._seen(turn), logs.bound(lane=turn.lane.name, partner=turn.lane.partner, stop=turn.lane.stop):
                return work(turn)

        return turn_of

    def job(self, name: str, job: Callable[[], object]) -> Callable[[], None]:
        """The same job; when it goes well that is remembered."""

        def watched() -> None:
            with logs.bound(job=name):
                job()
            self.jobs[name] = self.site.now()

        return watched

    def beat(self) -> None:
        """Write the sign of life: that it could be written is the best part of it."""
        self.started = self.started or self.site.now()
        with self.site.store.write() as c:
            beats.keep(c, self.name, self._said())
            self._written = True
            oldest = iso(self.site.clock() - FORGOTTEN)
            for name, said in beats.listed(c).items():
                if said["at"] < oldest:
                    beats.remove(c, name)

    def end(self) -> None:
        """This process ends in order: nobody shall look for it."""
        if self._written:
            with self.site.store.write() as c:
                beats.remove(c, self.name)

    def _said(self) -> dict[str, Any]:
        with self._mutex:
            silent = [turn.spoke for turn in self._turns.values()]
        return {
            "role": self.role, "host": platform.node(), "pid": os.getpid(), "version": version("casebridge"),
            "started": self.started, "at": self.site.now(), "turned": self.turned, "turns": self.turns,
            "busy": len(silent), "silent": iso(min(silent)) if silent else "", "trouble": self.trouble(),
            "jobs": dict(self.jobs),
        }  # fmt: skip

    @contextmanager
    def _seen(self, turn: Turn) -> Iterator[None]:
        with self._mutex:
            self._turns[id(turn)] = turn
        try:
            yield
        finally:
            with self._mutex:
                del self._turns[id(turn)]
                self.turns += 1
            self.turned = self.site.now()


def beats_of(site: Site) -> list[Beat]:
    """Every process that said something in the last hour."""
    with site.store.read() as c:
        return [Beat(name, **said) for name, said in beats.listed(c).items()]
