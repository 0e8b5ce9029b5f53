"""What a running site does by the clock, beside its lanes."""

from __future__ import annotations

from collections.abc import Callable

from casebridge.engine import notifying, retaining, sealing, standing, timers
from casebridge.engine.site import Site

JOBS: tuple[tuple[str, float, Callable[[Site], object]], ...] = (
    ("seal", 1, sealing.seal),
    ("count", 10, standing.count),
    ("days", 6 * 3600, timers.follow_days),
    ("timers", 15, timers.tend),
    ("retention", 3600, retaining.tend),
    ("notifications", 3600, notifying.forget),
)
"""Name, seconds, what is done: in one process of the site at a time; each is safe to be done twice at once."""


def once(site: Site) -> None:
    """All of it now, as ``casebridge run`` does after its pass; what that noted is sealed as well."""
    sealing.seal(site)
    while timers.follow(site):
        pass
    for _, _, job in JOBS:
        job(site)
    sealing.seal(site)
