"""The floor: the rows that the flow wrote, inserted and updated in batches of the same size by bare SQL."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

UPDATES = {"message": 3, "dispatch": 2, "disclosure": 1, "referral": 1}
"""How often the flow changes a row after it was inserted: understood, applied or prepared, delivered ..."""
BATCH = 500


def floor(books: Path, into: Path) -> float:
    """Seconds for the rows of ``books``, written anew into a database with the same tables and indexes."""
    source, target = sqlite3.connect(books), sqlite3.connect(into, isolation_level=None)
    for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"):
        target.execute(sql)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        target.execute(f"PRAGMA {pragma}")
    names = [n for (n,) in source.execute("SELECT name FROM sqlite_master WHERE type='table'") if "sqlite" not in n]
    tables = {name: source.execute(f"SELECT rowid, * FROM {name}").fetchall() for name in names}
    start = time.perf_counter()
    for name, rows in tables.items():
        for at in range(0, len(rows), BATCH):
            _write(target, name, rows[at : at + BATCH])
    spent = time.perf_counter() - start
    source.close()
    target.close()
    return spent


def _write(target: sqlite3.Connection, name: str, rows: list[tuple[object, ...]]) -> None:
    marks = ", ".join("?" * (len(rows[0]) - 1))
    column = target.execute(f"SELECT name FROM pragma_table_info('{name}') ORDER BY cid DESC LIMIT 1").fetchone()[0]
    target.execute("BEGIN IMMEDIATE")
    target.executemany(f"INSERT INTO {name} VALUES ({marks})", [row[1:] for row in rows])
    target.execute("COMMIT")
    for _ in range(UPDATES.get(name, 0)):
        target.execute("BEGIN IMMEDIATE")
        target.executemany(f"UPDATE {name} SET {column} = ? WHERE rowid = ?", [(row[-1], row[0]) for row in rows])
        target.execute("COMMIT")
