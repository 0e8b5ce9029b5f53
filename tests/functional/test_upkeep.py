"""What a running site does by the clock: the ledger is sealed while it runs and when it stops; alarms ring."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sites import TestSite, food_referral

from casebridge.engine import upkeep
from casebridge.engine.verifying import verify

PATIENCE = 60


@contextmanager
def running(site: TestSite) -> Iterator[None]:
    thread = threading.Thread(target=site.bridge.lanes.run)
    thread.start()
    try:
        yield
    finally:
        site.bridge.lanes.stop()
        thread.join()


def wait_for(true: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_happens_is_sealed_while_it_happens_and_at_the_end(site: TestSite) -> None:
    inbox = site.folder / "hospital" / "in"
    inbox.mkdir()
    (inbox / "one.json").write_text(json.dumps(food_referral()))
    with running(site):
        wait_for(lambda: site.out("agency") and verify(site.bridge.site).seals)
    report = verify(site.bridge.site)
    assert (report.rows > 3, report.unsealed, report.findings.named) == (True, 0, [])


def test_alarms_ring_by_themselves(make_site: Callable[..., TestSite], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "JOBS", tuple((name, 0.2, job) for name, _, job in upkeep.JOBS))
    site = make_site()
    began = datetime(2026, 11, 2, 14, tzinfo=UTC)
    site.bridge.site.clock = lambda: began
    site.drop("hospital", "one.json", food_referral())
    site.bridge.site.clock = lambda: began + timedelta(days=3)
    with running(site):
        wait_for(lambda: site.noted("alarm"))
    assert [event["facts"]["kind"] for event in site.noted("alarm")] == ["not-answered"]
