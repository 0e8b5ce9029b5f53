"""The law of tests/support/hospitals.py, in much more weather than ``make test`` has time for."""

from __future__ import annotations

import pytest
from hospitals import Hospital, link_to, storm
from weather import STORM, weather

HURRICANE = {fault: 2.5 * chance for fault, chance in STORM.items()}  # every second request meets something
HABITS = [
    (), ("opaque-pages", "remarks"), ("forgets-pages", "whole-seconds"), ("ignores:_sort", "no-self", "no-batch"),
    ("ignores:_lastUpdated", "no-strict"), ("one-page", "naive-times-east"), ("days-only", "wrong-total"),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("habits", HABITS, ids=lambda names: "+".join(names) or "fair")
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_and_nothing_out_of_order(either: str, habits: tuple[str, ...], seed: int) -> None:
    faults = HURRICANE if seed == 0 else STORM
    with (
        Hospital(either) as hospital,
        weather(either, *habits, faults=faults, seed=seed) as sky,
        link_to(sky.base, hospital.name) as make,
    ):
        storm(hospital, (sky, make), turns=8)
