"""A store of an older release, with data in it, is moved to today's schema: every row says what it said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from casebridge.store import ledger, migrate, postgresql
from casebridge.store.database import Store
from casebridge.store.tables import metadata

FIRST = "0001"
ROWS = 3


@pytest.fixture
def old(new_store: Callable[..., str]) -> Iterator[sa.Engine]:
    """A database as the first release left it, with rows in every table."""
    url = new_store(empty=True)
    engine = sa.create_engine(url) if url.startswith("sqlite") else postgresql.opened(url)
    migrate.upgrade(engine, FIRST)
    with engine.begin() as c:
        for table in tables(engine):
            made = [{column.name: value(column, n) for column in table.columns} for n in range(1, ROWS + 1)]
            c.execute(sa.insert(table), made)
    yield engine
    engine.dispose()


def tables(engine: sa.Engine) -> list[sa.Table]:
    """Our tables as the database describes them."""
    found = sa.MetaData()
    found.reflect(engine)
    return [t for t in found.sorted_tables if t.name != "alembic_version"]


def value(column: sa.Column[Any], n: int) -> Any:
    """Something that fits."""
    if isinstance(column.type, sa.LargeBinary):
        return b'{"n":%d,"\xc3\xa9":1}' % n
    if isinstance(column.type, sa.Boolean):
        return n % 2 == 0
    if isinstance(column.type, sa.Integer):
        return n
    return f"{n}é{column.name}"[: getattr(column.type, "length", None) or 60]


def rows(engine: sa.Engine, of: list[sa.Table]) -> dict[str, list[Any]]:
    """What is in the columns of these tables."""
    with engine.connect() as c:
        return {t.name: sorted(map(repr, c.execute(sa.select(t)))) for t in of}


def test_every_row_says_what_it_said(old: sa.Engine) -> None:
    before = tables(old)
    said = rows(old, before)
    assert {len(those) for those in said.values()} == {ROWS}
    migrate.upgrade(old)
    assert rows(old, before) == said


def test_it_is_todays_schema_then_and_goes_on_counting(old: sa.Engine) -> None:
    store = Store(old.url.render_as_string(hide_password=False))
    with store.read() as c:
        assert compare_metadata(MigrationContext.configure(c.raw), metadata) == []
    with store.write() as c:
        reset = "SELECT setval(pg_get_serial_sequence('message', 'seq'), 3)"  # the rows above were given theirs by hand
        c.execute(sa.text(reset if old.dialect.name == "postgresql" else "SELECT 1"))
        ledger.add(c, "2026", direction="in", partner="p", kind="payload", stop="understand", state="waiting")
    with store.read() as c:
        (new,) = ledger.listed(c, partner="p")
        assert new.seq == ROWS + 1
    store.close()
