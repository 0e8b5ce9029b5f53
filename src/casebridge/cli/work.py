"""A worker process: it works on the lanes and has no pages."""

from __future__ import annotations

import logging
import threading
import time

from casebridge import logs, startup
from casebridge.app import Bridge, alone
from casebridge.cli.options import CONFIG, ConfigOption, bridge_of
from casebridge.cli.printing import out
from casebridge.ending import LONGEST, told_to_end, wait_for

log = logging.getLogger(__name__)


def work(config: ConfigOption = CONFIG) -> None:
    """Work on what is due, without pages, until it is told to end. On PostgreSQL: as many of these as you like."""
    with told_to_end() as told, bridge_of(config) as bridge, alone(bridge):
        logs.start(bridge.config.log.level, walled=bridge.site.walled)
        startup.begin(bridge)
        bridge.pulse.role = "work"
        _work(bridge, told)


def _work(bridge: Bridge, told: threading.Event) -> None:
    thread = threading.Thread(target=bridge.lanes.run, name="casebridge-lanes", daemon=True)
    thread.start()
    out.print(f"Worker {bridge.lanes.worker.name} is at work. Ctrl-C ends it after the batch at hand.", soft_wrap=True)
    told.wait()
    log.info("told to end: the batches at hand are finished")
    bridge.lanes.stop()
    ended = wait_for(thread, time.monotonic() + LONGEST)
    out.print("Ended." if ended else "Cut off: what was at hand is done again at the next start.")
