"""Threads that work off a queue in the order of asking; each is started when it is first needed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Pool:
    """At most ``size`` threads. They do not keep a process alive: one that hangs for ever is cut off as by a kill,
    which the ledger withstands, and the leases fence what it would still have done."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size
        self._asked: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._change = threading.Condition()
        self._threads = self._idle = 0
        self._closed = False

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Do ``work`` as soon as those asked for before are begun. Cancelled at once when the pool is closed."""
        asked: Future[Any] = Future()
        with self._change:
            if self._closed:
                asked.cancel()
                return asked
            self._asked.append((asked, work))
            if self._idle >= len(self._asked):
                self._change.notify()
            elif self._threads < self.size:
                self._threads += 1
                threading.Thread(target=self._work, name=f"casebridge-{self.name}", daemon=True).start()
        return asked

    def close(self) -> None:
        """Begin nothing more."""
        with self._change:
            self._closed = True
            for asked, _ in self._asked:
                asked.cancel()
            self._asked.clear()
            self._change.notify_all()

    def join(self, seconds: float) -> bool:
        """Wait for what was begun before ``close``; False when it did not end in time."""
        with self._change:
            return self._change.wait_for(lambda: self._threads == 0, seconds)

    def _work(self) -> None:
        while True:
            with self._change:
                self._idle += 1
                self._change.wait_for(lambda: self._asked or self._closed)
                self._idle -= 1
                if not self._asked:
                    self._threads -= 1
                    self._change.notify_all()
                    return
                asked, work = self._asked.popleft()
            self._do(asked, work)

    def _do(self, asked: Future[Any], work: Callable[[], Any]) -> None:
        if not asked.set_running_or_notify_cancel():
            return
        try:
            asked.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever asked hears of it
            asked.set_exception(error)
