"""The store: one schema moved by Alembic, payloads in parts, ids in order, documents that keep their spelling."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casebridge.core.ids import new_id
from casebridge.store import ledger, payloads
from casebridge.store.box import pack, unpack
from casebridge.store.database import Store
from casebridge.store.tables import metadata


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = Store(store_url)
    yield made
    made.close()


def test_the_revisions_make_exactly_the_tables_of_the_code(store: Store) -> None:
    with store.read() as c:
        assert compare_metadata(MigrationContext.configure(c.raw), metadata) == []


def test_opening_again_changes_nothing(store: Store) -> None:
    with store.write() as c:
        ledger.note(c, "2026", "first")
    again = Store(store.url)
    with again.read() as c:
        assert [e["name"] for e in ledger.events(c)] == ["first"]
    again.close()


def test_two_programs_may_open_a_new_store_at_once(new_store: Callable[..., str]) -> None:
    code = f"from casebridge.store.database import Store; input(); Store({new_store(empty=True)!r}).close()"
    programs = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for _ in range(2)]
    for program in programs:
        assert program.stdin is not None
        program.stdin.write(b"go\n")
        program.stdin.close()
    assert [program.wait() for program in programs] == [0, 0]


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as c:
            ledger.note(c, "2026", "never")
            raise ValueError("midway")

    with pytest.raises(ValueError, match="midway"):
        fail()
    with store.read() as c:
        assert ledger.events(c, name="never") == []


def test_many_threads_write_without_a_lock_error(store: Store) -> None:
    def write() -> None:
        for _ in range(20):
            with store.write() as c:
                ledger.note(c, "2026", "thread")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    with store.read() as c:
        assert len(ledger.events(c, name="thread")) == 160


def test_ids_are_in_order_also_inside_one_millisecond() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5000


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3 * 64 + 5), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 90)), max_size=8))
def test_a_stored_payload_reads_like_a_file(store: Store, size: int, looks: list[tuple[int, int]]) -> None:
    data = bytes(i % 251 for i in range(size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payloads, "PART", 64)
        with store.write() as c:
            id_ = payloads.add(c, partner="p", name="n", media_type="", digest="d", size=size, identity=None,
                               state="stored", now="2026", body=io.BytesIO(data))  # fmt: skip
        stream, plain = payloads.PayloadStream(store, id_), io.BytesIO(data)
        for start, length in looks:
            assert stream.seek(start) == plain.seek(start)
            buffer = bytearray(length)
            count = stream.readinto(buffer)
            rest = plain.read(length)
            assert rest.startswith(bytes(buffer[:count]))
            assert (count > 0) == bool(rest)


def test_documents_keep_the_spelling_of_numbers() -> None:
    text = b'{"a":72.50,"b":1e-7,"c":-0,"d":12345678901234567890123}'
    assert pack(unpack(text)) == text
