"""Who writes to an SQLite file: one transaction at a time, of all threads of all processes, the processes in turn.

SQLite's own lock is asked for again and again, with ever longer pauses, by whoever finds it taken: two busy processes
would wait most of the time. It stays the net below for whoever writes without us.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 30.0
"""Seconds until another process that does not end its transaction is given up."""
LOOK = 0.0005  # seconds


class NoTurn(Exception):
    """Another process holds a lock, and does not let go of it; or this account may not use its file."""

    def __init__(self, said: str = "another process does not end what it does") -> None:
        super().__init__(said)


class WriteLock:
    """Two locks, on two files beside the database: who holds one is next, who holds the other writes.

    A process has only one thread in line, so that no other process waits for more than one of its transactions. What a
    killed process held, the system lets go.
    """

    def __init__(self, database: Path) -> None:
        self._database, self._files = database, (".write-next", ".write-now")
        self._mutex = threading.RLock()
        self._depth = 0
        self._open: list[int] = []

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes meanwhile; who holds it may hold it again. NoTurn when another process does not end in
        time."""
        if not self._mutex.acquire(timeout=PATIENCE):
            raise NoTurn
        try:
            if not self._depth:
                self._take()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    fcntl.flock(self._open[1], fcntl.LOCK_UN)
        finally:
            self._mutex.release()

    def _take(self) -> None:
        while len(self._open) < len(self._files):
            self._open.append(beside(self._database, self._files[len(self._open)]))
        following, writing = self._open
        with locked(following, PATIENCE, LOOK):
            lock(writing, PATIENCE, LOOK)

    def close(self) -> None:
        """Let go of the files; who writes again opens them again."""
        if self._mutex.acquire(timeout=PATIENCE):  # whoever still has it ends with the process
            try:
                while self._open:
                    os.close(self._open.pop())
            finally:
                self._mutex.release()


def beside(database: Path, end: str) -> int:
    """A descriptor of the lock file whose name ends so, made where it is missing: the owner of the database may use
    it, whoever made it. NoTurn when this account may not."""
    file = database.with_name(f"{database.name}{end}")
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        if os.geteuid() == 0 and database.exists():
            owner = database.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise NoTurn(f"{file.name}: {error.strerror}") from error
    return descriptor


@contextmanager
def locked(descriptor: int, patience: float, look: float) -> Iterator[None]:
    """The file's lock for as long as the block lasts. NoTurn after ``patience`` seconds."""
    lock(descriptor, patience, look)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def lock(descriptor: int, patience: float, look: float) -> None:
    """Take the file's lock, which is looked at every ``look`` seconds. NoTurn after ``patience`` seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise NoTurn from None
            time.sleep(look)
        else:
            return
