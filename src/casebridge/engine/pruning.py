"""Retention of the ledger: old events go, the chain begins at the seal that covered them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from casebridge.engine import chain
from casebridge.engine.book import CARRIED, carry, named
from casebridge.engine.sealing import MOST, seal
from casebridge.engine.site import Site
from casebridge.engine.verifying import verify
from casebridge.store import ledger, seals
from casebridge.store.database import Connection
from casebridge.store.seals import Seal

Forget = Callable[[Connection, Sequence[str]], Sequence[str]]


def prune(site: Site, before: str, forget: Forget = lambda c, ids: ids) -> int:
    """Erase the events under seals made before a moment (ISO 8601, UTC), but never under the last; how many.

    The newest of these seals stays as the chain's new beginning, and an event says so. What the ledger knows of
    disclosures that still stand in the book is carried on; ``forget`` may erase some of these and gives the others.
    Raises Held CB-521, and nothing is erased, while the
    ledger does not match its seals: what an attacker did would go with it.
    """
    verify(site).demand_whole()
    erased = 0
    while (until := _cut(site, before)) is not None:
        with site.store.write() as c:
            names = forget(c, list(named(seals.entries(c, 0, until=until.last))))
            for start in range(0, len(names), CARRIED):
                carry(c, site.now(), names[start : start + CARRIED])
            erased += seals.erase(c, until)
            key = site.ledger_keys
            facts = {"seal": until.number, "key": key.id, "proof": chain.proof(key.current, until)}
            ledger.note(c, site.now(), "pruned", facts=facts)
    if erased:
        seal(site)
    return erased


def _cut(site: Site, before: str) -> Seal | None:
    """The seal up to which one transaction erases: the last one made before, or the next whose events are many."""
    with site.store.read() as c:
        newest, oldest, end = seals.newest_before(c, before), seals.listed(c, limit=1), seals.last(c)
        if newest is None or end is None or not oldest:
            return None
        beginning = seals.entries(c, 0, until=oldest[0].last, limit=1)
        rows, cut = 0, None
        for each in seals.listed(c, oldest[0].number - bool(beginning), until=min(newest, end.number - 1)):
            rows, cut = rows + each.rows, each
            if rows >= MOST:
                break
    return cut
