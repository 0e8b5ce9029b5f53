"""Several processes write to one SQLite file: in turn, none of them left waiting, and none for ever."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from casebridge.store import turns, write_lock
from casebridge.store.database import Store, StoreTrouble
from casebridge.store.write_lock import WriteLock

WRITER = """
import sys, time
from pathlib import Path
from casebridge.store.write_lock import WriteLock
lock, file = WriteLock(Path(sys.argv[1])), Path(sys.argv[2])
until = time.monotonic() + 1.5
while time.monotonic() < until:
    with lock.held():
        before = file.read_text()
        time.sleep(0.002)
        file.write_text(before + sys.argv[3])
"""
HOLDER = """
import sys, time
from pathlib import Path
from casebridge.store.write_lock import WriteLock
with WriteLock(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""


def test_nobody_writes_beside_another_and_everybody_has_a_turn(tmp_path: Path) -> None:
    file = tmp_path / "written"
    file.write_text("")
    lines = [[sys.executable, "-c", WRITER, str(tmp_path / "a.db"), str(file), name] for name in "abc"]
    running = [subprocess.Popen(line) for line in lines]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    written = file.read_text()
    together = written[max(written.find(name) for name in "abc") : min(written.rfind(name) for name in "abc")]
    assert min(together.count(name) for name in "abc") > len(together) / 6


def held(database: Path) -> subprocess.Popen[str]:
    """Another process that is just writing."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(database)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_what_a_killed_process_held_is_free(tmp_path: Path) -> None:
    process = held(tmp_path / "a.db")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with WriteLock(tmp_path / "a.db").held():
        pass


def test_a_process_that_does_not_end_what_it_writes_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_lock, "PATIENCE", 0.1)
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    with held(tmp_path / "a.db") as process:
        with pytest.raises(StoreTrouble, match="another process"), store.write():
            pass
        process.kill()
    with store.write():
        pass
    store.close()


def test_who_holds_it_may_hold_it_again(tmp_path: Path) -> None:
    lock, other = WriteLock(tmp_path / "a.db"), WriteLock(tmp_path / "a.db")
    had = threading.Event()

    def take() -> None:
        with other.held():
            had.set()

    with lock.held():
        with lock.held():
            waiting = threading.Thread(target=take)
            waiting.start()
        assert not had.wait(0.2)
    assert had.wait(10)
    waiting.join()


def test_who_is_closed_and_writes_again_takes_turns_again(tmp_path: Path) -> None:
    lock = WriteLock(tmp_path / "a.db")
    with lock.held():
        pass
    lock.close()
    with lock.held():
        pass
    assert (tmp_path / "a.db.write-now").stat().st_mode & 0o077 == 0


def test_turns_of_one_name_come_one_after_the_other(new_store: Callable[..., str]) -> None:
    """Each store stands for a process."""
    url = new_store()
    one, other = Store(url), Store(url)
    ended: list[str] = []

    def second() -> None:
        with other.turn("hospital"):
            ended.append("second")

    with one.turn("hospital"):
        waiting = threading.Thread(target=second)
        waiting.start()
        with other.turn("clinic"):
            ended.append("another name")
        time.sleep(0.2)
        ended.append("first")
    waiting.join(10)
    assert ended == ["another name", "first", "second"]
    one.close()
    other.close()


def test_a_turn_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.1)
    url = f"sqlite:///{tmp_path / 'a.db'}"
    one, other = Store(url), Store(url)
    with one.turn("hospital"), pytest.raises(StoreTrouble), other.turn("hospital"):
        pass
    with other.turn("hospital"):
        pass
    one.close()
    other.close()
