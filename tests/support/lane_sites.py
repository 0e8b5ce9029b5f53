"""A site of bare lanes: real store, leases and engine; what a turn does is the test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from casebridge.core.policy import standard_rules
from casebridge.engine.embedded import Embedded
from casebridge.engine.lanes import Lanes
from casebridge.engine.port import Engine
from casebridge.engine.procrastinate import Procrastinate
from casebridge.engine.site import Partner, Site
from casebridge.engine.turn import Turn
from casebridge.engine.worker import Worker
from casebridge.mapping import MapSet
from casebridge.store import ledger
from casebridge.store.database import Store

NEVER = 3600.0
SOON = 20.0  # seconds that a thing which happens at once may take on a busy machine


class NoLink:
    """A partner's link that has nothing."""

    def receive(self, cursor: str | None) -> Iterator[Any]:
        return iter(())

    def close(self) -> None:
        return None


class LaneSite:
    """Partners a and b; messages that wait at *prepare*; a turn marks up to ``batch`` of them done."""

    def __init__(self, url: str, names: str = "ab", *, lease: float = 30, threads: int = 4, **partner: Any) -> None:
        self.store = Store(url)
        made = {n: Partner(n, "cbo", None, NoLink(), MapSet(n, ()), **partner) for n in names}  # type: ignore[arg-type]
        self.site = Site("lanes", self.store, made, (), standard_rules())
        self.lanes = Lanes(self.site, engine=lambda worker: engine_of(url, worker, threads), poll=NEVER)
        self.worker = self.lanes.worker
        self.worker.work, self.worker.lease = self.turn, timedelta(seconds=lease)
        self.batch, self.done = 500, []  # type: tuple[int, list[tuple[str, str, bool]]]
        self.before: Callable[[Turn], object] = lambda turn: None
        self._running: threading.Thread | None = None

    def turn(self, turn: Turn) -> int:
        """What the flow would do: take what is due, do it, commit."""
        with self.store.read() as c:
            messages = ledger.work(c, turn.lane, self.site.now(), self.batch)
        if messages:
            self.before(turn)
        with turn.write() as c:
            for message in messages:
                ledger.change(c, message, self.site.now(), state="done")
        self.done += [(m.partner, m.order_key, m.urgent) for m in messages]
        return len(messages)

    def add(self, partner: str, *keys: str, urgent: bool = False, wake: bool = True, **values: Any) -> None:
        """Messages that are due; ``wake=False``: as if the process had died right after the commit."""
        told, self.store.woken = self.store.woken, self.store.woken if wake else lambda lanes: None
        row = {"direction": "out", "kind": "referral", "stop": "prepare", "state": "waiting", "urgent": urgent}
        with self.store.write() as c:
            for key in keys:
                ledger.add(c, self.site.now(), **{**row, "partner": partner, "order_key": key or None, **values})
        self.store.woken = told

    @contextmanager
    def running(self) -> Iterator[LaneSite]:
        """The engine works for as long as the block lasts."""
        thread = threading.Thread(target=self.lanes.run)
        thread.start()
        assert comes_true(lambda: self.lanes.engine.working)
        try:
            yield self
        finally:
            self.lanes.stop()
            thread.join(SOON)
            assert not thread.is_alive()

    def waiting(self) -> int:
        """Messages that are not done."""
        with self.store.read() as c:
            return len(ledger.listed(c, state="waiting"))

    def close(self) -> None:
        self.lanes.close()
        self.store.close()


def engine_of(url: str, worker: Worker, threads: int = 4) -> Engine:
    """The engine that the store's address chooses, quick to notice a dead process and to give up at its end."""
    if url.startswith("sqlite"):
        return Embedded(worker, threads, patience=1)
    return Procrastinate(worker, threads, patience=1, heartbeat=0.3, dead_after=2)


def comes_true(said: Callable[[], object], seconds: float = SOON) -> bool:
    """Wait for it, but not for ever."""
    until = time.monotonic() + seconds
    while not said():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
