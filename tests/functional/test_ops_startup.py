"""Before a start: what is looked at, what stops it, with which code, and what to do. ``check`` shows the same list."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import Command, command_line
from postgres import Cluster
from sites import TestSite
from sqlalchemy import event as sa_event
from sqlalchemy import text

from casebridge import startup
from casebridge.core.errors import SetupError
from casebridge.core.signing_keys import SigningKeys
from casebridge.engine import sealing
from casebridge.engine.chain import Keyring
from casebridge.startup import Finding
from casebridge.store import ledger, level
from casebridge.store.database import iso
from casebridge.store.sealed import Key, Sealed

KEY = b"k" * 32


def found(site: TestSite, name: str) -> list[Finding]:
    return [finding for finding in startup.look(site.bridge) if finding.name == name]


def test_a_site_in_order(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.bridge.site.ledger_keys = Keyring(KEY)
    site.bridge.site.store.box = Sealed([Key("2026", KEY)])
    monkeypatch.setattr(level, "FORGETFUL", ("synchronous_commit",))  # the tests' own server is quick and forgets
    assert [finding for finding in startup.look(site.bridge) if finding.code] == []
    names = list(dict.fromkeys(finding.name for finding in startup.look(site.bridge)))
    assert names == ["configuration", "database", "disk", "clock", "key", "encryption", "rights"]
    startup.begin(site.bridge)


def test_what_lies_open_is_said_and_stops_nothing(site: TestSite) -> None:
    (finding,) = found(site, "encryption")
    assert (finding.code, finding.stops) == ("CB-147", False)


def test_a_server_that_forgets_is_said(site: TestSite) -> None:
    """The tests' own PostgreSQL is quick and would."""
    (finding,) = found(site, "database")
    if site.bridge.site.store.url.startswith("sqlite"):
        assert finding.code == ""
    else:
        assert (finding.said, finding.code) == ("PostgreSQL runs with fsync = off and full_page_writes = off", "CB-148")


def test_whatever_is_found_has_a_remedy(site: TestSite) -> None:
    (finding,) = found(site, "key")
    assert (finding.code, finding.stops) == ("CB-146", False)
    assert finding.remedy.startswith("Make a key")


def test_a_database_that_cannot_be_written_stops_it(make_site: Callable[..., TestSite]) -> None:
    site = make_site()
    engine = site.bridge.site.store.engine
    sqlite = engine.dialect.name == "sqlite"

    @sa_event.listens_for(engine, "connect")
    def only_to_read(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA query_only = 1" if sqlite else "SET default_transaction_read_only = on")
        connection.commit()

    engine.dispose()
    with pytest.raises(SetupError) as refused:
        startup.begin(site.bridge)
    assert refused.value.code == "CB-142"
    assert "nothing can be written" in refused.value.message


@pytest.mark.parametrize(("free", "code", "stops"), [
    (99 * 1024**2, "CB-143", True), (200 * 1024**2, "CB-143", False), (2 * 1024**3, "", False),
])  # fmt: skip
def test_room_on_the_disk(site: TestSite, monkeypatch: pytest.MonkeyPatch, free: int, code: str, stops: bool) -> None:
    monkeypatch.setattr(level, "free", lambda url: free)
    finding = found(site, "disk")[0]
    assert (finding.code, finding.stops) == (code, stops)
    assert f"{free // 1024**2:,} MB free for the store" in finding.said


@pytest.mark.parametrize(("now", "code", "stops", "said"), [
    (datetime(1970, 1, 1, 0, 3, tzinfo=UTC), "CB-144", True, "it says 1970-01-01, before this program was made"),
    (datetime(2026, 5, 1, tzinfo=UTC), "CB-144", False, "the last thing on the books happened at 2026-05-01T08"),
    (datetime(2026, 5, 1, 9, tzinfo=UTC), "", False, "it says 2026-05-01 09:00 UTC"),
])  # fmt: skip
def test_the_clock(
    site: TestSite, monkeypatch: pytest.MonkeyPatch, now: datetime, code: str, stops: bool, said: str
) -> None:
    monkeypatch.setattr(level, "seconds_ahead", lambda c, now: 0.0)
    with site.bridge.site.store.write() as c:
        ledger.note(c, iso(datetime(2026, 5, 1, 8, tzinfo=UTC)), "applied")
    site.bridge.site.clock = lambda: now
    (finding,) = found(site, "clock")
    assert (finding.code, finding.stops) == (code, stops)
    assert said in finding.said


@pytest.mark.parametrize(("minutes", "code", "stops"), [(10, "CB-144", True), (1, "CB-144", False), (0, "", False)])
def test_a_clock_apart_from_the_databases(site: TestSite, minutes: int, code: str, stops: bool) -> None:
    site.bridge.site.clock = lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    (finding,) = found(site, "clock")
    own_clock = site.store.startswith("postgresql")  # SQLite has none but this machine's
    assert (finding.code, finding.stops) == ((code, stops) if own_clock else ("", False))


def test_the_key_of_the_last_seal_must_be_at_hand(site: TestSite) -> None:
    site.bridge.site.ledger_keys = Keyring(KEY)
    with site.bridge.site.store.write() as c:
        ledger.note(c, site.bridge.site.now(), "applied")
    assert sealing.seal(site.bridge.site) == 1
    assert found(site, "key")[0].code == ""
    site.bridge.site.ledger_keys = Keyring(b"another key, of thirty-two bytes.")
    assert (found(site, "key")[0].code, found(site, "key")[0].stops) == ("CB-132", False)
    site.bridge.site.ledger_keys = Keyring(b"another key, of thirty-two bytes.", (KEY,))
    assert found(site, "key")[0].code == ""


RIGHTS = [(0o600, "", False), (0o640, "", False), (0o644, "CB-145", False), (0o660, "CB-145", False),
          (0o606, "CB-145", True)]  # fmt: skip


@pytest.mark.parametrize(("mode", "code", "stops"), RIGHTS)
def test_who_else_may_read_or_change_a_secret(
    make_site: Callable[..., TestSite], tmp_path: Path, mode: int, code: str, stops: bool
) -> None:
    secret = tmp_path / "ledger.key"
    secret.write_bytes(KEY)
    site = make_site(more='\n[ledger]\nkey = "file:ledger.key"\n')
    secret.chmod(mode)
    (finding,) = found(site, "rights")
    assert (finding.code, finding.stops) == (code, stops)
    assert not code or f"{secret}: chmod" in finding.said


def test_who_else_may_read_a_key_that_we_sign_in_with(make_site: Callable[..., TestSite], tmp_path: Path) -> None:
    site = make_site()
    SigningKeys.of(site.bridge.base, "mercy", "prod").make("ES384", datetime.now(UTC))
    assert [finding.code for finding in found(site, "rights")] == [""]
    (file,) = (site.bridge.base / "signing-keys").glob("*/*.pem")
    file.chmod(0o644)
    (finding,) = found(site, "rights")
    assert finding.code == "CB-145"
    assert f"{file}: chmod" in finding.said


# --- what is found while it opens --------------------------------------------------------------------------------


@pytest.fixture
def casebridge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command_line(monkeypatch, capsys, tmp_path)


def closed(folder: Path, **settings: Any) -> TestSite:
    site = TestSite(folder, **settings)
    site.bridge.close()
    return site


COMMANDS = [("check",), ("serve",), ("work",), ("status",)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
def test_a_newer_database_is_refused_and_left_alone(casebridge: Command, tmp_path: Path, command: tuple[str]) -> None:
    closed(tmp_path)
    with sqlite3.connect(tmp_path / "casebridge.db") as books:
        books.execute("UPDATE alembic_version SET version_num = '0099'")
    code, said = casebridge(*command)
    assert (code, "[CB-141]" in said) == (3, True)
    assert f"the database has the schema 0099, this program knows up to {level.revisions()[0]}" in said
    with sqlite3.connect(tmp_path / "casebridge.db") as books:
        assert books.execute("SELECT version_num FROM alembic_version").fetchall() == [("0099",)]


def test_tables_that_cannot_be_made_are_said(casebridge: Command, tmp_path: Path) -> None:
    closed(tmp_path)
    (tmp_path / "casebridge.db").unlink()
    with sqlite3.connect(tmp_path / "casebridge.db") as books:
        books.execute("CREATE TABLE client (somebody_elses TEXT)")
    code, said = casebridge("check")
    assert (code, "[CB-142]" in said) == (3, True)
    assert "the tables of the database cannot be made" in said


def test_a_newer_postgresql_is_refused(postgres: Cluster) -> None:
    url = postgres.url(postgres.fresh())
    store = level.opened(url)
    with store.write() as c:
        c.raw.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    store.close()
    with pytest.raises(SetupError) as refused:
        level.opened(url)
    assert refused.value.code == "CB-141"


NOT_THERE = [
    ("postgresql+psycopg://casebridge:Secretmark@127.0.0.1:1/casebridge", "the database cannot be reached"),
    ("oracle2://nowhere/x", "no address of a database"),
    ("nonsense", "no address of a database"),
    ("sqlite:///file-in-the-way/casebridge.db", "cannot be opened"),
    ("sqlite:///no-database.db", "file is not a database"),
]


@pytest.mark.parametrize(("url", "said"), NOT_THERE, ids=lambda value: value[:12])
def test_a_database_that_is_not_there_is_said(casebridge: Command, tmp_path: Path, url: str, said: str) -> None:
    closed(tmp_path)
    (tmp_path / "file-in-the-way").touch()
    (tmp_path / "no-database.db").write_bytes(b"this is a letter to the county, and no database" * 100)
    config = tmp_path / "casebridge.toml"
    config.write_text(config.read_text().replace("sqlite:///casebridge.db", url))
    code, told = casebridge("check")
    assert (code, "[CB-140]" in told) == (3, True)
    assert said in told
    assert "Secretmark" not in told


@pytest.mark.parametrize("command", ["serve", "work", "run"])
def test_a_second_process_on_the_same_file_is_refused(casebridge: Command, tmp_path: Path, command: str) -> None:
    from casebridge.app import alone

    site = TestSite(tmp_path)
    with alone(site.bridge):
        code, said = casebridge(command)
    assert (code, "[CB-105]" in said) == (3, True)
    assert "already serving this store" in said
    site.bridge.close()


def test_check_shows_the_whole_list_and_fails_for_what_would_stop_a_start(casebridge: Command, tmp_path: Path) -> None:
    closed(tmp_path)
    code, said = casebridge("check")
    assert code == 0
    for name in ("configuration:", "database:", "disk:", "clock:", "key:", "rights:"):
        assert name in said
    (tmp_path / "casebridge.db").chmod(0o606)
    code, said = casebridge("check")
    assert (code, "[CB-145]" in said) == (1, True)
    code, said = casebridge("serve")
    assert (code, "[CB-145]" in said) == (3, True)
