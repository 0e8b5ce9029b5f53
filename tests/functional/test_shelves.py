"""Shelves on both databases, open and encrypted: versions, places in lists, and what they are found by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from casebridge.adapter import Sought
from casebridge.store import seeking, shelves
from casebridge.store.database import Store
from casebridge.store.sealed import Sealed, new_line, read_keys
from casebridge.store.tables import resource, resource_key

AT = "2026-11-20T08:00:{:02}.000000Z"
KEY = new_line()
ALL = Sought()


@pytest.fixture(params=["open", "closed"])
def store(request: pytest.FixtureRequest, store_url: str) -> Iterator[Store]:
    made = Store(store_url, Sealed(read_keys(KEY)) if request.param == "closed" else None)
    yield made
    made.close()


@pytest.fixture(autouse=True, params=["one by one", "on the way"])
def _looked_up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is the same whether few records bear what is asked for, or many."""
    if request.param == "on the way":
        monkeypatch.setattr(seeking, "FEW", -1)


def put(store: Store, id_: str, second: int, *keys: tuple[str, str], partner: str = "hospital") -> None:
    with store.write() as c:
        shelves.put(c, AT.format(second), partner, "Patient", id_, {"id": id_, "n": "1.50"}, keys)


def found(store: Store, sought: Sought = ALL, after: shelves.Place | None = None, limit: int = 9) -> list[str]:
    with store.read() as c:
        return [one.id for one in seeking.listed(c, "hospital", "Patient", sought, after, limit)]


def test_each_version_stays_and_the_last_one_counts(store: Store) -> None:
    put(store, "a", 1, ("family", "moreno"))
    put(store, "a", 2, ("family", "vega"))
    with store.read() as c:
        now = shelves.get(c, "hospital", "Patient", "a")
        assert now is not None
        assert (now.version, now.document) == (2, {"id": "a", "n": "1.50"})
        assert [one.version for one in shelves.versions(c, "hospital", "Patient", "a", 9)] == [2, 1]
        assert shelves.version(c, "hospital", "Patient", "a", 1) is not None
    assert found(store, Sought(keys=(("family", frozenset({"vega"})),))) == ["a"]
    assert found(store, Sought(keys=(("family", frozenset({"moreno"})),))) == []


def test_what_is_withdrawn_is_not_listed(store: Store) -> None:
    put(store, "a", 1, ("family", "moreno"))
    with store.write() as c:
        shelves.put(c, AT.format(2), "hospital", "Patient", "a", None, ())
    assert found(store) == []
    assert found(store, Sought(keys=(("family", frozenset({"moreno"})),))) == []


def test_a_list_goes_on_where_it_was_left_also_among_equal_moments(store: Store) -> None:
    for id_ in "edcba":
        put(store, id_, 1)
    assert found(store, after=shelves.Place(AT.format(1), "b")) == ["c", "d", "e"]
    newest = Sought(newest_first=True)
    assert found(store, newest, shelves.Place(AT.format(1), "d"), 2) == ["c", "b"]


def test_bounds_are_part_of_it(store: Store) -> None:
    for number, id_ in enumerate("abc"):
        put(store, id_, number)
    assert found(store, Sought(since=AT.format(1))) == ["b", "c"]
    assert found(store, Sought(until=AT.format(1))) == ["a", "b"]
    assert found(store, Sought(ids=frozenset({"a", "x"}))) == ["a"]


def test_who_bears_several_of_the_values_crowds_nobody_out(store: Store) -> None:
    for number in range(60):
        keys = [("status", "a"), ("status", "b")] if number < 40 else [("status", "c")]
        put(store, f"p{number:02}", number % 60, *keys)
    assert len(found(store, Sought(keys=(("status", frozenset("abc")),)), limit=99)) == 60


def test_shelves_are_apart(store: Store) -> None:
    put(store, "a", 1, partner="agency")
    assert found(store) == []


def test_with_a_key_nothing_can_be_read_from_the_rows(new_store: Callable[..., str]) -> None:
    store = Store(new_store(), Sealed(read_keys(KEY)))
    put(store, "a", 1, ("family", "moreno"))
    with store.read() as c:
        rows = [*c.execute(select(resource.c.document)).scalars(), *c.execute(select(resource_key.c.value)).scalars()]
    assert not any("moreno" in str(row) or '"id"' in str(row) for row in rows)
    store.close()


def test_what_may_be_used_once(store: Store) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    until = now + timedelta(minutes=5)

    def use(name: str, at: datetime) -> bool:
        with store.write() as c:
            return shelves.first_time(c, name, at, until)

    assert [use("a", now), use("a", now), use("b", now)] == [True, False, True]
    assert use("a", until + timedelta(seconds=1))  # by then what it was used for has ended
