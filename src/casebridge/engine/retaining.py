"""Retention: what is over with and old enough is erased, in small steps, and each step is on the books."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from casebridge.core.errors import Held
from casebridge.engine.pruning import prune
from casebridge.engine.site import Site
from casebridge.store import holds, ledger, retention, sizes
from casebridge.store.database import Connection, iso
from casebridge.store.holds import Covered
from casebridge.store.retention import Policy

log = logging.getLogger(__name__)
Some = dict[str, int]
Erase = Callable[[Connection, Covered], Some]
BITS = 100
"""Events go in pieces of a hundredth of their time: the ledger is compared with its seals before each."""


@dataclass(slots=True)
class Erased:
    """How much was erased."""

    payloads: int = 0
    bytes: int = 0
    files: int = 0
    messages: int = 0
    dispatches: int = 0
    events: int = 0
    disclosures: int = 0


def tend(site: Site) -> Erased:
    """Erase what may go now. Safe to break off anywhere, and to be done by two at once."""
    done, policy = Erased(), site.retention
    if policy.payloads:
        _payloads(site, _before(site, policy.payloads), done)
    if policy.messages:
        _messages(site, _before(site, policy.messages), done)
    if policy.events:
        _events(site, policy, done)
    _look_at_size(site)
    return done


def _before(site: Site, days: int) -> str:
    return iso(site.clock() - timedelta(days=days))


def _payloads(site: Site, before: str, done: Erased) -> None:
    _all(site, done, _parts)  # of a run that was broken off
    while _step(site, done, partial(_mark, site.now(), before)):
        _all(site, done, _parts)
    _all(site, done, partial(_files, before))


def _messages(site: Site, before: str, done: Erased) -> None:
    _all(site, done, partial(_old_messages, before))
    _all(site, done, partial(_old_dispatches, before))


def _all(site: Site, done: Erased, erase: Erase) -> None:
    while _step(site, done, erase):
        pass


def _step(site: Site, done: Erased, erase: Erase) -> bool:
    """One transaction; what it erased is noted in it, as counts. What holds cover is looked up anew each time."""
    with site.store.write() as c:
        some = {name: count for name, count in erase(c, holds.covered(c)).items() if count}
        if some:
            ledger.note(c, site.now(), "erased", facts=some)
    for name, count in some.items():
        setattr(done, name, getattr(done, name) + count)
    return bool(some)


def _mark(now: str, before: str, c: Connection, covered: Covered) -> Some:
    ids = retention.payloads_due(c, before, covered)
    retention.mark_erased(c, ids, now)
    return {"payloads": len(ids)}


def _parts(c: Connection, covered: Covered) -> Some:
    _, size = retention.erase_parts(c)
    return {"bytes": size}


def _files(before: str, c: Connection, covered: Covered) -> Some:
    return {"files": retention.erase_files(c, before, covered)}


def _old_messages(before: str, c: Connection, covered: Covered) -> Some:
    return {"messages": retention.erase_messages(c, before, covered)}


def _old_dispatches(before: str, c: Connection, covered: Covered) -> Some:
    return {"dispatches": retention.erase_dispatches(c, before, covered)}


def _events(site: Site, policy: Policy, done: Erased) -> None:
    """Sealed events of what is over with; none while anything is under a legal hold."""
    with site.store.read() as c:
        oldest, held = retention.oldest_open(c), bool(holds.covered(c))
        since = retention.oldest_event(c)
    before = min(filter(None, (_before(site, policy.events), oldest)))
    if held or since is None or since >= _before(site, policy.events + max(1, policy.events // BITS)):
        return

    def forget(c: Connection, ids: Sequence[str]) -> Sequence[str]:
        if not policy.disclosures:
            return ids
        rest = retention.erase_disclosures(c, ids, _before(site, policy.disclosures), holds.covered(c))
        if len(rest) < len(ids):
            ledger.note(c, site.now(), "erased", facts={"disclosures": len(ids) - len(rest)})
            done.disclosures += len(ids) - len(rest)
        return rest

    try:
        done.events += prune(site, before, forget)
    except Held as error:  # whoever changed it shall not have the traces erased; verify names them
        log.error("no event is erased: %s", error.code)


def _look_at_size(site: Site) -> None:
    most = site.retention.max_size
    if not most:
        return
    with site.store.read() as c:
        size = sizes.total(c)
    if size > most:
        log.warning("the store takes %d MB, more than the %d MB of [store] max_size", size >> 20, most >> 20)
