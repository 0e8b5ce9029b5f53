"""For every test: both databases; hypothesis asserts no timings and takes the same examples each time, unless told to
look further."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["databases"]

settings.register_profile(
    "casebridge", deadline=None, derandomize="CASEBRIDGE_EXPLORE" not in os.environ, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("casebridge")
