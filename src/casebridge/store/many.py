"""Many rows with one statement, straight to the driver: its text is made once, and values go through as they are.

SQLite runs it for each row, which costs it nothing; PostgreSQL gets the rows as arrays (``store/arrays.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, insert, update

from casebridge.store import arrays, driver

Row = dict[str, Any]


def insert_all(raw: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, in their order."""
    for same in alike(rows):
        if raw.dialect.name == "sqlite":
            _execute(raw, *_insert(raw.dialect, table, tuple(same[0])), same)
        else:
            arrays.insert(raw, table, same)


def update_all(raw: Connection, table: Table, primary: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Update rows; each names what changes, and its primary key with ``_`` before the columns."""
    for same in alike(rows):
        if raw.dialect.name == "sqlite":
            _execute(raw, *_update(raw.dialect, table, primary, tuple(same[0])), same)
        else:
            arrays.update(raw, table, primary, same)


def alike(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows in their order, cut where the columns that are given change."""
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or rows[end].keys() != rows[start].keys():
            yield rows[start:end]
            start = end


def _execute(raw: Connection, text: str, order: tuple[str, ...], rows: Sequence[Row]) -> None:
    if len(order) == 1:
        driver.each(raw, text, [(row[order[0]],) for row in rows])
    else:
        driver.each(raw, text, list(map(itemgetter(*order), rows)))


@cache
def _insert(dialect: Dialect, table: Table, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup or ())


@cache
def _update(
    dialect: Dialect, table: Table, primary: tuple[str, ...], names: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    where = [table.c[name] == bindparam(f"_{name}") for name in primary]
    changed = [name for name in names if name not in {f"_{key}" for key in primary}]
    compiled = update(table).where(*where).compile(dialect=dialect, column_keys=changed)
    return str(compiled), tuple(compiled.positiontup or ())
