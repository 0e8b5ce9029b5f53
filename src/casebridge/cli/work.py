"""A worker process: it works on the lanes and has no pages."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from casebridge.app import Bridge, alone
from casebridge.cli.options import CONFIG, ConfigOption, bridge_of
from casebridge.cli.printing import out


def work(config: ConfigOption = CONFIG) -> None:
    """Work on what is due, without pages, until it is told to end. On PostgreSQL: as many of these as you like."""
    with bridge_of(config) as bridge, alone(bridge), _told() as told:
        _work(bridge, told)


def _work(bridge: Bridge, told: threading.Event) -> None:
    thread = threading.Thread(target=bridge.lanes.run, name="casebridge-lanes")
    thread.start()
    out.print(f"Worker {bridge.lanes.worker.name} is at work. Ctrl-C ends it after the batch at hand.", soft_wrap=True)
    told.wait()
    bridge.lanes.stop()
    thread.join()
    out.print("Ended.")


@contextmanager
def _told() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set."""
    told = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        told.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, action in before.items():
            signal.signal(number, action)
