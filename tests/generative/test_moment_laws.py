"""Moments as written, compared only as far as both are known."""

from hypothesis import given
from hypothesis import strategies as st

from casebridge.core.moments import earlier, within
from casebridge.core.values import MOMENT_PATTERN

moments = st.from_regex(MOMENT_PATTERN.replace("$", r"\Z"))
days = st.dates().map(str)


@given(moments, moments)
def test_of_two_moments_at_most_one_is_earlier(a, b):
    assert not (earlier(a, b) and earlier(b, a))


@given(moments)
def test_nothing_is_earlier_than_itself_and_a_moment_is_within_itself(a):
    assert not earlier(a, a)
    assert within(a, a, a)


@given(days, days)
def test_days_compare_as_the_calendar_does(a, b):
    assert earlier(a, b) == (a < b)


@given(days, st.sampled_from([4, 7]))
def test_a_day_is_neither_before_nor_after_its_own_month_or_year(day, size):
    assert not earlier(day, day[:size])
    assert not earlier(day[:size], day)
