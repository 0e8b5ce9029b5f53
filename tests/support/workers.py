"""Worker processes of a site under test, and how far they are."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from programs import QUIET, Program
from sites import TestSite
from sqlalchemy import text

from casebridge.engine.pulse import beats_of

SEED = int(os.environ.get("CASEBRIDGE_SEED", "0")) or random.randrange(1, 2**32)


def workers(folder: Path, count: int) -> list[Program]:
    """``casebridge work``, so many times; what they log is in workers.log."""
    command = ["work", "-c", folder / "casebridge.toml"]
    with (folder / "workers.log").open("a", encoding="utf-8") as log:
        return [Program(*command, stdout=QUIET, stderr=log) for _ in range(count)]


@contextmanager
def at_work(site: TestSite, count: int) -> Iterator[list[Program]]:
    """So many workers, from when all of them have given a sign of life; at the end of the block they end in order."""
    before = {beat.name for beat in beats_of(site.bridge.site)}  # also of those that were killed
    running = workers(site.folder, count)
    try:
        at_it = comes_true(lambda: len({beat.name for beat in beats_of(site.bridge.site)} - before) >= count, 60)
        assert at_it, ([process.poll() for process in running], (site.folder / "workers.log").read_text()[-3000:])
        yield running
        for process in running:
            process.terminate()
        assert [process.wait(60) for process in running] == [0] * count
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextmanager
def at_work_here(site: TestSite) -> Iterator[None]:
    """The same in this process, in a thread: it begins and ends faster."""
    thread = Thread(target=site.bridge.lanes.run)
    thread.start()
    try:
        yield
    finally:
        site.bridge.lanes.stop()
        thread.join(60)
        assert not thread.is_alive()


def comes_true(said: Callable[[], object], seconds: float = 180, pause: float = 0.05) -> bool:
    """Wait for it, but not for ever; ``pause``: seconds between two looks."""
    until = time.monotonic() + seconds
    while not said():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
    return True


def moved(site: TestSite) -> int:
    """How many events are on the books: it grows while somebody works."""
    with site.bridge.site.store.read() as c:
        return int(c.execute(text("SELECT count(*) FROM event")).scalar_one())


def finished(site: TestSite) -> bool:
    """Is nothing on its way any more?"""
    waiting = list((site.folder / "hospital" / "in").glob("*.json"))
    return not waiting and not site.messages(state="waiting")
