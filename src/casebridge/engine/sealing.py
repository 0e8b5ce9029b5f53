"""The sealer: every second, and at stop, what the ledger grew by is sealed.

A chain inside every transaction would make all writers wait for one another; so the rows are sealed a moment after
their commit, and what stands in that moment unsealed is said by ``casebridge ledger verify``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from casebridge.engine import chain
from casebridge.engine.book import NAMING, carry, named
from casebridge.engine.site import Site
from casebridge.store import seals
from casebridge.store.seals import Entry, Seal

log = logging.getLogger("casebridge.ledger")
MOST = 10_000
"""Events under one seal."""
PATIENCE = 0.5
"""Seconds to wait for transactions that may have taken a number and are not over."""


def seal(site: Site) -> int:
    """Seal what is new; how many seals were made. Safe to call from many workers: one of them makes each seal."""
    count = 0
    _take_over(site)
    while (new := _next(site)) is not None:
        with site.store.write() as c:
            if not seals.add(c, new):
                break  # another worker was faster, and has the same in its own
        log.info(chain.head(new))
        count += 1
    return count


def _take_over(site: Site) -> None:
    """Before the first seal: disclosures written before the ledger knew of them are entered as they stand."""
    with site.store.read() as c:
        if seals.last(c) is not None:
            return
        known = {id_ for entries in seals.pages(c, NAMING) for id_ in named(entries)}
        for page in seals.disclosure_ids(c):
            with site.store.write() as w:
                carry(w, site.now(), [id_ for id_ in page if id_ not in known])


def _next(site: Site) -> Seal | None:
    with site.store.read() as c:
        before = seals.last(c)
        first = before.last + 1 if before else 1
        found = seals.entries(c, first, limit=MOST)
    sure = found if _whole(found, first) else _sure(site, found, first)
    if not sure:
        return None
    return chain.made(site.ledger_keys.current, before, sure, sure[-1].seq, site.now())


def _whole(found: Sequence[Entry], first: int) -> bool:
    """Every number has its row, so no row can come between."""
    return bool(found) and found[-1].seq - first + 1 == len(found)


def _sure(site: Site, found: Sequence[Entry], first: int) -> Sequence[Entry]:
    """Rows among which none can appear any more: all, once every transaction that was under way is over."""
    if not found:
        return ()
    if _settled(site):
        with site.store.read() as c:
            return seals.entries(c, first, until=found[-1].seq)
    return [entry for place, entry in enumerate(found) if entry.seq == first + place]


def _settled(site: Site) -> bool:
    """Is everybody done who had taken a number when we began to ask? (store/seals.py: writers)"""
    waiting: frozenset[str] | None = None
    until = time.monotonic() + PATIENCE
    while waiting is None or waiting:
        with site.store.read() as c:
            writing = seals.writers(c)
        waiting = writing if waiting is None else waiting & writing
        if waiting and time.monotonic() > until:
            return False
        if waiting:
            time.sleep(0.01)
    return True
