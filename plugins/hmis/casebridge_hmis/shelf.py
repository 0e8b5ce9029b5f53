"""A place to look rows up by key while a payload is read: small ones stay in memory, large ones spill to disk.

SQLite's own temporary database: it has no name, no other process can open it, and it is gone when it is closed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import orjson

CACHE_KIB = 16_384  # pages beyond this go to the temporary file
KEEP = "INSERT OR IGNORE INTO row VALUES (?, ?, ?, ?, ?, ?)"
RAISE = ("INSERT INTO row (file, key, line) VALUES (?, ?, ?) "
         "ON CONFLICT (file, key) DO UPDATE SET line = max(line, excluded.line)")  # fmt: skip
REPLACE = "INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?, ?, ?)"


class Shelf:
    """Rows by (file, key), each with its line, the person it is about and the key of the row above it."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE row (file TEXT, key TEXT, line INTEGER, person TEXT, above TEXT, "
                         "data BLOB, UNIQUE (file, key))")  # fmt: skip
        self._db.execute("CREATE INDEX in_order ON row (file, line)")
        self._db.execute("CREATE INDEX below ON row (file, above) WHERE above IS NOT NULL")
        self._db.execute("BEGIN")

    def put(
        self, file: str, key: str, data: dict[str, Any], line: int = 0, person: str = "", above: str | None = None,
        *, replace: bool = False,
    ) -> bool:  # fmt: skip
        """False when the key is there already; the first row stays unless a later one is to ``replace`` it."""
        done = self._db.execute(REPLACE if replace else KEEP, (file, key, line, person, above, orjson.dumps(data)))
        return done.rowcount == 1

    def get(self, file: str, key: str) -> dict[str, Any] | None:
        """A fresh dict each time, so that nobody changes another's."""
        found = self._db.execute("SELECT data FROM row WHERE file = ? AND key = ?", (file, key)).fetchone()
        return None if found is None else orjson.loads(found[0])

    def drop(self, file: str, key: str) -> None:
        """Take a row away."""
        self._db.execute("DELETE FROM row WHERE file = ? AND key = ?", (file, key))

    def counts(self) -> dict[str, int]:
        """How many rows there are of each file."""
        return dict(self._db.execute("SELECT file, count(*) FROM row GROUP BY file"))

    def below(self, file: str, above: str) -> list[dict[str, Any]]:
        """The rows of ``file`` that belong to the record with the key ``above``, in the order of their lines."""
        cursor = self._db.execute(
            "SELECT data FROM row INDEXED BY below WHERE file = ? AND above = ? ORDER BY line",
            (file, above),
        )
        return [orjson.loads(data) for (data,) in cursor]

    def person(self, file: str, key: str) -> str | None:
        """The PersonalID of a row, None when the row is not there."""
        found = self._db.execute("SELECT person FROM row WHERE file = ? AND key = ?", (file, key)).fetchone()
        return None if found is None else str(found[0])

    def mark(self, sign: str, key: str) -> bool:
        """Remember something about a key; False when it was known already."""
        return self._db.execute("INSERT OR IGNORE INTO row (file, key) VALUES (?, ?)", (sign, key)).rowcount == 1

    def marked(self, sign: str, key: str) -> bool:
        """Is it remembered?"""
        return self._db.execute("SELECT 1 FROM row WHERE file = ? AND key = ?", (sign, key)).fetchone() is not None

    def holds(self, file: str, key: str) -> bool:
        """Is there such a row?"""
        return self.marked(file, key)

    def any(self, sign: str) -> bool:
        """Was anything remembered under this sign?"""
        return self._db.execute("SELECT 1 FROM row WHERE file = ? LIMIT 1", (sign,)).fetchone() is not None

    def raise_to(self, sign: str, key: str, level: int) -> None:
        """Remember a level of a key; the highest stays."""
        self._db.execute(RAISE, (sign, key, level))

    def level(self, sign: str, key: str) -> int:
        """The level remembered, 0 when there is none."""
        found = self._db.execute("SELECT line FROM row WHERE file = ? AND key = ?", (sign, key)).fetchone()
        return 0 if found is None else int(found[0])

    def highest(self, sign: str) -> int:
        """The highest level of any key, 0 when there is none."""
        found = self._db.execute("SELECT max(line) FROM row WHERE file = ?", (sign,)).fetchone()
        return found[0] or 0

    def rows(self, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """(line, row) of a file in the order of its lines."""
        cursor = self._db.execute("SELECT line, data FROM row WHERE file = ? ORDER BY line", (file,))
        for line, data in cursor:
            yield line, orjson.loads(data)

    def items(self, file: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(key, row) of a file in the order they were put."""
        cursor = self._db.execute("SELECT key, data FROM row WHERE file = ? ORDER BY rowid", (file,))
        for key, data in cursor:
            yield key, orjson.loads(data)

    def close(self) -> None:
        """Forget everything."""
        self._db.close()
