"""For a process that works for days: Python looks for garbage less often, and not in what never becomes any."""

from __future__ import annotations

import gc

RARELY = (50_000, 20, 50)
"""Thresholds of the three generations; Python's own (700, 10, 10) cost a quarter of the time of a large batch."""


def settle_in() -> None:
    """After the maps are loaded, before the work begins."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)
