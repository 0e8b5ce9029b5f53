"""Alarms of a running site: each rings once, also after a restart, with two workers and when the clock goes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sites import TestSite, food_referral

from casebridge.engine import alarms, sealing, timers
from casebridge.store import dispatches
from casebridge.store import timers as stored

MONDAY = datetime(2026, 11, 2, 14, tzinfo=UTC)  # 09:00 in New York


class Clock:
    """A clock that is set by hand, and goes on a little with every look."""

    def __init__(self) -> None:
        self.time = MONDAY

    def __call__(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def started(make_site: Callable[..., TestSite], clock: Clock) -> Callable[..., TestSite]:
    """A site at whose Monday morning a referral for food arrives."""

    def start(**settings: str) -> TestSite:
        site = make_site(**settings)
        site.bridge.site.clock = clock
        site.drop("hospital", "one.json", food_referral())
        return site

    return start


def tend(site: TestSite, **later: float) -> list[str]:
    """So much later the jobs of the clock are done; the kinds of alarm that ring."""
    before = len(site.noted("alarm"))
    clock: Any = site.bridge.site.clock
    clock.time += timedelta(**later)
    sealing.seal(site.bridge.site)
    timers.tend(site.bridge.site)
    return [event["facts"]["kind"] for event in site.noted("alarm")[before:]]


def listed(site: TestSite) -> list[str]:
    return [row.kind for row in alarms.rows(site.bridge.site, 20)[1]]


def test_silence_raises_an_alarm_once(started: Callable[..., TestSite]) -> None:
    site = started()
    assert tend(site, days=1) == []
    assert tend(site, days=1) == ["not-answered"]
    assert tend(site, days=10) == []
    assert listed(site) == ["not-answered"]
    (event,) = site.noted("alarm")
    assert (event["correlation"], event["partner"]) == (site.referral().id, "agency")


def test_an_answer_ends_it(started: Callable[..., TestSite]) -> None:
    site = started()
    assert tend(site, hours=1) == []
    site.answer(site.referral().id, "accept")
    assert tend(site, days=10) == []
    assert listed(site) == []


def test_an_answer_in_the_last_moment_is_heard_before_it_rings(started: Callable[..., TestSite]) -> None:
    """The timer is due and the ledger not read yet: the referral itself is asked."""
    site = started()
    tend(site, hours=1)
    site.answer(site.referral().id, "accept")
    site.bridge.site.clock.time += timedelta(days=10)  # type: ignore[attr-defined]
    assert timers.fire(site.bridge.site) == 0


def test_what_has_rung_is_off_the_list_when_it_is_over(started: Callable[..., TestSite]) -> None:
    site = started()
    tend(site, days=2)
    assert listed(site) == ["not-answered"]
    site.answer(site.referral().id, "accept")
    tend(site, minutes=1)
    assert listed(site) == []
    with site.bridge.site.store.write() as c:
        assert stored.sweep(c) == 1
        assert stored.sweep(c) == 0


def test_what_never_arrived(started: Callable[..., TestSite]) -> None:
    site = started(agency_mode="off")
    assert tend(site, hours=3, minutes=55) == []
    assert tend(site, minutes=10) == ["not-received"]


def test_a_partner_on_trial_is_not_waited_for(started: Callable[..., TestSite]) -> None:
    assert tend(started(agency_mode="dry-run"), days=10) == []


def test_a_referral_nobody_takes_is_not_forgotten(make_site: Callable[..., TestSite], clock: Clock) -> None:
    site = make_site()
    site.bridge.site.clock = clock
    referral = food_referral()
    order = referral["entry"][1]["resource"]
    order["category"][0]["coding"][0]["code"] = "utility-insecurity"
    site.drop("hospital", "one.json", referral)
    assert site.held()
    assert tend(site, hours=5) == ["not-received"]


def test_it_rings_once_over_a_restart(started: Callable[..., TestSite]) -> None:
    site = started()
    tend(site, hours=1)
    site.reopen_with_same_settings()
    assert tend(site, days=2) == ["not-answered"]
    site.reopen_with_same_settings()
    assert tend(site, days=1) == []


def test_it_rings_once_when_the_clock_goes_back(started: Callable[..., TestSite]) -> None:
    site = started()
    assert tend(site, days=2) == ["not-answered"]
    assert tend(site, days=-2) == []
    assert tend(site, days=3) == []
    assert listed(site) == ["not-answered"]


def test_two_workers_ring_it_once(started: Callable[..., TestSite]) -> None:
    site = started()
    tend(site, hours=1)
    site.bridge.site.clock.time += timedelta(days=2)  # type: ignore[attr-defined]
    gate, rang = threading.Barrier(2), []

    def work() -> None:
        gate.wait()
        rang.append(timers.fire(site.bridge.site))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (sorted(rang), len(site.noted("alarm"))) == ([0, 1], 1)


def test_an_alarm_that_cannot_be_written_down_has_not_rung(
    started: Callable[..., TestSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = started()
    tend(site, hours=1)
    site.bridge.site.clock.time += timedelta(days=2)  # type: ignore[attr-defined]
    with monkeypatch.context() as broken:
        broken.setattr(alarms, "ring", lambda *_: 1 / 0)
        assert timers.fire(site.bridge.site) == 0
    assert timers.fire(site.bridge.site) == 1


def test_a_large_backlog_is_followed_in_steps(
    started: Callable[..., TestSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "MOST_EVENTS", 2)
    site = started()
    sealing.seal(site.bridge.site)
    steps = 0
    while timers.follow(site.bridge.site):
        steps += 1
    assert steps > 2
    assert tend(site, days=2) == ["not-answered"]


# --- what ends on a day --------------------------------------------------------------------------------------


def days(site: TestSite, today: str) -> list[str]:
    site.bridge.site.clock.time = datetime.fromisoformat(today).replace(hour=15, tzinfo=UTC)  # type: ignore[attr-defined]
    timers.follow_days(site.bridge.site)
    return tend(site)


def test_an_agreement_that_ends(started: Callable[..., TestSite]) -> None:
    site = started(agreement='{ kind = "BAA", until = 2027-02-26 }', agency_mode="dry-run")
    assert days(site, "2026-12-20") == []
    assert days(site, "2026-12-29") == ["agreement-60"]
    assert days(site, "2026-12-29") == []
    assert days(site, "2027-02-25") == ["agreement-7"]  # nobody looked for long: not thirty days as well
    assert days(site, "2026-12-01") + days(site, "2027-02-25") == []  # the clock went back and came again
    assert [row.partner for row in alarms.rows(site.bridge.site, 20)[1]] == ["agency", "agency"]
    site.reopen(agreement='{ kind = "BAA", until = 2029-02-26 }', agency_mode="dry-run")
    site.bridge.site.clock = Clock()
    assert days(site, "2027-02-26") == []
    assert listed(site) == []


# --- the duty queue ------------------------------------------------------------------------------------------

MAIL = """
[calendar]
hours = "08:00-17:00"

[alarms]
not-answered = "3 business days"
"""
DUTY = """
duty_queue = "duty@site.example"
duty_mail = { host = "127.0.0.1", port = 1, security = "plain", sender = "cb@site.example" }
"""


@pytest.fixture
def on_duty(started: Callable[..., TestSite]) -> TestSite:
    return started(more=MAIL, site_more=DUTY)


def test_the_duty_queue_is_told_through_release(on_duty: TestSite) -> None:
    assert tend(on_duty, days=2) == []
    assert tend(on_duty, days=1) == ["not-answered"]
    on_duty.work()
    (disclosed,) = on_duty.disclosures(recipient="duty-queue")
    assert (disclosed["purpose"], disclosed["effect"], disclosed["withheld"]) == ("notice", "released", [])
    (message,) = on_duty.messages(partner="duty-queue")
    text = mail_of(on_duty, message.dispatch)
    assert text == (
        f"A referral has not been answered.\nReference: {on_duty.referral().id}\nWho to call: agency\n"
        f"Open CaseBridge to see it: http://127.0.0.1:8421/referral/{on_duty.referral().id}\n")  # fmt: skip
    assert "Moreno" not in text


def mail_of(site: TestSite, dispatch: str | None) -> str:
    with site.bridge.site.store.read() as c:
        (file,) = dispatches.files_of(c, [dispatch or ""])[dispatch or ""]
    return file.data.decode()


def test_of_a_victim_service_provider_a_mail_says_nothing(started: Callable[..., TestSite]) -> None:
    """That a referral to it exists is itself protected (34 U.S.C. 12291(b)(2))."""
    site = started(more=MAIL, site_more=DUTY)
    partners = site.bridge.site.partners
    partners["agency"] = replace(partners["agency"], vsp=True, title="Safe Harbor", contact="Ann, 555-0177")
    assert tend(site, days=3) == ["not-answered"]
    site.work()
    (message,) = site.messages(partner="duty-queue")
    assert mail_of(site, message.dispatch).splitlines()[1:] == [
        f"Reference: {site.referral().id}",
        f"Open CaseBridge to see it: http://127.0.0.1:8421/referral/{site.referral().id}"]  # fmt: skip


def test_many_alarms_of_a_kind_are_one_mail(on_duty: TestSite) -> None:
    """A receiver that is down for hours must not fill a mailbox."""
    for number in range(25):
        on_duty.drop("hospital", f"more{number}.json", food_referral(id_=f"t{number + 10}"))
    assert tend(on_duty, days=4).count("not-answered") == 26
    on_duty.work()
    texts = [mail_of(on_duty, message.dispatch) for message in on_duty.messages(partner="duty-queue")]
    assert len(texts) == 2  # the other: that they are possibly the same
    (text,) = [text for text in texts if text.startswith("A referral has not been answered.\n26 of them.\n")]
    assert (text.count("\n01"), "and others" in text) == (20, True)


def test_the_name_of_the_queue_is_taken(make_site: Callable[..., TestSite], tmp_path: Path) -> None:
    with pytest.raises(Exception, match="this name is taken"):
        make_site(more='[partner.duty-queue]\nrole = "cbo"\ncarrier = "folder"\nsettings = { folder = "x" }\n')
