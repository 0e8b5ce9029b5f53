"""The book of disclosures under the ledger's seal (45 CFR 164.528: six years, every one of them)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ledgers import Books

from casebridge.core.errors import Held
from casebridge.engine.findings import Finding
from casebridge.engine.pruning import prune
from casebridge.store import disclosures


@pytest.fixture
def books(store_url: str) -> Iterator[Books]:
    made = Books(store_url)
    yield made
    made.close()


@pytest.fixture
def three(books: Books) -> tuple[str, str, str]:
    """Shown at once; sent and delivered; refused."""
    ids = (books.disclose(), books.disclose("M1"), books.disclose("M2", effect="refused"))
    books.deliver("M1")
    books.seal()
    return ids


CHANGES = {
    "whom it went to": "UPDATE disclosure SET recipient = 'x' WHERE id = :id",
    "what went": "UPDATE disclosure SET permitted = '[]' WHERE id = :id",
    "whether it counts": "UPDATE disclosure SET accountable = NOT accountable WHERE id = :id",
    "whose it was": "UPDATE disclosure SET client = NULL WHERE id = :id",
    "when it arrived": "UPDATE disclosure SET delivered_at = '2026-01-01T00:00:00.000000Z' WHERE id = :id",
}  # fmt: skip


def test_a_disclosure_that_was_changed_is_named(books: Books, three: tuple[str, ...]) -> None:
    assert books.found() == []
    for what, statement in CHANGES.items():
        for id_ in three:
            books.tamper("CREATE TABLE was AS SELECT * FROM disclosure", statement, id=id_)
            assert (what, books.found()) == (what, [Finding("disclosure-changed", disclosure=id_)])
            books.tamper("DELETE FROM disclosure", "INSERT INTO disclosure SELECT * FROM was", "DROP TABLE was")


def test_that_it_never_arrived_is_a_change_too(books: Books, three: tuple[str, ...]) -> None:
    books.tamper("UPDATE disclosure SET delivered_at = NULL WHERE id IN (:shown, :sent)", shown=three[0], sent=three[1])
    assert {f.disclosure for f in books.found()} == set(three[:2])


def test_a_disclosure_that_was_removed_is_named(books: Books, three: tuple[str, ...]) -> None:
    books.tamper("DELETE FROM disclosure WHERE id = :id", id=three[2])
    assert books.found() == [Finding("disclosure-removed", disclosure=three[2])]


def test_a_disclosure_that_nobody_decided_is_named(books: Books, three: tuple[str, ...]) -> None:
    books.tamper("UPDATE disclosure SET id = '01NOTOURS' WHERE id = :id", id=three[0])
    removed, inserted = books.found()
    assert removed == Finding("disclosure-removed", disclosure=three[0])
    assert inserted == Finding("disclosure-inserted", disclosure="01NOTOURS")


def test_changed_together_with_its_event_the_event_tells(books: Books, three: tuple[str, ...]) -> None:
    books.tamper("DELETE FROM disclosure WHERE id = :id", "DELETE FROM event WHERE seq = 1", id=three[0])
    assert books.found() == [Finding("removed", row=1)]


@pytest.mark.parametrize("facts", ["half of", "[]", '{"disclosures": 1}', '{"book": {"x": 1}}'])
def test_an_event_that_holds_rubbish_is_one_that_was_changed(
    books: Books, three: tuple[str, ...], facts: str
) -> None:
    books.tamper("UPDATE event SET facts = :facts WHERE seq = 1", facts=facts)
    assert {f.kind for f in books.found()} == {"changed", "disclosure-inserted"}


def test_the_row_and_its_event_are_one_transaction(books: Books, three: tuple[str, ...]) -> None:
    """A release that fails leaves neither."""

    def fail() -> None:
        with books.site.store.write() as c:
            row = disclosures.listed(c)[0]
            disclosures.add(c, books.site.now(), **{k: v for k, v in row.items() if k not in ("id", "at")})
            c.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    books.seal()
    with books.site.store.read() as c:
        assert [d["id"] for d in disclosures.listed(c)] == list(three)
    assert (books.verify().rows, books.found()) == (4, [])


def test_sent_twice_each_time_stands(books: Books) -> None:
    for _ in range(2):
        books.disclose("M1")
        books.deliver("M1")
    books.seal()
    assert books.found() == []


def test_books_from_before_there_were_seals_are_taken_as_they_are(books: Books) -> None:
    old = books.disclose("M1")
    books.tamper("DELETE FROM event")
    books.note("a")
    books.seal()
    assert books.found() == []
    books.tamper("DELETE FROM disclosure WHERE id = :id", id=old)
    assert books.found() == [Finding("disclosure-removed", disclosure=old)]


# --- retention -----------------------------------------------------------------------------------------------


@pytest.fixture
def pruned(books: Books, three: tuple[str, ...]) -> Books:
    """Three seals were erased: the one over the disclosures, and two later ones."""
    books.blocks("abc", "def", "ghi")
    assert prune(books.site, books.site.now()) == 10
    return books


def test_what_was_erased_is_said_and_the_chain_goes_on(pruned: Books) -> None:
    report = pruned.verify()
    assert (report.findings.named, report.erased_until, report.seals) == ([], 10, 2)
    pruned.blocks("xyz")
    assert pruned.found() == []


def test_disclosures_outlive_their_events(pruned: Books, three: tuple[str, ...]) -> None:
    pruned.tamper("UPDATE disclosure SET recipient = 'x' WHERE id = :id", id=three[0])
    pruned.tamper("UPDATE disclosure SET delivered_at = '2026-01-01T00:00:00.000000Z' WHERE id = :id", id=three[1])
    pruned.tamper("DELETE FROM disclosure WHERE id = :id", id=three[2])
    kinds = ("disclosure-changed", "disclosure-changed", "disclosure-removed")
    assert {(f.kind, f.disclosure) for f in pruned.found()} == set(zip(kinds, three, strict=True))


def test_erasing_more_than_the_policy_did_is_found(pruned: Books) -> None:
    pruned.blocks("x", "y")
    with pruned.site.store.read() as c:
        numbers = [s.number for s in c.raw.exec_driver_sql("SELECT number FROM seal ORDER BY number")]
    pruned.tamper(f"DELETE FROM seal WHERE number < {numbers[2]}")
    assert pruned.found()[0] == Finding("not-begun", seal=numbers[2])


def test_an_event_that_says_so_is_not_enough(books: Books) -> None:
    """Whoever can write to the store can write such an event, and it is sealed like any other; the key he has not."""
    books.blocks("abc", "def", "ghi")
    books.tamper("DELETE FROM seal WHERE number = 1", "DELETE FROM event WHERE seq < 7",
                 "INSERT INTO event (seq, at, name, facts) VALUES (10, '2026', 'pruned', :facts)",
                 facts='{"key": "none", "proof": "0", "seal": 2}')  # fmt: skip
    books.seal()
    assert Finding("not-begun", seal=2) in books.found()


@pytest.mark.parametrize("facts", ["", "[]", "{}", '{"key": 1, "proof": 2}', "null"])
def test_nor_one_that_says_nothing(books: Books, facts: str) -> None:
    books.blocks("abc", "def")
    books.tamper("DELETE FROM seal WHERE number = 1", "UPDATE event SET name = 'pruned', facts = :facts WHERE seq = 6",
                 facts=facts)  # fmt: skip
    assert books.found()[0] == Finding("not-begun", seal=2)


def test_an_event_put_before_the_new_beginning_is_found(pruned: Books) -> None:
    pruned.tamper("INSERT INTO event (seq, at, name, facts) VALUES (3, '2026', 'x', '{}')")
    assert pruned.found() == [Finding("inserted", row=3)]


def test_nothing_is_erased_while_something_is_wrong(books: Books, three: tuple[str, ...]) -> None:
    books.blocks("abc", "def")
    books.tamper("UPDATE event SET name = 'x' WHERE seq = 6")
    with pytest.raises(Held, match="Event 6 was changed"):
        prune(books.site, books.site.now())
    assert books.verify().rows == 10


def test_the_last_seal_stays(books: Books) -> None:
    books.blocks("abc")
    assert prune(books.site, books.site.now()) == 0
    assert prune(books.site, "2020") == 0


def test_erasing_again_goes_on_from_there(pruned: Books) -> None:
    pruned.blocks("abc", "def")
    assert prune(pruned.site, pruned.site.now()) > 0
    assert pruned.found() == []
