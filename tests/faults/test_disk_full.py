"""A disk that fills up while work goes on: what was acknowledged stays, the rest is done when there is room again."""

from __future__ import annotations

import base64
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from postgres import limit_files
from sites import TestSite, bundle, order, patient, task
from sqlalchemy import event, text

from casebridge.store.database import StoreTrouble

REFERRALS = 16
ROOM = 60  # pages of 4 KiB that are left to SQLite
LONGEST = 2 * 1024**2  # bytes of a file that PostgreSQL may write; those of its log have half as many


def limit(site: TestSite) -> Callable[[], None]:
    """From now on there is little room; gives what makes room again."""
    store, limited = site.bridge.site.store, [True]
    full = _full_sqlite(site) if store.url.startswith("sqlite") else _full_postgresql()

    @event.listens_for(store.engine, "checkout")
    def _set(connection: Any, *_: object) -> None:
        full(connection, bool(limited))

    return limited.clear


def _full_sqlite(site: TestSite) -> Callable[[Any, bool], None]:
    with site.bridge.site.store.engine.connect() as raw:
        most = raw.execute(text("PRAGMA page_count")).scalar_one() + ROOM
    return lambda connection, is_full: connection.execute(f"PRAGMA max_page_count={most if is_full else 2**31 - 2}")


def _full_postgresql() -> Callable[[Any, bool], None]:
    if not shutil.which("prlimit"):
        pytest.skip("prlimit is not on this machine")
    known: dict[int, bool] = {}

    def full(connection: Any, is_full: bool) -> None:
        pid = connection.info.backend_pid
        if known.get(pid) != is_full and not connection.closed:
            known[pid] = is_full
            limit_files(pid, LONGEST if is_full else None)

    return full


def fill(site: TestSite, size: int) -> None:
    """Referrals, each with a picture that cannot be pressed together."""
    chance = random.Random(1)
    for n in range(REFERRALS):
        picture = base64.b64encode(chance.randbytes(size)).decode()
        asked = task(id_=f"t{n}", person=f"p{n}") | {"focus": {"reference": f"ServiceRequest/s{n}"}}
        person = patient(f"p{n}", f"8996{n:05}", photo=[{"data": picture}])
        sent = bundle(asked, order(person=f"p{n}") | {"id": f"s{n}"}, person)
        site.drop_quietly("hospital", f"{n}.json", json.dumps(sent))


def test_a_full_disk_stops_work_and_loses_nothing(tmp_path: Path, store_url: str) -> None:
    site = TestSite(tmp_path / "site", treatment="treatment", store=store_url)
    fill(site, 5_000 if store_url.startswith("sqlite") else 150_000)
    make_room = limit(site)
    for _ in range(2):  # it stays full for a while
        with pytest.raises(StoreTrouble):
            site.work()
    assert site.held() == []  # it is nobody's message that is wrong
    waiting = len(list((site.folder / "hospital" / "in").iterdir()))
    stored = len(site.messages(kind="payload"))
    assert waiting + stored >= REFERRALS  # what is not stored was not taken from the hospital
    make_room()
    site.work()
    assert len(site.out("agency")) == REFERRALS
    assert {m.state for m in site.messages()} == {"done"}
    site.bridge.close()
