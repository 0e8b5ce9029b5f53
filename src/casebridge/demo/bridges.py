"""A bridge with its pages and doors served in this process, as ``casebridge serve`` does it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from casebridge.app import Bridge, alone, open_bridge
from casebridge.web.server import Listeners

PATIENCE = 20
"""Seconds: a partner's answer that takes longer is one that does not come, and the facts will say so."""


@contextlib.contextmanager
def served(config: Path) -> Iterator[Bridge]:
    """The bridge that ``config`` describes."""
    bridge = open_bridge(config)
    with contextlib.ExitStack() as stack:
        stack.callback(bridge.close)
        stack.enter_context(alone(bridge))
        listeners = Listeners(bridge)
        listeners.start()
        stack.callback(listeners.stop)
        yield bridge


def work(bridge: Bridge, until: Callable[[], bool] = lambda: True) -> None:
    """Let the bridge ask its partners and do everything that is due, until ``until`` holds."""
    ends = time.monotonic() + PATIENCE
    bridge.lanes.drain()
    while not until() and time.monotonic() < ends:
        time.sleep(0.1)
        bridge.lanes.drain()
