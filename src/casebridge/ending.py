"""How a process is told to end; one that runs for good: the first signal in order, the second at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

LONGEST = 25.0
"""Seconds that a process may take to end in order. What is not done then is cut off, as by a kill: it is done again at
the next start. Process supervisors must wait longer (``stop_grace_period`` in docker-compose.yml)."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SLICE = 1.0  # seconds


class _Told(threading.Event):
    """Looks up now and then: Python does nothing about a signal while its first thread sleeps, and the system may have
    shown the signal to another one."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            return super().wait(timeout)
        while not super().wait(SLICE):
            pass
        return True


def wait_for(thread: threading.Thread, until: float) -> bool:
    """Has the thread ended by then (monotonic seconds)? In slices, as a second signal has to be seen meanwhile."""
    while thread.is_alive() and (left := until - time.monotonic()) > 0:
        thread.join(min(SLICE, left))
    return not thread.is_alive()


def as_ctrl_c() -> None:
    """From now on SIGTERM ends this process as Ctrl-C does: what was begun is cleared away first."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def told_to_end() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets; the next one ends the process with that signal."""
    told = _Told()

    def end(number: int, frame: FrameType | None) -> None:
        if told.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        told.set()

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield told
    finally:
        for number, action in before.items():
            signal.signal(number, action)
