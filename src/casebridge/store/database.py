"""One database: opening it, and the one way to write to it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection

from casebridge.store import driver, keys, migrate, postgresql
from casebridge.store.box import Box, Plain
from casebridge.store.connection import Connection as Connection
from casebridge.store.leases import Lane
from casebridge.store.turns import Turns
from casebridge.store.write_lock import NoTurn, WriteLock


def iso(moment: datetime) -> str:
    """Stored form of an aware datetime: UTC, microseconds, sorts as text."""
    utc = moment.astimezone(UTC)
    if not utc.microsecond:
        return utc.isoformat(timespec="microseconds")[:26] + "Z"
    return orjson.dumps(utc, option=orjson.OPT_UTC_Z)[1:-1].decode()  # the same in a tenth of the time


ONE_WORKER = 7_620_045_131
"""PostgreSQL's advisory lock of the transactions that nobody else may be in at the same time."""


ASKED_WRONG = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.NotSupportedError, sqlite3.ProgrammingError)
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class StoreTrouble(Exception):
    """The database is not there, full, or had to break a transaction off: nothing was written, try again later."""


class Clash(StoreTrouble):
    """Another worker wrote the same row at the same moment: nothing was written here; who looks again will find it."""


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except NoConnection as error:
        raise StoreTrouble("no connection is free") from error
    except NoTurn as error:
        raise StoreTrouble(str(error)) from error
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") != postgresql.THERE_ALREADY:
            raise
        raise Clash(type(error.orig).__name__) from error
    except DBAPIError as error:
        if _is_about_what_was_asked(error):
            raise
        raise StoreTrouble(type(error.orig).__name__) from error
    except sqlite3.DatabaseError as error:  # straight from the driver (store/driver.py)
        if isinstance(error, ASKED_WRONG):
            raise
        raise StoreTrouble(type(error).__name__) from error


def _is_about_what_was_asked(error: DBAPIError) -> bool:
    """Is it the values or the statement? Else it is the database: gone, full, read-only, damaged."""
    wrong = isinstance(error, DataError | IntegrityError | NotSupportedError | ProgrammingError)
    after_one = getattr(error.orig, "sqlstate", "") == postgresql.AFTER_AN_ERROR
    return (wrong or after_one) and not error.connection_invalidated


class Store:
    """The database of one site. ``write`` is the only way to change it, ``read`` the only way to look."""

    def __init__(self, url: str, box: Box | None = None) -> None:
        self.url, self.box = url, box or Plain()
        self.engine = _open(url)
        self.woken: Callable[[set[Lane]], None] = lambda lanes: None  # told after each commit that made work
        self._is_sqlite, self._here = self.engine.dialect.name == "sqlite", threading.local()
        file = Path(url.removeprefix("sqlite:///")) if self._is_sqlite else None
        self._writing = file and WriteLock(file)
        self._turns = Turns(file or postgresql.opened(url))  # connections of its own: who has a turn asks for more
        self._looking = self.engine.execution_options(**({} if self._is_sqlite else SNAPSHOT))
        try:
            migrate.upgrade(self.engine)
            keys.check(self)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def write(self, *, one_worker: bool = False, lasting: bool = True) -> Iterator[Connection]:
        """One transaction; SQLite takes its write lock at once, and no I/O may happen inside.

        ``one_worker``: on PostgreSQL, too, nobody else is in such a transaction meanwhile. Not ``lasting``: a power
        cut may take it back, so PostgreSQL need not wait for the disk. Raises StoreTrouble when the database is not
        there, full, or had to break off.
        """
        with self.about_to_write() as work:
            with _trouble(), self.engine.connect() as raw, raw.begin():
                if self._is_sqlite:
                    driver.rows(raw, "BEGIN IMMEDIATE")
                elif one_worker:
                    raw.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_WORKER})")
                elif not lasting:
                    raw.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                c = Connection(raw, self.box)
                yield c
                c.flush()
            work |= c.woken

    @contextmanager
    def about_to_write(self) -> Iterator[set[Lane]]:
        """On SQLite: nobody else writes from here on. What comes while one waits for it can share the commit; which
        lanes that made work for is told when others may write again. Raises StoreTrouble when another process does
        not end what it does."""
        outer: set[Lane] | None = getattr(self._here, "work", None)
        if outer is not None:
            yield outer
            return
        work = self._here.work = set[Lane]()
        try:
            with _trouble(), self._writing.held() if self._writing else nullcontext():
                yield work
        finally:
            self._here.work = None
            if work:
                self.woken(work)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look: all of it is as at one moment."""
        with _trouble(), self._looking.connect() as raw:
            if self._is_sqlite:
                driver.rows(raw, "BEGIN")
            yield Connection(raw, self.box)  # what is given back to the pool is rolled back

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Nobody else, in no process of the site, is in such a block of that name; it may be long, and write within.
        Raises StoreTrouble when somebody else does not end it."""
        with _trouble(), self._turns.of(name):
            yield

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()
        self._turns.close()
        if self._writing:
            self._writing.close()


def _open(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return postgresql.opened(url)
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
