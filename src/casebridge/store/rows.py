"""The rows of one table as one transaction sees them: loaded many at a time, changed in memory, written at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, Connection, Table

from casebridge.store import arrays, driver
from casebridge.store.many import Row, insert_all, update_all

Index = tuple[str, ...]
Key = tuple[Any, ...]
MOST_KEYS = 500
"""Keys asked for by one statement."""


class Rows:
    """Found by the values of some columns (an *index*). A key that was looked up once is known from then on, also that
    nothing is there; ``changes`` counts what was added and changed.

    A row is a plain dict, the same object however it is found. Change it only through ``change``.
    """

    def __init__(self, raw: Connection, table: Table) -> None:
        self._raw, self._table = raw, table
        self._primary: Index = ("id",) if table.name == "message" else tuple(c.name for c in table.primary_key)
        self._order: Index = ("seq",) if "seq" in table.c else self._primary
        self._known: dict[Index, dict[Key, list[Row]]] = {}
        self._indexes: list[tuple[Callable[[Row], Key], dict[Key, list[Row]]]] = []
        self._key = _key_of(self._primary)
        self._all: dict[Key, Row] = {}
        self._new: dict[Key, Row] = {}
        self._changed: dict[Key, Row] = {}
        self.changes = 0

    def of(self, index: Index, *key: Any) -> list[Row]:
        """The rows whose columns ``index`` have the values ``key``, in the order of the primary key."""
        if index == self._primary and key in self._all:
            return [self._all[key]]
        known = self._known.get(index)
        if known is None or key not in known:
            self.load(index, [key])
            known = self._known[index]
        return known[key]

    def one(self, index: Index, *key: Any) -> Row | None:
        """The first of them."""
        found = self.of(index, *key)
        return found[0] if found else None

    def load(self, index: Index, keys: Iterable[Key]) -> None:
        """Look many keys up with one statement for each way they differ."""
        known = self._index(index)
        wanted = list(dict.fromkeys(key for key in keys if key not in known))
        if not wanted:
            return
        self.flush()
        known.update((key, []) for key in wanted)
        for same in _alike_in_none(wanted):
            for start in range(0, len(same), MOST_KEYS):
                for row in self._found(index, same[start : start + MOST_KEYS]):
                    self._register(row)

    def none(self, index: Index, *key: Any) -> None:
        """Known without looking: nothing is there under a key that was made just now."""
        self._index(index).setdefault(key, [])

    def empty(self, index: Index, *key: Any) -> bool:
        """Is it known, without looking, that nothing is there?"""
        return self._known.get(index, {}).get(key) == []

    def add(self, row: Row) -> Row:
        """A new row; ``row`` must name all columns that are looked at later."""
        self._new[self._key(row)] = row
        self.changes += 1
        self._register(row)
        return row

    def change(self, row: Row, **values: Any) -> None:
        """Change a row that was found or added here."""
        self._unlist(row)
        row.update(values)
        self._list(row)
        self._note(self._key(row), values)

    def patch(self, key: Key, **values: Any) -> None:
        """Change the row with this primary key, whether it was looked at or not."""
        row = self._all.get(key)
        if row is not None:
            self.change(row, **values)
        else:
            self._note(key, values)

    def flush(self) -> None:
        """Write what was added and changed."""
        if self._new:
            rows, self._new = list(self._new.values()), {}
            insert_all(self._raw, self._table, rows)
        if self._changed:
            changed, self._changed = self._changed, {}
            by_columns: dict[frozenset[str], list[Row]] = {}
            for key, values in changed.items():
                where = {f"_{n}": v for n, v in zip(self._primary, key, strict=True)}
                by_columns.setdefault(frozenset(values), []).append(where | {n: values[n] for n in sorted(values)})
            for rows in by_columns.values():
                update_all(self._raw, self._table, self._primary, rows)

    def _index(self, index: Index) -> dict[Key, list[Row]]:
        if index not in self._known:
            self._known[index] = {}
            self._indexes.append((_key_of(index), self._known[index]))
        return self._known[index]

    def _note(self, key: Key, values: Row) -> None:
        self.changes += 1
        if key not in self._new:
            self._changed.setdefault(key, {}).update(values)

    def _register(self, row: Row) -> None:
        key = self._key(row)
        if key not in self._all:
            self._all[key] = row
        self._list(self._all[key])

    def _list(self, row: Row) -> None:
        for key_of, known in self._indexes:
            listed = known.get(key_of(row))
            if listed is not None and (not listed or not any(r is row for r in listed)):
                listed.append(row)

    def _unlist(self, row: Row) -> None:
        for key_of, known in self._indexes:
            listed = known.get(key_of(row))
            if listed:
                listed[:] = [r for r in listed if r is not row]

    def _found(self, index: Index, keys: Sequence[Key]) -> Iterator[Row]:
        names = self._table.columns.keys()
        truths = _truths(self._table)
        for values in _asked(self._raw, self._table, self._order, index, keys):
            row = dict(zip(names, values, strict=True))
            for name in truths:
                row[name] = bool(row[name])
            yield row


def _key_of(index: Index) -> Callable[[Row], Key]:
    """What the row is found by."""
    one = itemgetter(index[0])
    return itemgetter(*index) if len(index) > 1 else lambda row: (one(row),)


def _alike_in_none(keys: Sequence[Key]) -> Iterator[list[Key]]:
    """NULL equals nothing: keys with it in the same places are asked for together."""
    found: dict[tuple[bool, ...], list[Key]] = {}
    for key in keys:
        found.setdefault(tuple(v is None for v in key), []).append(key)
    yield from found.values()


def _asked(
    raw: Connection, table: Table, order: Index, index: Index, keys: Sequence[Key]
) -> Iterable[Sequence[Any]]:
    """What all keys have in common is compared, the rest is looked up in a list."""
    varying = tuple(n for n in range(len(index)) if any(key[n] != keys[0][n] for key in keys))
    same = {name: keys[0][n] for n, name in enumerate(index) if n not in varying}
    if raw.dialect.name != "sqlite":
        return arrays.select(raw, table, order, same, {index[n]: [key[n] for key in keys] for n in varying})
    empty = tuple(name for name, value in same.items() if value is None)
    begin, end = _select(table, order, index, varying, empty)
    given = [key[n] for key in keys for n in varying] + [value for value in same.values() if value is not None]
    marks = ", ".join([f"({', '.join('?' * len(varying))})"] * len(keys)) if varying else ""
    return driver.rows(raw, f"{begin}{marks}{end}", given)


@cache
def _select(table: Table, order: Index, index: Index, varying: tuple[int, ...], empty: Index) -> tuple[str, str]:
    """The question for SQLite, before and behind the list of what varies.

    The list comes first, and for each of it SQLite looks into an index: asked with IN it may go through all rows.
    """
    name = table.name
    same = [column for n, column in enumerate(index) if n not in varying]
    where = [f'{name}."{index[n]}" = list.column{place}' for place, n in enumerate(varying, 1)]
    where += [f'{name}."{column}" IS NULL' if column in empty else f'{name}."{column}" = ?' for column in same]
    begin = f"SELECT {', '.join(_quoted(name, table.columns.keys()))} FROM "  # noqa: S608 - names of our own tables
    end = f"{name} WHERE {' AND '.join(where)} ORDER BY {', '.join(_quoted(name, order))}"
    return (f"{begin}(VALUES ", f") AS list CROSS JOIN {end}") if varying else (begin, end)


def _quoted(table: str, names: Iterable[str]) -> list[str]:
    return [f'{table}."{name}"' for name in names]


@cache
def _truths(table: Table) -> tuple[str, ...]:
    """Columns of truth values: SQLite's driver gives numbers."""
    return tuple(column.name for column in table.columns if isinstance(column.type, Boolean))
