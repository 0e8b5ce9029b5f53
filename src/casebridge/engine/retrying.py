"""When to try again and when to give up: tenacity's strategies, asked about what is stored. Nobody sleeps on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tenacity import RetryCallState, Retrying, stop_after_delay, wait_exponential, wait_random_exponential

LONGEST_ASKED = timedelta(days=1)
"""A partner may ask us to wait so long (``Retry-After``); what it asks beyond is not heard."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a partner is delivered to: ``[partner.NAME.delivery]``.

    ``window`` is the most dispatches on their way together in one lane (None: as many as the link takes), ``parallel``
    the number of lanes (None: as many as help), ``rate`` the dispatches a second over all of them (None: no limit).
    """

    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(minutes=5)
    give_up_after: timedelta = timedelta(hours=72)
    window: int | None = None
    parallel: int | None = None
    rate: float | None = None

    def wait(self, attempt: int) -> timedelta:
        """After the first failure in a row, the second ...: doubled each time up to the longest, half of it by chance,
        so that those who failed together do not come again together."""
        half, most = self.first_wait / 2, self.longest_wait / 2
        strategy = wait_exponential(half.total_seconds(), most) + wait_random_exponential(half.total_seconds(), most)
        return timedelta(seconds=strategy(_state(attempt)))

    def over(self, since: datetime, now: datetime) -> bool:
        """Was it tried long enough?"""
        return stop_after_delay(self.give_up_after)(_state(1, (now - since).total_seconds()))


STANDARD = Delivery()
"""What holds where a site says nothing."""


def not_before(asked: datetime | None, now: datetime) -> datetime | None:
    """The moment a partner asked us to wait for, within reason; None when it named none that is still to come.

    >>> noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    >>> not_before(noon + timedelta(days=400), noon) - noon, not_before(noon - timedelta(days=1), noon)
    (datetime.timedelta(days=1), None)
    """
    if asked is None:
        return None
    moment = asked if asked.tzinfo else asked.replace(tzinfo=UTC)
    return min(moment, now + LONGEST_ASKED) if moment > now else None


def _state(attempt: int, elapsed: float = 0) -> RetryCallState:
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number, state.start_time, state.outcome_timestamp = attempt, 0, elapsed
    return state
