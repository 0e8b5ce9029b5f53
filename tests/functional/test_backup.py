"""A backup is whole, of one moment, taken while others work; what is restored goes on delivering."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from commands import Command, command_line
from sites import TestSite, bundle, food_referral, order, patient, task

from casebridge.core.errors import Held, SetupError
from casebridge.engine import relocating
from casebridge.engine.verifying import verify
from casebridge.store import copying, dispatches, ledger
from casebridge.store.leases import Lane
from casebridge.store.sealed import new_line


def quiet(done: int, of: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def new_site(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[..., str]):
    made: list[TestSite] = []

    def make(keys: str = "") -> TestSite:
        folder = tmp_path_factory.mktemp("site")
        (folder / "keys").write_text(keys)
        store = new_store() + ('"\nkeys = "file:keys' if keys else "")
        made.append(TestSite(folder, store=store))
        return made[-1]

    yield make
    for site in made:
        site.bridge.close()


@pytest.fixture
def site(new_site: Callable[..., TestSite]) -> TestSite:
    return new_site()


def saved(site: TestSite, name: str = "one.backup") -> Path:
    relocating.backup(site.bridge.site, site.folder / name, quiet)
    return site.folder / name


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup to spoil a copy of: the file is the same kind whatever database it was made of."""
    site = TestSite(tmp_path_factory.mktemp("whole"))
    site.drop("hospital", "in.json", food_referral())
    file = saved(site)
    site.bridge.close()
    return file


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_restored_says_and_does_the_same(new_site: Callable[..., TestSite], closed: bool) -> None:
    keys = new_line() if closed else ""
    site, other = new_site(keys), new_site(keys)
    site.drop("hospital", "in.json", food_referral())
    file = saved(site)
    relocating.restore(other.bridge.site, file, quiet)
    assert other.referrals() == site.referrals()
    assert [m.id for m in other.messages()] == [m.id for m in site.messages()]
    other.answer(site.referral().id, "accept")
    assert (other.referral().status, other.held()) == ("accepted", [])
    verify(other.bridge.site).demand_whole()


def test_only_its_owner_can_read_it_and_it_stands_alone(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    file = saved(site)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [f.name for f in site.folder.iterdir() if f.name.startswith("one.backup")] == ["one.backup"]


def test_documents_stay_closed_in_it(new_site: Callable[..., TestSite]) -> None:
    site = new_site(new_line())
    site.drop("hospital", "in.json", food_referral())
    assert b"899611001" not in saved(site).read_bytes()


def test_it_is_of_one_moment_while_others_write(site: TestSite) -> None:
    """Every payload in the backup has all of its records, though more came while it was made."""
    site.drop("hospital", "in.json", food_referral())
    stop = threading.Event()

    def more() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with site.bridge.site.store.write() as c:
                ids = [ledger.add(c, site.bridge.site.now(), direction="in", partner="p", kind=str(number),
                                  stop="apply", state="done") for _ in range(2)]  # fmt: skip
                assert all(ids)

    thread = threading.Thread(target=more)
    thread.start()
    files = [saved(site, f"{n}.backup") for n in range(3)]
    stop.set()
    thread.join()
    for file in files:
        relocating.verify(file)
        with sqlite3.connect(file) as raw:
            counts = raw.execute("SELECT count(*) FROM message WHERE partner = 'p' GROUP BY kind").fetchall()
        raw.close()
        assert {n for (n,) in counts} <= {2}


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM event WHERE seq = 1",
        "UPDATE record SET status = 'x'",
        "UPDATE payload_part SET data = x'00'",
        "INSERT INTO client (id, created_at) VALUES ('x', 'x')",
        "DELETE FROM fact WHERE name = 'backup/sum/message'",
    ],
)
def test_a_backup_that_was_changed_is_refused(whole: Path, tmp_path: Path, change: str) -> None:
    file = Path(shutil.copy(whole, tmp_path))
    relocating.verify(file)
    with sqlite3.connect(file) as raw:
        raw.execute(change)
    raw.close()
    with pytest.raises(Held, match=r"CB-524"):
        relocating.verify(file)


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(SetupError, match=r"CB-153"):
        relocating.verify(tmp_path / "x")


def test_no_backup_is_overwritten_and_no_store(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    file = saved(site)
    with pytest.raises(SetupError, match=r"CB-153"):
        saved(site)
    with pytest.raises(SetupError, match=r"CB-150"):
        relocating.restore(site.bridge.site, file, quiet)


def test_another_key_cannot_restore_it(new_site: Callable[..., TestSite]) -> None:
    site, other = new_site(new_line()), new_site(new_line())
    site.drop("hospital", "in.json", food_referral())
    with pytest.raises(SetupError, match=r"CB-134"):
        relocating.restore(other.bridge.site, saved(site), quiet)


def test_what_stood_ready_is_asked_for_before_it_is_sent(new_site: Callable[..., TestSite]) -> None:
    """It may have left between the backup and the loss."""
    site, other = new_site(), new_site()
    site.bridge.site.partners["agency"] = replace(site.bridge.site.partners["agency"], link=None)
    site.drop("hospital", "in.json", food_referral())
    relocating.restore(other.bridge.site, saved(site), quiet)
    with other.bridge.site.store.read() as c:
        due = [d for part in range(4) for d in dispatches.due(c, Lane("deliver", "agency", part), "9")]
    assert [d.state for d in due] == ["inflight"]
    other.work()
    assert len(other.out("agency")) == 1
    assert [e["facts"]["asked"] for e in other.noted("restored")] == [1]


def test_what_left_after_the_backup_is_found_and_not_sent_again(new_site: Callable[..., TestSite]) -> None:
    site, other = new_site(), new_site()
    agency = site.bridge.site.partners["agency"]
    site.bridge.site.partners["agency"] = replace(agency, link=None)
    site.drop("hospital", "in.json", food_referral())
    file = saved(site)
    site.bridge.site.partners["agency"] = agency
    site.work()
    assert len(site.out("agency")) == 1
    shutil.copytree(site.folder / "agency", other.folder / "agency", dirs_exist_ok=True)  # the partner still has it
    before = [(f.name, f.stat().st_mtime_ns) for f in (other.folder / "agency" / "out").iterdir()]
    relocating.restore(other.bridge.site, file, quiet)
    other.work()
    assert [(f.name, f.stat().st_mtime_ns) for f in (other.folder / "agency" / "out").iterdir()] == before
    assert [m.state for m in other.messages(direction="out", partner="agency")] == ["done"]


def test_a_backup_taken_in_full_work_goes_on_where_it_stood(new_site: Callable[..., TestSite]) -> None:
    """Every referral that is in it arrives at the agency once."""
    site, other = new_site(), new_site()
    files: list[Path] = []

    def back_up() -> None:
        files.append(saved(site))

    for n in range(4):
        order_, task_ = order(id=f"s{n}"), task(id_=f"t{n}", focus={"reference": f"ServiceRequest/s{n}"})
        (site.folder / "hospital" / "in").mkdir(exist_ok=True)
        (site.folder / "hospital" / "in" / f"{n}.json").write_text(json.dumps(bundle(task_, order_, patient())))
    thread = threading.Thread(target=back_up)
    thread.start()
    site.work()
    thread.join()
    relocating.restore(other.bridge.site, files[0], quiet)
    other.work()
    states = {r.id: [m.state for m in other.messages(direction="out", partner="agency", correlation=r.id)]
              for r in other.referrals()}  # fmt: skip
    assert set(map(tuple, states.values())) <= {("done",)}
    assert other.held() == []
    assert len(other.out("agency")) <= len(site.out("agency")) == 4


def test_a_restore_that_was_killed_goes_on(
    new_site: Callable[..., TestSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, other = new_site(), new_site()
    site.drop("hospital", "in.json", food_referral())
    file = saved(site)
    monkeypatch.setattr(copying, "ROWS", 3)

    def killed(done: int, of: int) -> None:
        if done > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relocating.restore(other.bridge.site, file, killed)
    with pytest.raises(SetupError, match=r"CB-152"):
        relocating.here(other.bridge.site)
    relocating.restore(other.bridge.site, file, quiet)
    relocating.here(other.bridge.site)
    assert other.referrals() == site.referrals()


def test_the_commands(
    new_site: Callable[..., TestSite], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site, other = new_site(), new_site()
    site.drop("hospital", "in.json", food_referral())
    command: Command = command_line(monkeypatch, capsys, site.folder)
    assert command("backup", "a.backup")[0] == 0
    assert command("backup", "a.backup", "--verify")[1].endswith("every row is as it was.")
    assert command("backup", "a.backup")[0] == 3
    code, said = command("restore", "a.backup", "--config", str(other.folder / "casebridge.toml"))
    assert (code, said.startswith("Restored from")) == (0, True)
    assert other.referrals() == site.referrals()


# --- a backup that is ended before it is whole ---------------------------------------------------------------

ENDED = """
import os, signal, sys
from casebridge.cli import main
from casebridge.store import copying

number, whole, calls = int(sys.argv.pop()), copying.keep_fact, []
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored by what it runs behind it

def keep_fact(c, name, value):  # in the middle: some tables are there
    whole(c, name, value)
    calls.append(name)
    if len(calls) == 5:
        os.kill(os.getpid(), number)

copying.keep_fact = keep_fact
main()
"""


def ended(site: TestSite, name: str, number: int) -> int:
    """The exit code of ``casebridge backup`` when this signal comes in the middle."""
    command = [sys.executable, "-c", ENDED, "backup", name, str(int(number))]
    done = subprocess.run(command, cwd=site.folder, env=os.environ, capture_output=True, check=False)
    return done.returncode


def copies(site: TestSite) -> list[str]:
    return [path.name for path in site.folder.iterdir() if "backup" in path.name]


def test_a_backup_that_is_told_to_end_leaves_nothing(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    number = signal.SIGTERM if "sqlite" in site.store else signal.SIGINT
    assert ended(site, "one.backup", number) == 130
    assert copies(site) == []


def test_what_a_killed_backup_left_is_removed_by_the_next_of_any_name(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    assert ended(site, "one.backup", signal.SIGKILL) == -signal.SIGKILL
    (left,) = copies(site)
    assert stat.S_IMODE((site.folder / left).stat().st_mode) == 0o700
    saved(site, "two.backup")
    assert copies(site) == ["two.backup"]


def test_a_backup_that_is_being_made_is_no_leftover(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    inside: list[Path] = []

    def while_copying(done: int, of: int) -> None:
        if not inside:
            inside.append(saved(site, "two.backup"))

    relocating.backup(site.bridge.site, site.folder / "one.backup", while_copying)
    for name in ("one.backup", "two.backup"):
        relocating.verify(site.folder / name)
    assert sorted(copies(site)) == ["one.backup", "two.backup"]
