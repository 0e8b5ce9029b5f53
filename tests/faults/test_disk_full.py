"""A disk that fills up while work goes on: what was acknowledged stays, the rest is done when there is room again."""

from __future__ import annotations

from pathlib import Path

import pytest
from posting import fill
from sites import TestSite
from sqlalchemy import event, text

from casebridge.store.database import StoreTrouble

ROOM = 60  # pages of 4 KiB that are left


def limit(site: TestSite, pages: int) -> None:
    """The database may have no more than so many pages beyond today's; 0 takes the limit away."""
    engine = site.bridge.site.store.engine
    with engine.connect() as raw:
        most = raw.execute(text("PRAGMA page_count")).scalar_one() + pages if pages else 2**31 - 2

    @event.listens_for(engine, "checkout")
    def _set(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most}")  # type: ignore[attr-defined]


@pytest.fixture
def site(tmp_path: Path) -> TestSite:
    return TestSite(tmp_path / "site", treatment="treatment")


def test_a_full_disk_stops_work_and_loses_nothing(site: TestSite) -> None:
    fill(site.folder, 30, 1)
    limit(site, ROOM)
    with pytest.raises(StoreTrouble):
        site.work()
    assert site.held() == []  # it is nobody's message that is wrong
    waiting = len(list((site.folder / "hospital" / "in").iterdir()))
    stored = len(site.messages(kind="payload"))
    assert waiting + stored >= 30  # what is not stored was not taken from the hospital
    limit(site, 0)
    site.work()
    assert len(site.out("agency")) == 30
    assert {m.state for m in site.messages()} == {"done"}
    site.bridge.close()
