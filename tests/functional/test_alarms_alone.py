"""One referral whose timers cannot be worked out keeps nobody else's alarm from ringing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sites import TestSite, bundle, order, patient, task

from casebridge.engine import alarms, deadlines, sealing, timers, views

MONDAY = datetime(2026, 11, 2, 14, tzinfo=UTC)  # 09:00 in New York


def referral(number: int, **more: Any) -> dict[str, Any]:
    """One of several clients' referrals for food."""
    person, focus = f"p{number}", {"reference": f"ServiceRequest/s{number}"}
    return bundle(task(id_=f"t{number}", person=person, focus=focus, **more),
                  order(person=person, id=f"s{number}"), patient(person, None))  # fmt: skip


def later(site: TestSite, **time: float) -> list[str]:
    """So much later: the kinds of alarm that are on the list."""
    now = site.bridge.site.clock() + timedelta(**time)
    site.bridge.site.clock = lambda: now
    sealing.seal(site.bridge.site)
    timers.tend(site.bridge.site)
    return [row.kind for row in alarms.rows(site.bridge.site, 20)[1]]


@pytest.fixture
def site(make_site: Callable[..., TestSite]) -> TestSite:
    """Three referrals; the second is needed by a day that is told apart below."""
    site = make_site()
    site.bridge.site.clock = lambda: MONDAY
    for number in (1, 2, 3):
        more = {"restriction": {"period": {"end": "2031-01-01"}}} if number == 2 else {}
        site.drop("hospital", f"{number}.json", referral(number, **more))
    return site


def of_referral_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = deadlines.of_referral

    def fails(standing: deadlines.Standing, *more: Any) -> Any:
        if standing.needed_by == "2031-01-01":
            raise RuntimeError("of Ada Moreno")
        return real(standing, *more)

    monkeypatch.setattr(deadlines, "of_referral", fails)


def test_the_others_ring_when_one_cannot_be_set(
    site: TestSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    of_referral_fails(monkeypatch)
    assert later(site, hours=1) == []
    assert later(site, days=2) == ["not-answered"] * 2
    said = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert any("CB-901" in line for line in said)
    assert not any("Ada" in line for line in said)


def test_the_others_ring_when_one_cannot_be_looked_at_again(
    site: TestSite, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    assert later(site, hours=1) == []
    of_referral_fails(monkeypatch)
    assert later(site, days=2) == ["not-answered"] * 2


def test_an_agreement_that_cannot_be_worked_out_stops_no_other(
    make_site: Callable[..., TestSite], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    site = make_site(agreement='{ kind = "BAA", until = 2026-12-31 }')
    site.bridge.site.clock = lambda: MONDAY
    real = deadlines.of_last_day

    def fails(about: str, last: str, *more: Any) -> Any:
        if last == "2099-12-31":
            raise RuntimeError(last)
        return real(about, last, *more)

    monkeypatch.setattr(deadlines, "of_last_day", fails)
    timers.follow_days(site.bridge.site)
    assert later(site, minutes=1) == ["agreement-60"]


def test_a_date_in_the_year_9999_stops_nothing(make_site: Callable[..., TestSite]) -> None:
    site = make_site(agreement='{ kind = "BAA", until = 9999-12-31 }')
    site.bridge.site.clock = lambda: MONDAY
    for number, end in enumerate(("9999-12-31", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00Z", "2026-11-03")):
        site.drop("hospital", f"{number}.json", referral(number, restriction={"period": {"end": end}}))
    timers.follow_days(site.bridge.site)
    assert {row.pressing for row in views.referral_rows(site.bridge.site)} == {"", "soon"}
    later(site, hours=1)
    assert later(site, days=3).count("past-due") == 1
