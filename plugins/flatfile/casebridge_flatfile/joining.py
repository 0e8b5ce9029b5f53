"""All rows of a person as one record, whatever their order in the file and however many there are.

The rows wait in SQLite's own temporary database: small ones stay in memory, large ones spill to a nameless file that no
other process can open and that is gone when it is closed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import groupby
from typing import Any

from casebridge import Native
from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.layout import Layout, RecordLayout
from casebridge_flatfile.rows import Row

EARLIER = "earlier"
CACHE_KIB = 65_536  # pages beyond this go to the temporary file
_Waiting = tuple[str, int, str, str]  # subject, line, record, values as JSON


def join(rows: Iterable[Row | RecordError], layout: Layout, prefix: str) -> Iterator[Native | RecordError]:
    """The bad rows first, then each person's record ``<prefix>/<layout.join>`` in the order of their ids.

    A person of whom a row is bad is not read at all: half of a record would say that the other half has ended.
    """
    broken: set[str] = set()
    with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as waiting:
        _prepare(waiting)
        for row in rows:
            problem = row if isinstance(row, RecordError) else _keep(waiting, row)
            if problem:
                broken.add(problem.external_id)
                yield problem
        waiting.execute("COMMIT")
        found = waiting.execute("SELECT subject, line, record, data FROM row ORDER BY subject, line")
        for subject, group in groupby(found, key=lambda found: str(found[0])):
            if subject not in broken:
                yield _record(list(group), layout, prefix)


def _prepare(waiting: sqlite3.Connection) -> None:
    for statement in (
        f"PRAGMA cache_size=-{CACHE_KIB}", "PRAGMA synchronous=OFF", "PRAGMA temp_store=FILE",
        "CREATE TABLE row (subject TEXT, line INTEGER, record TEXT, data TEXT, "
        "PRIMARY KEY (subject, line)) WITHOUT ROWID",
        "BEGIN",
    ):  # fmt: skip
        waiting.execute(statement)


def _keep(waiting: sqlite3.Connection, row: Row) -> RecordError | None:
    """The error when a part of the key is missing."""
    missing = next((name for name in row.record.subject + row.record.key if name not in row.values), None)
    if missing:
        whose = "|".join(row.values.get(name, "") for name in row.record.subject)
        return RecordError("CB-302", "a part of the key is missing", position=Position(row=row.number), field=missing,
                           external_id=whose)  # fmt: skip
    subject = "|".join(row.values[name] for name in row.record.subject)
    kept = (subject, row.number, row.record.name, json.dumps(row.values))
    waiting.execute("INSERT INTO row VALUES (?, ?, ?, ?)", kept)
    return None


def _record(rows: list[_Waiting], layout: Layout, prefix: str) -> Native:
    """Lists by record, or the row that counts where the record has ``latest``; the others stand under ``earlier``."""
    subject, line, _, first = rows[0]
    names = layout.of_role("data")[0].subject
    data: dict[str, Any] = {name: json.loads(first)[name] for name in names}
    for record in layout.of_role("data"):
        own = [_without(json.loads(values), names) for _, _, name, values in rows if name == record.name]
        if own and record.latest:
            *others, counts = sorted(own, key=partial(_rank, record))
            data[record.name] = counts
            if others:
                data.setdefault(EARLIER, {})[record.name] = others
        elif own:
            data[record.name] = own
    return Native(f"{prefix}/{layout.join}", data, Position(row=line), subject, order_key=subject)


def _rank(record: RecordLayout, values: dict[str, str]) -> tuple[bool, str]:
    """The row that counts is the last by this: a preferred one, the newest of them, the last in the file."""
    preferred = record.prefer is not None and values.get(record.prefer.column) == record.prefer.value
    return preferred, values.get(record.latest, "")


def _without(values: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in names}
