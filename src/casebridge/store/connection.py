"""One transaction on the books.

Rows found by key are kept in memory while it lasts and written together at its end: a batch of five hundred records
costs some twenty statements, not some ten thousand. Whatever else is asked of the database first writes out what waits,
so nobody ever sees less than was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import CursorResult, Executable, Select, Table
from sqlalchemy.sql.dml import UpdateBase

from casebridge.store import driver
from casebridge.store.box import Box, pack, unpack
from casebridge.store.many import Row, insert_all
from casebridge.store.rows import Rows

if TYPE_CHECKING:
    from casebridge.store.leases import Lane

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class TogetherNot(Exception):
    """A batch cannot go on as one: do its members one at a time, each in a transaction of its own."""


class Connection:
    """What the functions of the store work on. ``woken`` collects the lanes that this transaction made work for."""

    def __init__(self, raw: sqlalchemy.Connection, box: Box) -> None:
        self.raw, self.box = raw, box
        self.woken: set[Lane] = set()
        self.latest: dict[str, Row | None] = {}  # partner -> its payload that came last
        self._rows: dict[str, Rows] = {}
        self._added: dict[str, tuple[Table, list[dict[str, Any]]]] = {}

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[*tuple[Any, ...]]:
        """Any statement, on all that was done so far."""
        self.flush()
        if isinstance(statement, UpdateBase):
            self._rows.pop(str(statement.table), None)  # what is known of it may be wrong now
        return self.raw.execute(statement, parameters)

    def ask(self, question: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """What a question finds that is made once and asked often."""
        self.flush()
        return driver.found(self.raw, question, values)

    def rows(self, table: Table) -> Rows:
        """The rows of a table as this transaction sees them."""
        known = self._rows.get(table.name)
        if known is None:
            known = self._rows[table.name] = Rows(self.raw, table)
        return known

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """A row nobody will ask for by key in this transaction."""
        self._added.setdefault(table.name, (table, []))[1].append(row)

    def flush(self) -> None:
        """Write what waits."""
        for rows in self._rows.values():
            rows.flush()
        for table, added in self._added.values():
            insert_all(self.raw, table, added)
        self._added.clear()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is added inside is taken back when it fails; TogetherNot when more than that was done."""
        added = {name: len(rows) for name, (_, rows) in self._added.items()}
        changes = sum(rows.changes for rows in self._rows.values())
        try:
            yield
        except Exception as error:
            if changes != sum(rows.changes for rows in self._rows.values()):
                raise TogetherNot from error
            if any(name not in self._added for name in added):
                raise TogetherNot from error  # it was written out meanwhile
            for name, (_, rows) in self._added.items():
                del rows[added.get(name, 0) :]
            raise

    def pack(self, document: Any, *place: object) -> bytes:
        """A document as it lies in the database, in the row that ``place`` names: its table and key."""
        return self.box.close(pack(document), *place)

    def unpack(self, data: bytes | None, *place: object) -> Any:
        """The document again; None stays None."""
        return None if data is None else unpack(self.box.open(data, *place))

