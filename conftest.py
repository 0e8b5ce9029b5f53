"""For every test: both databases; hypothesis asserts no timings and takes the same examples each time, unless told to
look further; their files lie in memory where there is room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["databases", "fhir_servers"]

settings.register_profile(
    "casebridge", deadline=None, derandomize="CASEBRIDGE_EXPLORE" not in os.environ, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("casebridge")

MEMORY = Path("/dev/shm")  # noqa: S108  pytest makes a folder of its own in it
ROOM = 4 * 2**30  # bytes; a run of the short tests leaves 0.4 GB, and pytest keeps the last three


def pytest_configure(config: pytest.Config) -> None:
    """Stores in memory: nobody waits for a disk. What a disk would do to them is cut away or limited by the tests."""
    short = config.option.markexpr == "not long"
    if short and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
