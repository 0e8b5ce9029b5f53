"""How long a partner is waited for: the settings of ``[partner.NAME.delivery]`` and the waits they make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casebridge.adapter import Conflict, Receipt
from casebridge.config import DeliveryTable, explain
from casebridge.core.errors import Held, RecordError, SetupError, TryAgain
from casebridge.engine.circuit import Verdict, verdict
from casebridge.engine.retrying import LONGEST_ASKED, STANDARD, Delivery, not_before

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHORT = Delivery(first_wait=timedelta(seconds=2), longest_wait=timedelta(seconds=60))
WAITS = [  # failures in a row, the shortest and the longest wait in seconds
    (STANDARD, 1, 0.5, 1), (STANDARD, 2, 1, 2), (STANDARD, 5, 8, 16), (STANDARD, 9, 128, 256), (STANDARD, 10, 150, 300),
    (STANDARD, 5000, 150, 300), (SHORT, 1, 1, 2), (SHORT, 5, 16, 32), (SHORT, 6, 30, 60),
]  # fmt: skip


@pytest.mark.parametrize(("delivery", "attempt", "shortest", "longest"), WAITS)
def test_waits_double_up_to_the_longest_and_half_of_each_is_chance(
    delivery: Delivery, attempt: int, shortest: float, longest: float
) -> None:
    waits = {delivery.wait(attempt).total_seconds() for _ in range(20)}
    assert shortest <= min(waits)
    assert max(waits) <= longest
    assert len(waits) > 1, "those who failed together do not come again together"


@given(st.integers(min_value=1, max_value=10**6))
def test_no_wait_is_longer_than_the_longest(attempt: int) -> None:
    assert timedelta(0) < STANDARD.wait(attempt) <= STANDARD.longest_wait


@pytest.mark.parametrize(("hours", "over"), [(0, False), (71.9, False), (72, True), (1000, True), (-5, False)])
def test_after_three_days_a_person_is_asked(hours: float, over: bool) -> None:
    assert STANDARD.over(NOON, NOON + timedelta(hours=hours)) is over


ASKED = [
    (None, None),
    (NOON + timedelta(minutes=5), NOON + timedelta(minutes=5)),
    (NOON, None),
    (NOON - timedelta(days=1), None),
    (NOON + timedelta(days=3650), NOON + LONGEST_ASKED),
    (datetime(2026, 11, 21, 12, 5), NOON + timedelta(minutes=5)),  # noqa: DTZ001  a stranger's link forgot the zone
]


@pytest.mark.parametrize(("asked", "until"), ASKED)
def test_a_moment_that_a_partner_names_is_heard_within_reason(asked: datetime | None, until: datetime | None) -> None:
    assert not_before(asked, NOON) == until


TAKEN, MOVED, REFUSED = Receipt("1"), Conflict("moved"), RecordError("CB-305", "no")
DOWN, WRONG, EARLY = TryAgain("CB-401", "x"), SetupError("CB-106", "x"), TryAgain("CB-403", "x")
VERDICTS = [
    ([], Verdict(False, 0, None)),
    ([TAKEN, MOVED, REFUSED, Held("CB-501", "x")], Verdict(True, 0, None)),
    ([EARLY], Verdict(False, 0, None)),
    ([DOWN], Verdict(False, 1, DOWN)),
    ([DOWN, DOWN, DOWN], Verdict(False, 1, DOWN)),
    ([TryAgain("CB-401", "y"), DOWN], Verdict(False, 2, DOWN)),
    ([DOWN, TAKEN], Verdict(True, 0, None)),
    ([TAKEN, WRONG], Verdict(True, 1, WRONG)),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "said"), VERDICTS)
def test_what_a_batch_says_of_the_partner(answers: list[object], said: Verdict) -> None:
    assert verdict(answers) == said


SPANS = [("30s", 30), ("5m", 300), ("1.5h", 5400), ("1d", 86400)]


@pytest.mark.parametrize(("written", "seconds"), SPANS)
def test_times_are_written_as_people_write_them(written: str, seconds: float) -> None:
    table = DeliveryTable.model_validate({"longest_wait": written})
    assert table.longest_wait == timedelta(seconds=seconds)


WRONG_SETTINGS = [
    ({"first_wait": "soon"}, 'first_wait: expected a time such as "30s", "5m", "72h" or "3d"'),
    ({"first_wait": 5}, 'first_wait: expected a time such as "30s"'),
    ({"first_wait": "10m"}, "first_wait may not be longer than longest_wait"),
    ({"give_up_after": "1m"}, "first_wait may not be longer than longest_wait, nor that than give_up_after"),
    ({"parallel": 5}, "parallel: Input should be less than or equal to 4"),
    ({"rate": 0}, "rate: Input should be greater than 0"),
    ({"windows": 3}, "windows: there is no such entry"),
]


@pytest.mark.parametrize(("settings", "said"), WRONG_SETTINGS)
def test_a_wrong_setting_is_named(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        DeliveryTable.model_validate(settings)
    assert said in explain(wrong.value, "partner.x.delivery")
