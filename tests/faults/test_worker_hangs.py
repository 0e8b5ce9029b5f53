"""A worker that hangs: in a call of a link that never returns, or stopped as a whole. The others go on, it is seen, its
lane is taken over, and when it wakes up after all it commits nothing more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Event, Thread
from typing import Any

import pytest
from posting import Agency, agency, fill, posting_site
from receivers import Receiver
from sites import TestSite, bundle, order, patient, task
from sqlalchemy import text
from workers import at_work, comes_true, finished, moved

from casebridge.adapter import Dispatch, Receipt
from casebridge.app import Bridge, open_bridge
from casebridge.engine import readiness
from casebridge.engine.readiness import Answer
from casebridge.engine.worker import HANGS
from casebridge.store import ledger


class Hanging(Receiver):
    """Its first call does not return before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.wake = Event(), Event()

    def send(self, dispatch: Dispatch, key: str) -> Receipt:
        first = not self.called.is_set()
        self.called.set()
        if first:
            self.wake.wait(60)
        return super().send(dispatch, key)


class Clock:
    """The real one, and what the test adds."""

    def __init__(self) -> None:
        self.more = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.more


def with_agency(bridge: Bridge, link: Any, clock: Clock) -> Bridge:
    """The agency is reached by this link."""
    partners = bridge.site.partners
    partners["agency"] = replace(partners["agency"], link=link)
    bridge.site.clock = clock
    return bridge


def referral(site: TestSite, person: str, domain: str, service: str) -> None:
    """The hospital refers somebody."""
    focus = {"focus": {"reference": f"ServiceRequest/s-{person}"}}
    sent = task(id_=f"t-{person}", person=person) | focus, order(domain, service, person) | {"id": f"s-{person}"}
    site.drop_quietly("hospital", f"{person}.json", bundle(*sent, patient(person, None)))
    site.bridge.lanes.receive()


def lanes_of(bridge: Bridge) -> Answer:
    """What is said of the lanes when somebody asks whether all is well."""
    found = readiness.answers(bridge.site, bridge.lanes.worker.name, [], bridge.lanes.worker.due)
    return next(answer for answer in found if answer.name == "lanes")


def sends(site: TestSite) -> int:
    """How often something was handed to a link, as the books say."""
    with site.bridge.site.store.read() as c:
        return int(c.execute(text("SELECT sum(sends) FROM dispatch")).scalar_one())


@pytest.fixture
def site(make_site: Callable[..., TestSite], store_url: str) -> TestSite:
    return make_site(store=store_url, treatment="treatment")


@contextmanager
def running(bridge: Bridge, link: Hanging) -> Iterator[Thread]:
    """The bridge is at work in a thread."""
    thread = Thread(target=bridge.lanes.run)
    thread.start()
    try:
        yield thread
    finally:
        link.wake.set()
        bridge.lanes.stop()
        thread.join(30)


def test_a_link_that_never_returns_holds_up_nobody_else_is_seen_and_superseded(site: TestSite) -> None:
    clock, link, other = Clock(), Hanging(), Receiver()
    first = with_agency(site.bridge, link, clock)
    first.lanes.engine.patience = 0.5  # type: ignore[attr-defined]
    with running(first, link) as thread:
        referral(site, "p1", "food-insecurity", "food-pantry")
        assert link.called.wait(30)
        referral(site, "p2", "homelessness", "emergency-shelter")
        assert comes_true(lambda: [m.code for m in site.messages(partner="hmis", state="held")] == ["CB-502"], 30)

        clock.more = HANGS + timedelta(minutes=1)
        first.pulse.beat()
        assert not lanes_of(first).well
        assert "has hung since" in lanes_of(first).said
        if site.store.startswith("sqlite"):  # one process: it is started again
            first.lanes.stop()
            thread.join(30)
        first.lanes.worker.keep()
        second = with_agency(open_bridge(site.folder / "casebridge.toml"), other, clock)
        second.lanes.drain()
        assert len(other.got) == 1
        written = site.noted("delivered")

        link.wake.set()
        assert comes_true(lambda: not first.lanes.worker.quiet(), 30)
        assert link.got == other.got  # the same key: nobody could know that it had not arrived
        assert sends(site) == 2
        assert [m.state for m in site.messages(partner="agency", direction="out")] == ["done"]
        assert site.noted("delivered") == written
        second.close()


def sessions(site: TestSite) -> list[str]:
    """What each session of PostgreSQL does or waits for."""
    with site.bridge.site.store.read() as c:
        query = "SELECT pid, state, wait_event_type, wait_event, xact_start, left(query, 80) FROM pg_stat_activity"
        return [str(tuple(row)) for row in c.execute(text(query))]


@pytest.fixture
def receiver() -> Iterator[Agency]:
    with agency() as known:
        yield known


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_worker_stopped_in_mid_run_and_continued_doubles_nothing(
    tmp_path: Path, store_url: str, receiver: Agency
) -> None:
    """On PostgreSQL another does its work meanwhile; on SQLite it goes on where it was."""
    count, referrals = (1 if store_url.startswith("sqlite") else 2), 400
    site = posting_site(tmp_path / "site", store_url, receiver, "\n[web]\npoll_seconds = 0.5\n")
    with at_work(site, count) as running:
        before = moved(site)
        fill(site.folder, referrals, 10)
        assert comes_true(lambda: moved(site) > before + referrals)
        running[0].send_signal(SIGSTOP)
        if count == 2:
            all_done = comes_true(lambda: finished(site) and len(receiver.keys) == referrals, 240)
            assert all_done, sessions(site)
        else:
            time.sleep(40)  # longer than a lease
        running[0].send_signal(SIGCONT)
        assert comes_true(lambda: finished(site) and len(receiver.keys) == referrals, 240)
    assert {m.state for m in site.messages()} == {"done"}
    assert sorted(receiver.order) == sorted(r.id for r in site.referrals())
    with site.bridge.site.store.read() as c:
        keys = {m.id for m in ledger.listed(c, direction="out")}
    assert set(receiver.keys) == keys
    assert sends(site) >= sum(receiver.keys.values())
    site.bridge.close()
