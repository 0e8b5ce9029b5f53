"""A site at work that a partner's server can notify: its doors on a port that is known before it opens."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from doors import doors_of

from casebridge.app import Bridge

T = TypeVar("T")
SECRET = "0123456789abcdef0123456789abcdef-for-tests"
PATIENCE = 30.0


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def at_work(bridge: Bridge, port: int) -> Iterator[str]:
    """Its lanes run and its doors are open; the address of the doors."""
    with doors_of(bridge, port) as url:
        thread = threading.Thread(target=bridge.lanes.run, daemon=True)
        thread.start()
        try:
            yield url
        finally:
            bridge.lanes.stop()
            thread.join(PATIENCE)


def until(look: Callable[[], T], what: str) -> T:
    """The first true answer; fails when there is none for long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"this never came: {what}")
