"""The ledger under seal: what is done to it behind our back, and what ``verify`` says of it.

Three seals over the events 1-3 (``abc``), 4-6 (``def``) and 7-9 (``ghi``), unless a test says otherwise.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledgers import KEY, OTHER, Books

from casebridge.core.errors import Held, SetupError
from casebridge.engine import sealing
from casebridge.engine.chain import Keyring
from casebridge.engine.findings import Finding, words
from casebridge.store import seals


@pytest.fixture
def books(store_url: str) -> Iterator[Books]:
    made = Books(store_url)
    made.blocks("abc", "def", "ghi")
    yield made
    made.close()


@pytest.fixture
def books_here(tmp_path: Path) -> Iterator[Books]:
    """On SQLite alone, for what no database does otherwise."""
    made = Books(f"sqlite:///{tmp_path}/casebridge.db")
    made.blocks("abc", "def", "ghi")
    yield made
    made.close()


DONE = {  # what was done: what verify says
    "nothing": ([], []),
    "an event is changed": (["UPDATE event SET name = 'x' WHERE seq = 5"], [Finding("changed", row=5)]),
    "only its moment is": (["UPDATE event SET at = '2020' WHERE seq = 1"], [Finding("changed", row=1)]),
    "an empty column is filled": (["UPDATE event SET partner = 'mercy' WHERE seq = 9"], [Finding("changed", row=9)]),
    "its facts are": (["UPDATE event SET facts = '{\"n\": 1}' WHERE seq = 2"], [Finding("changed", row=2)]),
    "an event is removed": (["DELETE FROM event WHERE seq = 5"], [Finding("removed", row=5)]),
    "a whole block is": (
        ["DELETE FROM event WHERE seq IN (4, 5, 6)"],
        [Finding("removed", row=4), Finding("removed", row=5), Finding("removed", row=6)]),
    "one is removed, another put in its place": (
        ["DELETE FROM event WHERE seq = 6", "INSERT INTO event (seq, at, name, facts) VALUES (6, '2026', 'x', '{}')"],
        [Finding("changed", row=6)]),
    "one is put before the first": (
        ["INSERT INTO event (seq, at, name, facts) VALUES (0, '2026', 'x', '{}')"], [Finding("inserted", row=0)]),
    "two change places": (
        [f"UPDATE event SET seq = {to} WHERE seq = {seq}" for seq, to in ((1, -1), (2, 1), (-1, 2))],
        [Finding("reordered", row=1, was=2), Finding("reordered", row=2, was=1)]),
    "a seal is changed": (
        ["UPDATE seal SET at = '2020' WHERE number = 2"], [Finding("seal-changed", seal=2, row=4, until=6)]),
    "a seal's tags are, to fit a changed event": (
        ["UPDATE event SET name = 'x' WHERE seq = 5", "UPDATE seal SET tags = (SELECT tags FROM seal WHERE number = 1) "
         "WHERE number = 2"], [Finding("seal-changed", seal=2, row=4, until=6)]),
    "a seal is made to end sooner": (
        ["UPDATE seal SET last = 8, rows = 2 WHERE number = 3"], [Finding("seal-changed", seal=3, row=7, until=8)]),
    "a seal is removed": (["DELETE FROM seal WHERE number = 2"], [Finding("seal-missing", seal=2, until=2)]),
    "the first seals are": (["DELETE FROM seal WHERE number < 3"], [Finding("not-begun", seal=3)]),
}  # fmt: skip


@pytest.mark.parametrize("done", DONE)
def test_what_was_done_is_named(books_here: Books, done: str) -> None:
    statements, said = DONE[done]
    books_here.tamper(*statements)
    assert [f for f in books_here.found() if f.kind != "inserted" or "inserted" in [s.kind for s in said]] == said


def test_an_event_put_between_two_numbers_is_named(books: Books) -> None:
    """On PostgreSQL a transaction that fails leaves a number without a row."""
    books.tamper("INSERT INTO event (seq, at, name, facts) VALUES (12, '2026', 'j', '{}')")
    books.seal()
    books.tamper("INSERT INTO event (seq, at, name, facts) VALUES (11, '2026', 'x', '{}')")
    assert books.found() == [Finding("inserted", row=11)]


def test_an_event_moved_to_another_block_is_named(books: Books) -> None:
    books.tamper("INSERT INTO event (seq, at, name, facts) VALUES (12, '2026', 'j', '{}')")
    books.seal()
    books.tamper("UPDATE event SET seq = 11 WHERE seq = 5")
    assert books.found() == [Finding("reordered", row=11, was=5)]


def test_a_cut_tail_shows_against_the_log(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "casebridge.ledger")
    books.blocks("jkl", "mno")
    log = [f"Nov 02 gateway[7]: {r.getMessage()}\n".encode() for r in caplog.records]
    assert books.found(log) == []
    books.tamper("DELETE FROM event WHERE seq > 12", "DELETE FROM seal WHERE number > 4")
    assert books.found() == []  # by itself a shorter chain is a chain
    assert books.found(log) == [Finding("cut", seal=5, row=15)]
    books.blocks("xyz")
    assert books.found(log) == [Finding("made-anew", seal=5)]


def test_heads_say_nothing_but_the_head(books_here: Books, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "casebridge.ledger")
    books_here.blocks("j")
    with books_here.site.store.read() as c:
        newest = seals.last(c)
    assert newest is not None
    assert [r.getMessage() for r in caplog.records] == [f"ledger-head number=4 last=10 digest={newest.digest}"]


def test_what_is_not_sealed_yet_is_counted(books: Books) -> None:
    books.note("j", "k")
    report = books.verify()
    assert (report.seals, report.rows, report.unsealed, report.findings.named) == (3, 9, 2, [])
    assert report.unsealed_since > "2026-11-02T09"


def test_sealing_twice_makes_one_seal(books_here: Books) -> None:
    books_here.note("j")
    assert (books_here.seal(), books_here.seal()) == (1, 0)


def test_a_worker_that_was_slower_adds_nothing(books: Books) -> None:
    books.note("j")
    slow = sealing._next(books.site)
    assert slow is not None
    assert books.seal() == 1
    with books.site.store.write() as c:
        assert not seals.add(c, slow)
    assert books.found() == []


def test_many_events_are_sealed_in_parts(books_here: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MOST", 4)
    books_here.note(*"jklmnopqrs")
    assert books_here.seal() == 3
    assert books_here.verify().seals == 6


def test_memory_does_not_grow_with_the_ledger(books_here: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MOST", 50)

    def peak() -> int:
        tracemalloc.start()
        assert books_here.found() == []
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    books_here.note(*"x" * 500)
    books_here.seal()
    few = peak()
    books_here.note(*"x" * 3000)
    books_here.seal()
    assert peak() < 1.5 * few


def test_a_seal_that_was_made_to_cover_everything_is_not_read_at_once(
    books_here: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books_here.tamper("UPDATE seal SET last = 9000000000000000 WHERE number = 3")
    books_here.note(*"x" * 2000)
    asked: list[int | None] = []
    entries = seals.entries

    def noted(c: Any, first: int, until: int | None = None, limit: int | None = None) -> list[seals.Entry]:
        asked.append(limit)
        return entries(c, first, until, limit)

    monkeypatch.setattr(seals, "entries", noted)
    assert books_here.found() == [Finding("seal-changed", seal=3, row=7, until=9_000_000_000_000_000)]
    assert asked.count(None) == 2  # the two seals that are as they were


# --- keys ----------------------------------------------------------------------------------------------------


def test_after_a_new_key_the_old_one_is_still_needed(books_here: Books) -> None:
    books_here.reopen(Keyring(OTHER, (KEY,)))
    books_here.blocks("jkl")
    assert books_here.found() == []
    books_here.reopen(Keyring(OTHER))
    with pytest.raises(SetupError, match="seals 1 to 3 were made with the key") as error:
        books_here.verify().demand_whole()
    assert error.value.code == "CB-132"


def test_whoever_has_not_the_key_cannot_make_a_seal(books_here: Books) -> None:
    books_here.tamper("UPDATE event SET name = 'x' WHERE seq = 8", "DELETE FROM seal WHERE number = 3")
    books_here.reopen(Keyring(OTHER))
    books_here.seal()
    books_here.tamper("UPDATE seal SET key = :key WHERE number = 3", key=Keyring(KEY).id)
    books_here.reopen(Keyring(KEY))
    assert books_here.found() == [Finding("seal-changed", seal=3, row=7, until=9)]


def test_a_seal_without_a_key_after_seals_with_one(books_here: Books) -> None:
    books_here.tamper("UPDATE event SET name = 'x' WHERE seq = 8", "DELETE FROM seal WHERE number = 3")
    books_here.reopen(Keyring())
    books_here.seal()
    books_here.reopen(Keyring(KEY))
    assert books_here.found() == [Finding("unkeyed", seal=3)]


def test_without_a_key_a_change_is_found_too_and_that_it_could_be_hidden_is_said(tmp_path: Path) -> None:
    books = Books(f"sqlite:///{tmp_path}/x.db", Keyring())
    books.blocks("abc", "def")
    assert (books.found(), books.verify().unkeyed_until) == ([], 6)
    books.tamper("UPDATE event SET name = 'x' WHERE seq = 2")
    assert books.found() == [Finding("changed", row=2)]
    books.close()


def test_from_when_on_a_key_protects_is_said(tmp_path: Path) -> None:
    books = Books(f"sqlite:///{tmp_path}/x.db", Keyring())
    books.blocks("abc")
    books.reopen(Keyring(KEY))
    books.blocks("def")
    report = books.verify()
    assert (report.findings.named, report.unkeyed_until) == ([], 3)
    books.close()


@pytest.mark.parametrize("keys", [(b"short", ()), (KEY, (b"",)), (b"", (b"x" * 31,))])
def test_a_key_that_can_be_guessed_is_refused(keys: tuple[bytes, tuple[bytes, ...]]) -> None:
    with pytest.raises(SetupError) as error:
        Keyring(*keys)
    assert error.value.code == "CB-131"


def test_a_key_is_not_shown() -> None:
    assert "kkk" not in repr(Keyring(KEY, (KEY,))) + Keyring(KEY).id


# --- how it is said ------------------------------------------------------------------------------------------


def test_what_is_found_asks_for_a_person(books_here: Books) -> None:
    books_here.tamper("UPDATE event SET name = 'x' WHERE seq IN (2, 5)")
    with pytest.raises(Held, match=r"2 findings.*Event 2 was changed") as error:
        books_here.verify().demand_whole()
    assert (error.value.code, error.value.who) == ("CB-521", "privacy")


def test_very_many_findings_are_counted(books_here: Books) -> None:
    books_here.note(*("x" * 2100))
    books_here.seal()
    books_here.tamper("DELETE FROM event WHERE seq > 9")
    findings = books_here.verify().findings
    assert (len(findings.named), findings.counts["removed"]) == (1000, 2100)


def test_every_kind_has_words_that_name_its_place() -> None:
    said = {kind: Finding(kind, row=1, seal=2, disclosure="D", was=3, until=4).words for kind in words()}
    assert said["reordered"] == "Events changed places: under 1 stands what was sealed as 3."
    assert all(any(n in text for n in "1234D") for text in said.values())
