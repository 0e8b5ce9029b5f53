"""Partners asked before their time: at once, and never more often than the pause allows, whatever comes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from casebridge.engine.bell import PAUSE, Bell


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["ring", "tend"]), st.sampled_from(["a", "b"]))))
def test_it_is_asked_after_each_ring_and_never_twice_within_the_pause(steps: list[tuple[float, str, str]]) -> None:
    now, asked, rung = [0.0], {"a": [], "b": []}, {"a": -1.0, "b": -1.0}  # type: ignore[var-annotated]

    def ask(partners: Sequence[str]) -> None:
        for partner in partners:
            asked[partner].append(now[0])

    bell = Bell(ask, lambda: now[0])
    for wait, what, partner in steps:
        now[0] += wait
        if what == "ring":
            bell.ring(partner)
            rung[partner] = now[0]
        else:
            bell.tend()
    now[0] += PAUSE
    bell.tend()
    for partner, times in asked.items():
        assert all(after - before >= PAUSE - 1e-9 for before, after in pairwise(times))
        assert not times or times[-1] >= rung[partner]
        assert bool(times) == (rung[partner] >= 0)
