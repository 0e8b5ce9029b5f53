"""A store of the first release, with a row in every table, is brought to today's schema and says what it said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Boolean, Engine, MetaData, Table, insert, select

from casebridge.store import (
    database,
    disclosures,
    dispatches,
    ledger,
    links,
    migrate,
    payloads,
    records,
    referrals,
    shelves,
)
from casebridge.store.box import pack
from casebridge.store.database import Store
from casebridge.store.leases import Lane
from casebridge.store.links import PersonKey
from casebridge.store.tables import metadata, resource_key

ID = "01J000000000000000000000{}"
P, M, OUT, D, R, C, REF = (ID.format(word) for word in ("PA", "ME", "OU", "DI", "RE", "CL", "RF"))
AT = "2026-01-02T03:04:05.000000Z"
ROWS: dict[str, dict[str, Any]] = {
    "payload": {"id": P, "partner": "hospital", "name": "in.json", "media_type": "json", "digest": "d" * 64,
                "size": 3, "identity": "k", "state": "stored", "received_at": AT, "repeats": 2},
    "payload_part": {"payload": P, "number": 0, "data": b"\x00{}"},
    "message": {"id": M, "direction": "in", "partner": "hospital", "kind": "Task", "external_id": "Task/1",
                "order_key": "p1", "stop": "apply", "state": "waiting", "attempt": 1, "due_at": AT, "payload": P,
                "position": '{"row": 3}', "document": pack({"n": "1.50"}), "created_at": AT, "updated_at": AT},
    "dispatch": {"id": D, "partner": "agency", "state": "claimed", "due_at": AT, "prepared_at": AT},
    "dispatch_file": {"dispatch": D, "number": 0, "name": "a.json", "media_type": "json", "records": "[0]",
                      "data": b"{}"},
    "record": {"id": R, "version": 1, "current": True, "kind": "person", "source": "hospital",
               "external_id": "p1", "subject": "p1", "message": M, "payload": P, "recorded_at": AT,
               "document": pack({"names": [{"family": "Moreno"}]})},
    "identifier": {"source": "hospital", "external_id": "p1", "system": "ssn", "value": "899611001"},
    "client": {"id": C, "created_at": AT},
    "link": {"id": ID.format("LI"), "client": C, "source": "hospital", "external_id": "p1", "decision": "auto",
             "evidence": '{"systems": []}', "decided_at": AT},
    "referral": {"id": REF, "client": C, "source": "hospital", "external_id": "t1", "subject": "p1",
                 "recipient": "agency", "domain": "food-insecurity", "status": "requested", "created_at": AT,
                 "updated_at": AT},
    "referral_event": {"referral": REF, "sequence": 1, "partner": "hospital", "side": "source", "state": "requested",
                       "at": AT, "recorded_at": AT, "verdict": "apply", "document": pack({"detail": None})},
    "event": {"at": AT, "name": "accepted", "partner": "hospital", "facts": "{}"},
    "disclosure": {"id": ID.format("DS"), "at": AT, "effect": "released", "client": C, "recipient": "agency",
                   "purpose": "referral", "permitted": "[]", "withheld": "[]", "rules": "[]", "accountable": True,
                   "policy": "1"},
    "remote": {"partner": "agency", "kind": "referral", "our_id": REF, "their_id": "x", "version": "1",
               "original": pack({"a": 1}), "updated_at": AT},
    "map": {"digest": "m" * 64, "name": "sdohcc/task", "text": "map"},
    "cursor": {"partner": "hospital", "value": "17", "updated_at": AT},
    "form_token": {"digest": "t" * 64, "partner": "agency", "referral": REF, "message": M, "expires_at": AT},
}  # fmt: skip


def brought_to(url: str, revision: str) -> Engine:
    """An empty database gets the schema of an earlier release."""
    engine = database._open(url)
    with as_file(files("casebridge.store").joinpath("migrations")) as folder, engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return engine


@pytest.fixture
def old_url(new_store: Callable[..., str]) -> str:
    """A database with the first schema and a row in each of its tables."""
    url = new_store(empty=True)
    engine = brought_to(url, "0001")
    there = MetaData()
    with engine.begin() as connection:
        there.reflect(connection)
        assert set(there.tables) == {*ROWS, "alembic_version"}
        for name, row in ROWS.items():
            connection.execute(insert(there.tables[name]).values(_fitting(there.tables[name], row)))
    engine.dispose()
    return url


def _fitting(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    kinds = {c.name: c.type for c in table.columns}
    return {k: (int(v) if isinstance(v, bool) and not isinstance(kinds[k], Boolean) else v) for k, v in row.items()}


@pytest.fixture
def store(old_url: str) -> Iterator[Store]:
    made = Store(old_url)
    yield made
    made.close()


def test_every_row_is_as_it_was(store: Store) -> None:
    with store.read() as c:
        for name, row in ROWS.items():
            (now,) = (dict(r._mapping) for r in c.execute(select(metadata.tables[name])))
            assert {k: now[k] for k in row} == row, name


def test_todays_functions_read_them(store: Store) -> None:
    with store.read() as c:
        message = ledger.get(c, M)
        assert message is not None
        assert (message.document, message.position) == ({"n": "1.50"}, {"row": 3})
        assert (message.part, message.urgent) == (0, False)
        assert [m.id for m in ledger.work(c, Lane("apply", "hospital"), "9")] == [M]
        (due,) = dispatches.due(c, Lane("deliver", "agency"), "9")
        assert (due.id, due.sends) == (D, 0)
        assert dispatches.files_of(c, [D])[D][0].data == b"{}"
        person = records.find(c, "hospital", "person", "p1")
        assert person is not None
        assert person.document["names"] == [{"family": "Moreno"}]
        assert links.client_of(c, PersonKey("hospital", "p1")) == C
        assert links.sharing(c, {("ssn", "899611001")}) == {C: {"ssn"}}
        found = referrals.get(c, REF)
        assert found is not None
        assert (found.status, found.domain) == ("requested", "food-insecurity")
        assert [e.state for e in referrals.events(c, REF)] == ["requested"]
        remote = records.remote_of(c, "agency", "referral", REF)
        assert remote is not None
        assert remote.original == {"a": 1}
        assert [d["accountable"] for d in disclosures.listed(c)] == [True]
        assert payloads.get_cursor(c, "hospital") == "17"
    assert payloads.open_payload(store, P).read() == b"\x00{}"


def test_new_rows_come_after_the_old(store: Store) -> None:
    with store.write() as c:
        ledger.note(c, "2026", "second")
        ledger.add(c, "2026", direction="in", partner="p", kind="k", stop="apply", state="done")
    with store.read() as c:
        assert [e["name"] for e in ledger.events(c)] == ["accepted", "second"]
        assert [m.seq for m in ledger.listed(c)] == [1, 2]


def test_search_keys_find_what_they_found(new_store: Callable[..., str]) -> None:
    """On SQLite their table is made anew (0008)."""
    url = new_store(empty=True)
    engine = brought_to(url, "0007")
    keys = [{"partner": "hospital", "type": "Task", "name": "status", "value": "requested", "id": str(n)}
            for n in (2, 1)]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(resource_key).values(keys))
    engine.dispose()
    store = Store(url)
    with store.write() as c:
        assert sorted(c.execute(select(resource_key.c.id)).scalars()) == ["1", "2"]
        shelves.find_by(c, "hospital", "Task", "1", [("status", "accepted")])
        left = select(resource_key.c.id).where(resource_key.c.value == "requested")
        assert c.execute(left).scalars().all() == ["2"]
    store.close()


def test_each_kind_of_value_is_among_the_rows() -> None:
    """Bytes, truth and numbers are what databases keep in different ways."""
    kinds = {type(v) for row in ROWS.values() for v in row.values()}
    assert kinds == {str, int, bool, bytes}


def test_the_newest_schema_has_a_name() -> None:
    assert migrate.newest() >= "0002"
