"""Many rows with one statement of PostgreSQL: a column travels as one array, in the driver's binary form (``%b``).

A row each, in a pipeline, costs client and server twice to three times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, CursorResult, String, Table
from sqlalchemy.dialects import postgresql

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_quoted = _DIALECT.identifier_preparer.quote


def insert(raw: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows with the same columns; what counts up by itself does so in their order."""
    names = tuple(rows[0])
    raw.exec_driver_sql(_insert(table, names), _columns(names, rows))


def update(raw: Connection, table: Table, primary: tuple[str, ...], rows: Sequence[dict[str, Any]]) -> None:
    """Update rows with the same columns; the primary key stands under its columns' names with ``_`` before."""
    names = tuple(rows[0])
    raw.exec_driver_sql(_update(table, primary, names), _columns(names, rows))


def select(
    raw: Connection, table: Table, order: tuple[str, ...], same: dict[str, Any], varying: dict[str, list[Any]]
) -> CursorResult[Any]:
    """Rows whose columns have the values ``same`` (None: NULL) and, together, one of ``varying``, which go in step."""
    empty = tuple(name for name, value in same.items() if value is None)
    equal = tuple(name for name in same if name not in empty)
    text = _select(table, order, empty, equal, tuple(varying))
    return raw.exec_driver_sql(text, (*(same[name] for name in equal), *varying.values()))


def _columns(names: tuple[str, ...], rows: Sequence[dict[str, Any]]) -> tuple[list[Any], ...]:
    if len(names) == 1:
        return ([row[names[0]] for row in rows],)
    return tuple(map(list, zip(*map(itemgetter(*names), rows), strict=True)))


@cache
def _insert(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(map(_quoted, names))
    return f"INSERT INTO {_quoted(table.name)} ({columns}) SELECT * FROM {_unnest([table.c[name] for name in names])}"  # noqa: S608


@cache
def _update(table: Table, primary: tuple[str, ...], names: tuple[str, ...]) -> str:
    keys = {f"_{name}": name for name in primary}
    given = ", ".join(map(_quoted, names))
    changes = ", ".join(f"{_quoted(name)} = given.{_quoted(name)}" for name in names if name not in keys)
    where = " AND ".join(f"{_quoted(table.name)}.{_quoted(name)} = given.{_quoted(key)}" for key, name in keys.items())
    columns = [table.c[keys.get(name, name)] for name in names]
    return f"UPDATE {_quoted(table.name)} SET {changes} FROM {_unnest(columns)} AS given({given}) WHERE {where}"  # noqa: S608


@cache
def _select(
    table: Table, order: tuple[str, ...], empty: tuple[str, ...], equal: tuple[str, ...], varying: tuple[str, ...]
) -> str:
    where = [f"{_quoted(name)} IS NULL" for name in empty] + [f"{_quoted(name)} = %s" for name in equal]
    columns = [table.c[name] for name in varying]
    if len(varying) == 1:
        where.append(f"{_quoted(varying[0])} = ANY({_array(columns[0])})")
    elif varying:
        where.append(f"({', '.join(map(_quoted, varying))}) IN (SELECT * FROM {_unnest(columns)})")  # noqa: S608
    names = ", ".join(map(_quoted, table.columns.keys()))
    by = ", ".join(map(_quoted, order))
    return f"SELECT {names} FROM {_quoted(table.name)} WHERE {' AND '.join(where)} ORDER BY {by}"  # noqa: S608


def _unnest(columns: Sequence[Column[Any]]) -> str:
    return f"unnest({', '.join(map(_array, columns))})"


def _array(column: Column[Any]) -> str:
    """TEXT for every length: a cast to a shorter one would cut what is too long, and say nothing."""
    kind = "TEXT" if isinstance(column.type, String) else column.type.compile(dialect=_DIALECT)
    return f"%b::{kind}[]"
