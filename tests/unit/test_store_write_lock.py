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
from casebridge.store.leases import Lane
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


def test_threads_that_wait_for_one_another_are_told_of_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, none waits for the patience of those before it."""
    lock, free, said = WriteLock(tmp_path / "a.db"), threading.Event(), list[str]()

    def hold() -> None:
        with lock.held():
            said.append("held")
            free.wait(30)

    def wait() -> None:
        try:
            with lock.held():
                said.append("had it")
        except write_lock.NoTurn:
            said.append("no turn")

    holder = threading.Thread(target=hold)
    holder.start()
    while not said:
        time.sleep(0.001)
    monkeypatch.setattr(write_lock, "PATIENCE", 0.2)
    waiting = [threading.Thread(target=wait) for _ in range(6)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(10)
    assert said == ["held"] + ["no turn"] * 6
    free.set()
    holder.join()


def test_a_lock_file_that_cannot_be_used_is_trouble_of_the_store(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    store.close()
    file = tmp_path / "a.db.write-now"
    file.unlink(missing_ok=True)
    file.mkdir()
    with pytest.raises(StoreTrouble, match="write-now"), store.write():
        pass
    file.rmdir()
    with store.write():
        pass
    store.close()


def test_as_many_as_have_turns_can_write_within_them(new_store: Callable[..., str]) -> None:
    """As many turns as the pool has connections."""
    store, start = Store(new_store()), threading.Barrier(15)
    done: list[str] = []

    def work(name: str) -> None:
        with store.turn(name):
            start.wait(20)
            with store.read():
                done.append(name)

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 15
    store.close()


def test_who_listens_for_work_may_take_its_time_and_fail(new_store: Callable[..., str]) -> None:
    """It hears when others may write again, and what was committed stays so."""
    store = Store(new_store())
    other, heard = Store(store.url), list[set[Lane]]()

    def listen(lanes: set[Lane]) -> None:
        with other.write():
            heard.append(lanes)

    store.woken = listen
    with store.about_to_write():
        with store.write() as c:
            c.woken.add(Lane("accept", "hospital"))
        assert heard == []
    assert heard == [{Lane("accept", "hospital")}]
    store.close()
    other.close()
