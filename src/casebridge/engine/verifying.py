"""Does the ledger still say what it said when it was sealed? Whatever was changed is named.

The chain is walked once from its beginning, seal by seal, so that memory does not grow with the ledger (but for eight
bytes a disclosure).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from casebridge.core.errors import Held, SetupError
from casebridge.engine import chain
from casebridge.engine.book import Book, named
from casebridge.engine.findings import Findings
from casebridge.engine.site import Site
from casebridge.store import seals
from casebridge.store.database import Connection
from casebridge.store.seals import PAGE, Entry, Seal

AT_ONCE = 5
"""Seals read at once: each may have ten thousand tags."""


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found. Rows are events; ``unkeyed_until`` is the last under a seal without a
    key, ``erased_until`` the last that the retention policy took away, 0 for none."""

    seals: int = 0
    rows: int = 0
    unsealed: int = 0
    unsealed_since: str = ""
    unkeyed_until: int = 0
    erased_until: int = 0
    unknown_keys: dict[str, list[int]] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    def demand_whole(self) -> None:
        """Raises Held CB-521 when something was changed, SetupError CB-132 when a key is not at hand."""
        if self.findings.counts:
            first, count = self.findings.named[0].words, self.findings.counts.total()
            raise Held("CB-521", f"the ledger does not match its seals ({count} findings): {first}", who="privacy")
        for key, numbers in self.unknown_keys.items():
            where = f"seals {numbers[0]} to {numbers[-1]}"
            raise SetupError("CB-132", f"{where} were made with the key {key}, which is not among the keys named")


def verify(site: Site, log: Iterable[bytes] = (), tell: Callable[[int, int], None] = lambda done, of: None) -> Report:
    """Walk the whole ledger; ``log`` are lines in which heads may stand, ``tell`` hears how many events are done."""
    report = Report()
    _compare_heads(site, chain.heads(log), report)
    with site.store.read() as c:
        _Walk(site, c, report, tell).walk()
    return report


def _compare_heads(site: Site, heads: Iterator[tuple[int, int, str]], report: Report) -> None:
    """Before the walk: a head is written after its seal, so whatever the log has the store must have."""
    while some := {number: (last, digest) for number, last, digest in islice(heads, PAGE)}:
        with site.store.read() as c:
            there, newest, oldest = seals.digests(c, list(some)), seals.last(c), seals.listed(c, limit=1)
        for number, (last, digest) in some.items():
            if newest is None or number > newest.number:
                report.findings.add("cut", seal=number, row=last)
            elif number in there and there[number] != (last, digest):
                report.findings.add("made-anew", seal=number)
            elif number not in there and number > oldest[0].number:
                report.findings.add("seal-missing", seal=number, until=number)


class _Walk:
    """One pass from the first seal to the last event."""

    def __init__(self, site: Site, c: Connection, report: Report, tell: Callable[[int, int], None]) -> None:
        self.ring, self.c, self.report, self.tell = site.ledger_keys, c, report, tell
        self.found = report.findings
        self.book = Book(c, report.findings)
        self.before: Seal | None = None
        self.keyed = False
        self.differences: list[tuple[int, bytes | None, bytes | None]] = []  # number, tag sealed, tag found

    def walk(self) -> None:
        newest = seals.last(self.c)
        end = newest.last if newest else 0
        for seal in self._seals():
            self._one(seal)
            self.before = seal
            self.tell(seal.last, end)
        self._rest(end)
        self._name_differences()
        self.book.finish()

    def _seals(self) -> Iterator[Seal]:
        number = self._beginning()
        while some := seals.listed(self.c, number, AT_ONCE):
            yield from some
            number = some[-1].number

    def _beginning(self) -> int:
        """After which number to begin: a chain whose first seals were erased begins after the one an event names."""
        first = next(iter(seals.listed(self.c, limit=1)), None)
        if first is None or (first.number == 1 and not self._was_cut(first)):
            return 0
        if not self._was_cut(first):
            self.found.add("not-begun", seal=first.number)
        self.before, self.report.erased_until = first, first.last
        for number in seals.numbers_before(self.c, first.last + 1, PAGE):
            self.found.add("inserted", row=number)
        return first.number

    def _was_cut(self, first: Seal) -> bool:
        """Does the newest such event say so, with our key?"""
        said = seals.entry_of(self.c, "pruned")
        try:
            facts = json.loads(said.facts) if said else {}
            key = self.ring.of(facts["key"])
            return key is not None and facts["proof"] == chain.proof(key, first)
        except (ValueError, TypeError, KeyError):
            return False

    def _one(self, seal: Seal) -> None:
        self.report.seals += 1
        self._note_key(seal)
        key, whole = self.ring.of(seal.key), self._is_next(seal)
        if key is None:
            self.report.unknown_keys.setdefault(seal.key, []).append(seal.number)
        elif whole and not self._holds(key, seal):
            self.found.add("seal-changed", seal=seal.number, row=seal.first, until=seal.last)
        else:
            rows = seals.entries(self.c, seal.first, until=seal.last)
            self.report.rows += len(rows)
            self.book.take(self._compare(key, seal, rows))
            return
        self._pass_over(seal.first, seal.last)

    def _is_next(self, seal: Seal) -> bool:
        """Does the seal follow the one before? Else some are missing, and its digest cannot be reckoned."""
        number = self.before.number + 1 if self.before else 1
        if seal.number != number:
            self.found.add("seal-missing", seal=number, until=seal.number - 1)
            self._pass_over(self.before.last + 1 if self.before else 1, seal.first - 1)
        elif self.before is None:
            for below in seals.numbers_before(self.c, 1, PAGE):
                self.found.add("inserted", row=below)
        return seal.number == number

    def _pass_over(self, first: int, last: int) -> None:
        """Events that no seal of ours vouches for, a page at a time: nobody knows how many a changed seal covers."""
        while rows := seals.entries(self.c, first, until=last, limit=PAGE):
            self.report.rows += len(rows)
            self.book.trust_nothing(named(rows))
            first = rows[-1].seq + 1

    def _holds(self, key: bytes, seal: Seal) -> bool:
        first = self.before.last + 1 if self.before else 1
        before = self.before.digest if self.before else chain.BEGIN
        return seal.first == first and seal.digest == chain.digest(key, before, seal)

    def _note_key(self, seal: Seal) -> None:
        if seal.key != chain.PLAIN:
            self.keyed = True
        elif self.keyed:
            self.found.add("unkeyed", seal=seal.number)
        else:
            self.report.unkeyed_until = seal.last

    def _compare(self, key: bytes, seal: Seal, rows: Sequence[Entry]) -> list[Entry]:
        """The rows that are as they were sealed; the others are noted."""
        sealed, same = chain.tags_of(seal), []
        for row in rows:
            is_, was = chain.tag(key, row.text), sealed.pop(row.seq, None)
            if is_ == was:
                same.append(row)
            else:
                self._differs(row.seq, was, is_)
                self.book.trust_nothing(named([row]))
        for number, was in sealed.items():
            self._differs(number, was, None)
        return same

    def _differs(self, number: int, was: bytes | None, is_: bytes | None) -> None:
        if len(self.differences) < PAGE * 2:
            self.differences.append((number, was, is_))
        else:
            self.found.counts["changed" if was and is_ else "removed" if was else "inserted"] += 1

    def _name_differences(self) -> None:
        """A row whose text was sealed under another number was moved there."""
        sealed_as = {was: number for number, was, _ in self.differences if was is not None}
        moved = {is_ for _, _, is_ in self.differences if is_ in sealed_as}
        for number, was, is_ in self.differences:
            if is_ is not None and is_ in sealed_as:
                self.found.add("reordered", row=number, was=sealed_as[is_])
            elif is_ is not None:
                self.found.add("inserted" if was is None else "changed", row=number)
            elif was not in moved:
                self.found.add("removed", row=number)

    def _rest(self, end: int) -> None:
        """What is not sealed yet; it names disclosures all the same."""
        self.report.unsealed, self.report.unsealed_since = seals.after(self.c, end)
        while rows := seals.entries(self.c, end + 1, limit=PAGE):
            self.book.take(rows)
            end = rows[-1].seq
