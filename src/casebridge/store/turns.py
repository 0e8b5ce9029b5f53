"""One after the other, in all processes of a site: what looks first and then writes, and may take its time between."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import Engine

from casebridge.store.write_lock import NoTurn, beside, locked

PATIENCE = 60.0
"""Seconds until a process that does not end its turn is given up."""
LOOK = 0.005  # seconds
KIND = 7_620_046
"""The first half of PostgreSQL's advisory locks of turns; the second is made of the name."""


class Turns:
    """Turns by name, of a database that is a file (each name has a lock file beside it) or a server."""

    def __init__(self, database: Path | Engine) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._here: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Nobody else has the turn of that name meanwhile. NoTurn when another process does not end it in time."""
        with self._mutex:
            here = self._here[name]
        if not here.acquire(timeout=PATIENCE):
            raise NoTurn
        try:
            where = self._database
            with self._by_file(name, where) if isinstance(where, Path) else self._by_server(name, where):
                yield
        finally:
            here.release()

    def close(self) -> None:
        """Let go of the connections."""
        if isinstance(self._database, Engine):
            self._database.dispose()

    @contextmanager
    def _by_file(self, name: str, database: Path) -> Iterator[None]:
        mark = hashlib.sha256(name.encode()).hexdigest()[:16]
        descriptor = beside(database, f".turn-{mark}")
        try:
            with locked(descriptor, PATIENCE, LOOK):
                yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _by_server(self, name: str, server: Engine) -> Iterator[None]:
        which = (KIND, int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], signed=True))
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as raw:
            raw.exec_driver_sql("SELECT pg_advisory_lock(%s, %s)", which)
            try:
                yield
            finally:
                raw.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", which)
