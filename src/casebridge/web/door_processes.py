"""The processes beside the first one that answer at the partners' doors: ``[web] processes``.

Python uses one core in one process. Each of these listens at the same address, has the store open, and says here which
lanes have work; the lanes themselves, the console and all that is done by the clock stay in the first process.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

from casebridge.ending import wait_for
from casebridge.engine.lanes import Lanes
from casebridge.engine.port import rest_after
from casebridge.web.door_process import READY

log = logging.getLogger(__name__)
PATIENCE = 60.0
"""Seconds that a start waits for all of them."""


class DoorProcesses:
    """Started together; one that ends before its time is started again."""

    def __init__(self, lanes: Lanes, line: Sequence[str], count: int) -> None:
        self._lanes, self._line = lanes, [sys.executable, "-m", "casebridge.web.door_process", *line]
        self._ready = [threading.Event() for _ in range(count)]
        self._ending = threading.Event()
        self._running: list[subprocess.Popen[str]] = []
        self._mutex = threading.Lock()
        self._threads = [threading.Thread(target=self._keep, args=(ready,), daemon=True,
                                          name=f"casebridge-doors-{number}") for number, ready in
                         enumerate(self._ready, 2)]  # fmt: skip

    def start(self) -> None:
        """All of them answer when this returns; what does not is logged, and tried again."""
        for thread in self._threads:
            thread.start()
        if not all(ready.wait(PATIENCE) for ready in self._ready):
            log.warning("not all processes at the partners' doors answer; those that do take their part")

    def stop(self) -> None:
        """Each ends after the requests at hand; ``join`` waits for it."""
        self._ending.set()
        with self._mutex:
            for process in self._running:
                _end(process)

    def join(self, until: float) -> None:
        """Wait till then (monotonic seconds); what has not ended is cut off."""
        for thread in self._threads:
            wait_for(thread, until)
        with self._mutex:
            for process in self._running:
                process.kill()

    def _keep(self, ready: threading.Event) -> None:
        failures = 0
        while not self._ending.is_set():
            code = self._one(ready)
            if self._ending.is_set():
                return
            log.error("a process at the partners' doors ended (%s); it is started again", code)
            self._ending.wait(rest_after(failures))
            failures += 1

    def _one(self, ready: threading.Event) -> int:
        with subprocess.Popen(self._line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            with self._mutex:
                self._running.append(process)
            if self._ending.is_set():
                _end(process)
            for said in process.stdout or ():
                if said.strip() == READY:
                    ready.set()
                else:
                    self._lanes.told(said.strip())
        with self._mutex:
            self._running.remove(process)
        return process.returncode


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.close()
