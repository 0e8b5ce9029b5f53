"""What one worker, or a person, does while another is in the middle of it: nothing old is sent or written back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from lane_sites import comes_true
from sites import TestSite, food_referral, task
from sqlalchemy import text

from casebridge.core.errors import Held
from casebridge.engine import held
from casebridge.store import ledger, postgresql, rekey
from casebridge.store.database import Store
from casebridge.store.leases import Lane
from casebridge.store.sealed import new_line

SOON = 1.5  # seconds that the other one gets; then it waits until the first has committed


@pytest.fixture
def site(tmp_path: Path, store_url: str) -> Iterator[TestSite]:
    made = TestSite(tmp_path, store=store_url)
    yield made
    made.bridge.close()


class Meanwhile:
    """The first time it is called, does something in a thread of its own, for a while; then what was asked."""

    def __init__(self, what: Callable[[], object], asked: Callable[..., Any]) -> None:
        self.thread, self.asked = threading.Thread(target=what), asked

    def __call__(self, *args: Any, **named: Any) -> Any:
        if not self.thread.ident:
            self.thread.start()
            self.thread.join(SOON)
        return self.asked(*args, **named)


def test_a_cancellation_that_comes_while_the_referral_is_prepared_is_told(
    site: TestSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It found the message still waiting, and trusted that it would carry what was already decided without it."""
    agency, worker = site.bridge.site.partners["agency"], site.bridge.lanes.worker

    def cancel() -> None:
        gone = food_referral("2", status="cancelled", statusReason={"text": "went home"})
        site.drop_quietly("hospital", "t2.json", gone)
        for stop in ("accept", "understand", "apply"):
            assert worker.turn(Lane(stop, "hospital"))

    meanwhile = Meanwhile(cancel, agency.format.render)
    monkeypatch.setattr(agency.format, "render", meanwhile)
    site.drop("hospital", "t1.json", food_referral())
    meanwhile.thread.join()
    site.work()
    assert [sent["status"] for sent in site.out("agency")] == ["waiting", "cancelled"]


def test_what_is_let_go_twice_goes_once(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people press the button; the second one's look was before the first one's commit."""
    site.drop("hospital", "t1.json", food_referral(status="requested") | {"entry": [{"resource": task()}]})
    (message,) = site.held()
    asked = held.is_read_again

    def pressed_by_another(*args: Any) -> bool:
        monkeypatch.setattr(held, "is_read_again", asked)
        held.drop(site.bridge.site, message.id, "sent on paper", by="another")
        return asked(*args)

    monkeypatch.setattr(held, "is_read_again", pressed_by_another)
    with pytest.raises(Held):
        held.replay(site.bridge.site, message.id)
    assert [m.state for m in site.messages(id=message.id)] == ["dropped"]


def test_a_record_that_is_over_with_is_not_written_back_by_a_change_of_keys(
    site: TestSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.drop_quietly("hospital", "t1.json", food_referral())
    for stop in ("accept", "understand"):
        assert site.bridge.lanes.worker.turn(Lane(stop, "hospital"))
    (site.folder / "keys").write_text(f"{new_line()}\nplain")
    site.reopen(store=f'{site.store}"\nkeys = "file:keys')
    one = next(m for m in site.messages(stop="apply"))
    assert one.document

    def over() -> None:
        with site.bridge.site.store.write() as c:
            ledger.change(c, one, site.bridge.site.now(), state="done", document=None)

    change = rekey._change
    meanwhile = Meanwhile(over, change)
    monkeypatch.setattr(rekey, "_change", lambda c, column, *rest: (
        meanwhile if column.table.name == "message" else change)(c, column, *rest))  # fmt: skip
    assert sum(rekey.documents(site.bridge.site.store))
    meanwhile.thread.join()
    assert [m.document for m in site.messages(id=one.id)] == [None]


def test_a_session_whose_answer_nobody_reads_keeps_its_locks_from_nobody_for_long(store_url: str) -> None:
    """As of a worker that was stopped in the middle of an answer: PostgreSQL's own limits do not reach it."""
    if store_url.startswith("sqlite"):
        pytest.skip("SQLite answers within the process")
    store, stuck = Store(store_url), psycopg.connect(store_url.replace("+psycopg", ""))
    stuck.execute("SELECT pg_advisory_xact_lock(1)")
    stuck.pgconn.send_query(b"SELECT repeat('x', 50000000)")
    with store.read() as c:
        waits = text("SELECT count(*) FROM pg_stat_activity"
                     " WHERE wait_event = 'ClientWrite' AND datname = current_database()")  # fmt: skip
        assert comes_true(lambda: c.execute(waits).scalar())
        assert postgresql.end_unread(c.raw) == 0, "it may be about to"
        assert postgresql.end_unread(c.raw, 0) == 1
    with store.write() as c:
        c.raw.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
        c.raw.exec_driver_sql("SELECT pg_advisory_xact_lock(1)")
    stuck.close()
    store.close()
