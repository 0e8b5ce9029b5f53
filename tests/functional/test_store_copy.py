"""The move to another database: nothing is lost, it goes on after kill -9, and nobody works on the old store after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Command, command_line
from postgres import Cluster
from sites import TestSite, food_referral
from sqlalchemy import text

from casebridge.app import alone
from casebridge.core.errors import Held, SetupError
from casebridge.engine import relocating, sealing
from casebridge.engine.verifying import verify
from casebridge.store import copying, ledger
from casebridge.store.database import Store

KILLED = """
import os, signal, sys
from pathlib import Path
from casebridge.app import open_bridge
from casebridge.engine import relocating
from casebridge.store import copying
from casebridge.store.database import Store

def kill(done, of):
    if done > 20:
        os.kill(os.getpid(), signal.SIGKILL)

copying.ROWS = 3
bridge = open_bridge(Path(sys.argv[1]), looking=True)
relocating.copy(bridge.site, Store(sys.argv[2]), kill)
"""


WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = sys.modules["procrastinate"] = None
from casebridge.cli import main
sys.argv = ["casebridge", *sys.argv[1:]]
main()
"""


def quiet(done: int, of: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def target_url(postgres: Cluster) -> Iterator[str]:
    name = postgres.empty()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestSite]:
    made = TestSite(tmp_path)
    made.drop("hospital", "in.json", food_referral())
    sealing.seal(made.bridge.site)
    yield made
    made.bridge.close()


def copied(site: TestSite, url: str) -> int:
    target = Store(url, site.bridge.site.store.box)
    try:
        return relocating.copy(site.bridge.site, target, quiet)
    finally:
        target.close()


def test_the_referral_goes_on_in_postgresql(site: TestSite, target_url: str) -> None:
    before = [m.id for m in site.messages()]
    assert copied(site, target_url) > 40
    site.reopen(store=target_url)
    assert [m.id for m in site.messages()] == before
    site.answer(site.referral().id, "accept")  # new numbers follow the old ones
    assert (site.referral().status, site.held()) == ("accepted", [])
    sealing.seal(site.bridge.site)
    verify(site.bridge.site).demand_whole()


def test_and_back_to_sqlite(site: TestSite, target_url: str) -> None:
    copied(site, target_url)
    before = site.referrals()
    site.reopen(store=target_url)
    copied(site, f"sqlite:///{site.folder}/back.db")
    site.reopen(store="sqlite:///back.db")
    site.answer(site.referral().id, "accept")
    assert (site.referral().status, [r.id for r in before]) == ("accepted", [site.referral().id])


def test_killed_in_the_middle_it_goes_on_where_it_was(site: TestSite, target_url: str) -> None:
    config = str(site.folder / "casebridge.toml")
    killed = subprocess.run([sys.executable, "-c", KILLED, config, target_url], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    half = Store(target_url)
    with half.read() as t:
        there = copying.rows_in(t)
        assert copying.is_unfinished(t)
    half.close()
    seen: list[int] = []
    target = Store(target_url)
    rows = relocating.copy(site.bridge.site, target, lambda done, of: seen.append(done))
    target.close()
    assert 20 < there < rows
    assert seen[0] > there


def test_the_old_store_is_worked_on_no_more(site: TestSite, target_url: str) -> None:
    copied(site, target_url)
    with pytest.raises(SetupError, match=r"CB-151") as refused, alone(site.bridge):
        pass
    assert "casebridge@" not in refused.value.message
    assert relocating.stay(site.bridge.site)
    with alone(site.bridge):
        pass


def test_it_is_refused_while_the_gateway_runs(
    site: TestSite, target_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Command = command_line(monkeypatch, capsys, site.folder)
    with alone(site.bridge):
        code, said = command("store", "copy", "--to", target_url)
    assert (code, "CB-105" in said) == (3, True)


def test_a_row_that_differs_is_named_and_the_target_is_not_worked_on(
    site: TestSite, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Store(target_url)
    told: list[int] = []

    def spoil(done: int, of: int) -> None:
        if not told:
            told.append(done)
            return
        with target.engine.begin() as raw:
            raw.execute(text("UPDATE client SET created_at = 'x'"))

    with pytest.raises(Held, match=r"CB-524.*client|client.*CB-524"):
        relocating.copy(site.bridge.site, target, spoil)
    with target.read() as t:
        assert copying.is_unfinished(t)
    target.close()


def test_nothing_that_is_there_is_overwritten(site: TestSite, target_url: str) -> None:
    other = Store(target_url)
    with other.write() as c:
        ledger.add(c, "2026", direction="in", partner="p", kind="k", stop="apply", state="done")
    other.close()
    with pytest.raises(SetupError, match=r"CB-150"):
        copied(site, target_url)
    with pytest.raises(SetupError, match=r"CB-150"):
        copied(site, site.bridge.site.store.url)


def test_the_commands(
    site: TestSite, target_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Command = command_line(monkeypatch, capsys, site.folder)
    monkeypatch.setenv("NEW_STORE", target_url)
    code, said = command("store", "copy", "--to", "env:NEW_STORE")
    assert (code, 'url = "env:NEW_STORE"' in said, "every one compared" in said) == (0, True, True)
    assert command("run")[0] == 3
    moved = (site.folder / "casebridge.toml").read_text().replace("sqlite:///casebridge.db", "env:NEW_STORE")
    (site.folder / "moved.toml").write_text(moved)
    assert command("run", "--config", "moved.toml")[0] == 0
    assert command("store", "copy", "--cancel")[1] == "Given up: this store is worked on again."
    assert command("store", "copy")[0] == 3


@pytest.mark.parametrize(
    "address",
    ["postgresql://casebridge:secret@127.0.0.1:1/none", "postgresql://casebridge:p@secret@127.0.0.1:1/none",
     "postgres://db.example/none", "nothing of the kind"],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_a_matter_of_the_set_up(
    site: TestSite, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Command = command_line(monkeypatch, capsys, site.folder)
    code, said = command("store", "copy", "--to", address)
    assert (code, "CB-140" in said, "--to" in said, "secret" in said) == (3, True, True, False)
    assert command("run")[0] == 0  # nothing was begun


def test_without_an_address_it_is_said_where_it_belongs(
    site: TestSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Command = command_line(monkeypatch, capsys, site.folder)
    code, said = command("store", "copy")
    assert (code, "file:PATH" in said, "maps" in said) == (3, True, False)


def test_the_check_says_that_a_store_has_moved_or_is_half_filled(
    site: TestSite, target_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Command = command_line(monkeypatch, capsys, site.folder)
    copied(site, target_url)
    code, said = command("check")
    assert (code, "CB-151" in said) == (1, True)
    target = Store(target_url)
    with target.write() as t:
        copying.keep_fact(t, copying.FROM, "elsewhere")
    target.close()
    moved = (site.folder / "casebridge.toml").read_text().replace("sqlite:///casebridge.db", target_url)
    (site.folder / "moved.toml").write_text(moved)
    code, said = command("check", "--config", "moved.toml")
    assert (code, "CB-152" in said) == (1, True)


@pytest.mark.parametrize("words", [
    ("held", "drop", "01JR", "--reason", "x"), ("held", "replay", "all"), ("dispatch", "shelter"), ("store", "rekey"),
    ("legal-hold", "add", "partner", "hospital", "--reason", "x", "--by", "x"), ("legal-hold", "end", "01JH"),
])  # fmt: skip
def test_nothing_is_decided_on_a_store_that_has_moved(
    site: TestSite, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Command = command_line(monkeypatch, capsys, site.folder)
    copied(site, f"sqlite:///{site.folder}/new.db")
    code, said = command(*words)
    assert (code, "CB-151" in said) == (3, True)


def test_the_help_names_the_entries_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command: Command = command_line(monkeypatch, capsys, tmp_path)
    assert "store.url" in command("store", "copy", "--help")[1]
    assert "store.keys" in command("store", "new-key", "--help")[1]


def test_sqlite_needs_no_driver_and_postgresql_says_which(site: TestSite) -> None:
    def without_driver(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-c", WITHOUT_DRIVER, *words]
        done = subprocess.run(command, cwd=site.folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert without_driver("check")[0] == 0
    code, said = without_driver("store", "copy", "--to", "postgresql://casebridge@127.0.0.1:1/none")
    assert (code, "CB-140" in said, "casebridge[postgres]" in said) == (3, True, True)
