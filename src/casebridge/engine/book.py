"""The book of disclosures held against the ledger: each row was named by an event, with its digest, when it was
written."""

from __future__ import annotations

import hashlib
import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from casebridge.engine.findings import Findings
from casebridge.store import ledger, seals
from casebridge.store.database import Connection
from casebridge.store.seals import PAGE, Entry

NAMING = ("disclosed", "carried")
CARRIED = 200
"""Rows that one event carries on."""
ONE_COMMIT = timedelta(minutes=1)
"""What two looks at the clock within one transaction may differ by."""
Known = tuple[str, str | None]
"""A digest; and when it was delivered, as a carried row says it (empty: not), or None where another event does."""


def named(entries: Iterable[Entry]) -> dict[str, Known]:
    """The disclosures that these events name. An event that was changed may hold anything: it then names none."""
    found: dict[str, Known] = {}
    for entry in entries:
        if entry.name in NAMING:
            with suppress(ValueError, TypeError, AttributeError):
                found |= _named(json.loads(entry.facts))
    return found


def _named(facts: Mapping[str, Any]) -> dict[str, Known]:
    fresh: dict[str, Known] = {str(id_): (str(digest), None) for id_, digest in facts.get("disclosures", {}).items()}
    return fresh | {str(id_): (str(digest), str(at)) for id_, (digest, at) in facts.get("book", {}).items()}


def carry(c: Connection, now: str, ids: Sequence[str]) -> None:
    """Enter into the ledger how these rows stand now: the events that named them are erased, or never were."""
    book = {id_: [row.digest, row.delivered_at or ""] for id_, row in seals.disclosed(c, ids).items()}
    if book:
        ledger.note(c, now, "carried", facts={"book": book})


class Book:
    """Takes the events in order, and says at the end which rows no event names."""

    def __init__(self, c: Connection, findings: Findings) -> None:
        self._c, self._findings = c, findings
        self._seen = array("Q")  # eight bytes of a digest of each id

    def take(self, entries: Sequence[Entry]) -> None:
        """Compare the rows that these events name."""
        known = named(entries)
        self.trust_nothing(known)
        ids = list(known)
        for start in range(0, len(ids), PAGE):
            self._compare({id_: known[id_] for id_ in ids[start : start + PAGE]})

    def trust_nothing(self, ids: Iterable[str]) -> None:
        """An event that was changed itself proves nothing of the row it names; the row is not a stranger either."""
        self._seen.extend(map(_mark, ids))

    def finish(self) -> None:
        """Name the rows that no event named."""
        seen = array("Q", sorted(self._seen))
        for ids in seals.disclosure_ids(self._c):
            for id_ in ids:
                place = bisect_left(seen, _mark(id_))
                if place == len(seen) or seen[place] != _mark(id_):
                    self._findings.add("disclosure-inserted", disclosure=id_)

    def _compare(self, known: Mapping[str, Known]) -> None:
        there = seals.disclosed(self._c, list(known))
        messages = [row.message for row in there.values() if row.message]
        delivered, newest = seals.deliveries(self._c, messages), seals.last_released(self._c, messages)
        for id_, (digest, carried) in known.items():
            row = there.get(id_)
            if row is None:
                self._findings.add("disclosure-removed", disclosure=id_)
                continue
            times = delivered.get(row.message or "", set()) | ({carried} if carried else set())
            if row.digest != digest or not _delivery_is_told(row, times, newest=id_ in newest):
                self._findings.add("disclosure-changed", disclosure=id_)


def _delivery_is_told(row: seals.Disclosed, times: set[str], *, newest: bool) -> bool:
    """Is when it was delivered what the ledger says? What was shown at once, without a message, was delivered then."""
    if row.message is None:
        times = {row.at} if row.effect == "released" else set()
        newest = True
    if row.delivered_at is None:
        return not (newest and any(at >= row.at for at in times))  # what was delivered before may be on its way again
    return any(_same(row.delivered_at, at) for at in times)


def _same(one: str, other: str) -> bool:
    try:
        return abs(datetime.fromisoformat(one) - datetime.fromisoformat(other)) <= ONE_COMMIT
    except (ValueError, TypeError):
        return False  # no moment of ours


def _mark(id_: str) -> int:
    return int.from_bytes(hashlib.sha256(id_.encode()).digest()[:8])
