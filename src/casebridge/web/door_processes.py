"""The processes beside the first one that answer at the partners' doors: ``[web] processes``.

Python uses one core in one process. Each of these listens at the same address, has the store open, and says here which
lanes have work; the lanes themselves, the console and all that is done by the clock stay in the first process.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from casebridge.ending import wait_for
from casebridge.engine.lanes import Lanes
from casebridge.engine.port import rest_after
from casebridge.web.door_process import ALIVE, READY

log = logging.getLogger(__name__)
PATIENCE = 10.0
"""Seconds that a start waits for all of them; partners are answered by the first one meanwhile."""
STARTING = 60.0
"""Seconds until one that was started must have said something."""
SILENT = 30.0
"""Seconds without a word after which one is ended: it hangs, and those whom it answers with it."""


@dataclass(slots=True)
class _Door:
    """One of them, and those that took its place."""

    number: int
    ready: threading.Event = field(default_factory=threading.Event)
    process: subprocess.Popen[str] | None = None
    heard: float = 0.0  # monotonic


class DoorProcesses:
    """Started together; one that ends before its time, or hangs, is started again."""

    def __init__(self, lanes: Lanes, line: Sequence[str], count: int) -> None:
        self._lanes, self._line = lanes, [sys.executable, "-m", "casebridge.web.door_process", *line]
        self._doors = [_Door(number) for number in range(2, count + 2)]
        self._ending, self._mutex = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._keep, args=(door,), daemon=True,
                                          name=f"casebridge-doors-{door.number}") for door in self._doors]  # fmt: skip
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="casebridge-doors-watch")

    def start(self) -> None:
        """All of them answer when this returns; what does not is logged, and tried again."""
        for thread in (*self._threads, self._watcher):
            thread.start()
        until = time.monotonic() + PATIENCE
        if not all(door.ready.wait(max(0.0, until - time.monotonic())) for door in self._doors):
            log.warning("not all processes at the partners' doors answer yet; those that do take their part")

    def stop(self) -> None:
        """Each ends after the requests at hand; ``join`` waits for it."""
        self._ending.set()
        with self._mutex:
            for door in self._doors:
                _end(door.process)

    def join(self, until: float) -> None:
        """Wait till then (monotonic seconds); what has not ended is cut off."""
        for thread in (*self._threads, self._watcher):
            wait_for(thread, until)
        with self._mutex:
            for door in self._doors:
                if door.process:
                    door.process.kill()

    def _keep(self, door: _Door) -> None:
        failures = 0
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                how = str(self._one(door))
            except Exception as error:  # noqa: BLE001 - no process or no memory for one: it is tried again
                how = type(error).__name__
            if self._ending.is_set():
                return
            log.error("a process at the partners' doors ended (%s); it is started again", how)
            failures = 0 if time.monotonic() - began > STARTING else failures + 1
            self._ending.wait(rest_after(failures))

    def _one(self, door: _Door) -> int:
        with subprocess.Popen(self._line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            try:
                with self._mutex:
                    door.process, door.heard = process, time.monotonic() + STARTING - SILENT
                if self._ending.is_set():
                    _end(process)
                for said in process.stdout or ():
                    self._hear(door, said.strip())
                process.wait()
            finally:
                with self._mutex:
                    door.process = None
        return process.returncode

    def _hear(self, door: _Door, said: str) -> None:
        door.heard = time.monotonic()
        if said == READY:
            door.ready.set()
        elif said != ALIVE:
            self._lanes.told(said)

    def _watch(self) -> None:
        while not self._ending.wait(SILENT / 10):
            with self._mutex:
                for door in self._doors:
                    if door.process and time.monotonic() - door.heard > SILENT:
                        log.error("a process at the partners' doors says nothing any more, and is ended")
                        door.process.kill()


def _end(process: subprocess.Popen[str] | None) -> None:
    if process and process.stdin:
        process.stdin.close()
