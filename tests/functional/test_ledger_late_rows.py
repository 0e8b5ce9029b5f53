"""On PostgreSQL a row may appear after rows with higher numbers: no seal skips it, none takes it for a stranger."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy
from ledgers import Books
from postgres import Cluster
from sqlalchemy import text

from casebridge.engine import sealing

NOTE = text("INSERT INTO event (at, name, facts) VALUES ('2026', :name, '{}')")


@pytest.fixture
def books(postgres: Cluster) -> Iterator[Books]:
    database = postgres.fresh()
    made = Books(postgres.url(database))
    yield made
    made.close()
    postgres.drop(database)


@pytest.fixture
def slow(books: Books) -> Iterator[sqlalchemy.Connection]:
    """A transaction under way that has noted an event, number 1."""
    with books.site.store.engine.connect() as c:
        c.execute(NOTE, {"name": "late"})
        yield c


def test_what_stands_behind_an_open_number_is_sealed_when_that_is_settled(
    books: Books, slow: sqlalchemy.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "PATIENCE", 0.05)
    books.note("b", "c")
    assert (books.seal(), books.verify().unsealed) == (0, 2)
    slow.commit()
    assert books.seal() == 1
    report = books.verify()
    assert (report.rows, report.unsealed, report.findings.named) == (3, 0, [])


def test_what_stands_before_it_is_sealed_at_once(
    books: Books, slow: sqlalchemy.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "PATIENCE", 0.05)
    slow.commit()
    slow.execute(NOTE, {"name": "later"})  # number 2, again open
    books.note("c")
    assert books.seal() == 1
    assert (books.verify().rows, books.verify().unsealed) == (1, 1)
    slow.rollback()


def test_a_number_that_was_given_up_holds_nothing_back(books: Books, slow: sqlalchemy.Connection) -> None:
    books.note("b")
    slow.rollback()
    assert books.seal() == 1
    assert (books.verify().rows, books.found()) == (1, [])
    books.tamper("INSERT INTO event (seq, at, name, facts) VALUES (1, '2026', 'late', '{}')")
    assert [f.words for f in books.found()] == [
        "Event 1 was inserted: it was not there when its number was sealed."]  # fmt: skip


def test_it_is_waited_for_if_it_is_over_soon(books: Books, slow: sqlalchemy.Connection) -> None:
    books.note("b")
    threading.Timer(0.1, slow.commit).start()
    assert books.seal() == 1
    assert (books.verify().rows, books.found()) == (2, [])


def test_many_writers_and_two_sealers_leave_a_whole_chain(books: Books) -> None:
    """Hundreds of events in small and in failing transactions, sealed all the while by two workers."""
    ending = threading.Event()

    def write(number: int) -> None:
        for turn in range(40):
            with books.site.store.engine.connect() as c:
                for _ in range(number + 1):
                    c.execute(NOTE, {"name": f"w{number}"})
                c.rollback() if turn % 5 == number else c.commit()

    def keep_sealing() -> None:
        while not ending.is_set():
            sealing.seal(books.site)

    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in (*sealers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    ending.set()
    for thread in sealers:
        thread.join()
    sealing.seal(books.site)
    report = books.verify()
    assert (report.rows, report.unsealed, report.findings.named) == (32 * (1 + 2 + 3 + 4), 0, [])
    assert report.seals > 1
