"""A database that is not there, breaks off, or promises less than we do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import command_line
from postgres import Cluster
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InternalError, ProgrammingError

from casebridge.store import ledger
from casebridge.store.database import Clash, Store, StoreTrouble

SITE = """
[site]
name = "Riverside"
timezone = "America/New_York"

[store]
url = "postgresql://gateway:s3cret@127.0.0.1:1/casebridge"
"""


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = Store(store_url)
    yield made
    made.close()


@pytest.fixture
def on_postgres(postgres: Cluster) -> Iterator[Store]:
    """A store that is on PostgreSQL whatever else is tested."""
    name = postgres.fresh()
    made = Store(postgres.url(name))
    yield made
    made.close()
    postgres.drop(name)


def test_a_server_that_does_not_answer_is_named_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "casebridge.toml").write_text(SITE)
    code, said = command_line(monkeypatch, capsys, tmp_path)("held", "list")
    assert code == 3
    assert "the database cannot be reached" in said
    assert "127.0.0.1" in said
    assert "[store]" in said
    assert "CB-140" in said
    assert "s3cret" not in said


def test_a_look_is_as_at_one_moment(store: Store) -> None:
    with store.read() as look:
        assert ledger.events(look) == []
        with store.write() as c:
            ledger.note(c, "2026", "meanwhile")
        assert ledger.events(look) == []
    with store.read() as look:
        assert [e["name"] for e in ledger.events(look)] == ["meanwhile"]


def test_what_is_committed_is_on_disk_even_if_the_server_would_not_wait(on_postgres: Store) -> None:
    with on_postgres.write() as c:
        assert c.execute(text("SHOW synchronous_commit")).scalar() == "on"  # the tests' server has it off


def test_a_session_that_the_server_ended_is_trouble_and_nobodys_fault(on_postgres: Store) -> None:
    def stopped_in_the_middle() -> None:
        with on_postgres.write() as c:
            c.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10ms'"))
            time.sleep(0.5)
            ledger.note(c, "2026", "too late")

    with pytest.raises(StoreTrouble):
        stopped_in_the_middle()
    with on_postgres.read() as c:
        assert ledger.events(c) == []


def test_who_waits_too_long_for_a_lock_tries_again_later(on_postgres: Store) -> None:
    def waits() -> None:
        with on_postgres.write(one_worker=True), on_postgres.write() as second:
            second.execute(text("SET LOCAL lock_timeout = '10ms'"))
            second.execute(text("SELECT pg_advisory_xact_lock(7620045131)"))

    with pytest.raises(StoreTrouble, match="LockNotAvailable"):
        waits()


@pytest.mark.parametrize(
    ("state", "said"),
    [("53100", StoreTrouble), ("58030", StoreTrouble), ("XX000", StoreTrouble), ("XX001", StoreTrouble),
     ("25006", StoreTrouble), ("40P01", StoreTrouble), ("57P01", StoreTrouble), ("23505", Clash),
     ("22001", DataError), ("42P01", ProgrammingError), ("23514", IntegrityError), ("25P02", InternalError)],
)  # fmt: skip
def test_whose_fault_it_is_is_known_by_the_servers_code(
    on_postgres: Store, state: str, said: type[Exception]
) -> None:
    """A full, broken, damaged, standby database says nothing of the record: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    with pytest.raises((StoreTrouble, DBAPIError)) as found, on_postgres.write() as c:
        c.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))
    assert type(found.value) is said


def test_a_damaged_file_is_trouble_and_nobodys_fault(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/casebridge.db")
    with store.write() as c:
        ledger.note(c, "2026", "written")
    store.close()
    path = tmp_path / "casebridge.db"
    path.write_bytes(path.read_bytes()[:4096] + b"x" * (path.stat().st_size - 4096))
    with pytest.raises(StoreTrouble), store.read() as c:
        ledger.events(c)
    store.close()
