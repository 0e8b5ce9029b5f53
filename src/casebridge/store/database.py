"""One database: opening it, and the one way to write to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as Connection
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from ulid import ULID

from casebridge.core import jsontext
from casebridge.store import migrate

_last_id = 0
_last_id_lock = threading.Lock()


def new_id() -> str:
    """A ULID: 26 characters, sorted by time, and in order within this process also inside one millisecond."""
    global _last_id
    with _last_id_lock:
        _last_id = max(int(ULID()), _last_id + 1)
        return str(ULID.from_int(_last_id))


def iso(moment: datetime) -> str:
    """Stored form of an aware datetime: UTC, microseconds, sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def pack(document: Any) -> bytes:
    """A document as bytes (JSON); numbers keep their spelling."""
    return jsontext.dumps(document)


def unpack(data: bytes | None) -> Any:
    """The document again, numbers as they were spelled; None stays None."""
    return None if data is None else jsontext.loads(data, max_depth=2 * jsontext.MAX_DEPTH)


class Store:
    """The database of one site. ``write`` is the only way to change it, ``read`` the only way to look."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _open(url)
        self._writing = threading.RLock()
        migrate.upgrade(self.engine)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; SQLite takes its write lock at once, and no I/O may happen inside."""
        with self._writing, self.engine.connect() as c, c.begin():
            if self.engine.dialect.name == "sqlite":
                c.exec_driver_sql("BEGIN IMMEDIATE")
            yield c

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look."""
        with self.engine.connect() as c:
            if self.engine.dialect.name == "sqlite":
                c.exec_driver_sql("BEGIN")
            yield c
            c.rollback()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def _open(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    file = url.removeprefix("sqlite:///")
    if file and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch(mode=0o600)  # nobody else's to read; SQLite gives its -wal and -shm the same rights
    connect_args = {"timeout": 30, "check_same_thread": False}
    engine = create_engine(url, connect_args=connect_args, hide_parameters=True)  # no record's values in an error

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own comes too late
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
