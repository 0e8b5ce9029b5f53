"""Worker processes of a site under test, and how far they are."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from sites import TestSite
from sqlalchemy import text

COMMAND = Path(sys.executable).with_name("casebridge")
SEED = int(os.environ.get("CASEBRIDGE_SEED", "0")) or random.randrange(1, 2**32)


def workers(folder: Path, count: int) -> list[subprocess.Popen[bytes]]:
    """``casebridge work``, so many times."""
    command = [COMMAND, "work", "-c", folder / "casebridge.toml"]
    return [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)]


def moved(site: TestSite) -> int:
    """How many events are on the books: it grows while somebody works."""
    with site.bridge.site.store.read() as c:
        return int(c.execute(text("SELECT count(*) FROM event")).scalar_one())


def finished(site: TestSite) -> bool:
    """Is nothing on its way any more?"""
    waiting = list((site.folder / "hospital" / "in").glob("*.json"))
    return not waiting and not site.messages(state="waiting")
