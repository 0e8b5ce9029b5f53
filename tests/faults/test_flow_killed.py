"""Workers killed with SIGKILL at random moments of a run: every message is delivered, none twice at a receiver that
honours keys, and what was sent again is counted. ``make faults`` does thirty kills over 2,000 messages."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from posting import Agency, agency, fill, posting_site
from sites import TestSite
from sqlalchemy import text
from workers import SEED, finished, moved, workers

from casebridge.store import ledger

RECORDS = 4  # of a referral: three come in, one goes out


@pytest.fixture
def receiver() -> Iterator[Agency]:
    with agency() as known:
        yield known


def killed_at_random(site: TestSite, kills: int, count: int, chance: random.Random) -> None:
    """Start workers and kill them, each time a little after they began to write."""
    for _ in range(kills):
        before = moved(site)
        running = workers(site.folder, count)
        until = time.monotonic() + 30
        while moved(site) == before and time.monotonic() < until and not finished(site):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.4))
        for process in running:
            process.kill()
            process.wait()


def test_killed_a_few_times_nothing_is_lost_and_each_has_one_effect(tmp_path: Path, receiver: Agency) -> None:
    killed_and_started_again(tmp_path, "sqlite:///casebridge.db", receiver, referrals=40, kills=3)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_thirty_times_nothing_is_lost_and_each_has_one_effect(
    tmp_path: Path, store_url: str, receiver: Agency
) -> None:
    killed_and_started_again(tmp_path, store_url, receiver, referrals=500, kills=30)


def killed_and_started_again(tmp_path: Path, store_url: str, receiver: Agency, *, referrals: int, kills: int) -> None:
    print(f"CASEBRIDGE_SEED={SEED}")  # noqa: T201
    site = posting_site(tmp_path / "site", store_url, receiver)
    count = 1 if store_url.startswith("sqlite") else 2
    fill(site.folder, referrals, max(10, referrals // 20))
    killed_at_random(site, kills, count, random.Random(SEED))
    last = workers(site.folder, count)
    until = time.monotonic() + 300
    while not finished(site) and time.monotonic() < until:
        time.sleep(0.2)
    for process in last:
        process.terminate()
        process.wait(60)
    books = site.bridge.site.store

    assert {m.state for m in site.messages()} == {"done"}
    assert len([m for m in site.messages() if m.kind != "payload"]) == referrals * RECORDS
    assert len(site.referrals()) == referrals
    assert sorted(receiver.order) == sorted(r.id for r in site.referrals())  # one effect each
    with books.read() as c:
        sends = int(c.execute(text("SELECT sum(sends) FROM dispatch")).scalar_one())
        keys = {m.id for m in ledger.listed(c, direction="out")}
    again = sum(receiver.keys.values()) - referrals
    print(f"{kills} kills, {referrals * RECORDS} messages: {again} were sent again, the books say {sends - referrals}")  # noqa: T201
    assert set(receiver.keys) == keys  # what came twice came under the same key
    assert sends - referrals >= again
    site.bridge.close()
