"""The store goes into a file (``casebridge backup``), back (``restore``), or to another database (``store copy``)."""

from __future__ import annotations

from pathlib import Path

from casebridge.core.errors import SetupError
from casebridge.engine import sealing
from casebridge.engine.pulse import beats_of
from casebridge.engine.site import Site
from casebridge.store import backups, copying, keys, ledger
from casebridge.store.backups import Backup
from casebridge.store.copying import Tell
from casebridge.store.database import Store


def here(site: Site) -> None:
    """Before work begins: is this the store of the site? SetupError CB-151 when it has moved, CB-152 when it is only
    half there."""
    with site.store.read() as c:
        place = copying.fact_of(c, copying.MOVED)
        half = copying.is_unfinished(c)
    if place is not None:
        raise SetupError("CB-151", f"this store went to {place}")
    if half:
        raise SetupError("CB-152", "this store was not filled to its end")


def backup(site: Site, file: Path, tell: Tell) -> Backup:
    """All rows of this moment in one file, read again and compared. SetupError CB-153, Held CB-524."""
    backups.make(site.store, file, site.name, site.now(), tell)
    found = verify(file)
    with site.store.write() as c:
        ledger.note(c, site.now(), "backed up", facts={"rows": sum(found.rows.values())})
    return found


def verify(file: Path) -> Backup:
    """What is in a backup, every row compared with the sums in it."""
    with backups.opened(file) as c:
        return backups.look(c, file.name)


def restore(site: Site, file: Path, tell: Tell) -> Backup:
    """Fill the empty store from a backup; begun again, it goes on where it was killed.

    What stood ready to be sent when the backup was made may have been sent since: the partner is asked first.
    """
    found = verify(file)
    with backups.opened(file) as c:
        keys.demand(keys.marks(c), site.store.box)
        _begin(site.store, f"backup {found.site} {found.at}")
        copying.copy(c, site.store, tell)
        _compare(copying.kept_sums(c), site.store, "the store")
    with site.store.write() as c:
        copying.finish(c)
        asked = copying.ask_before_sending(c)
        ledger.note(c, site.now(), "restored", facts={"made": found.at, "asked": asked})
    sealing.seal(site)
    return found


def copy(site: Site, target: Store, tell: Tell) -> int:
    """Everything into an empty store elsewhere; how many rows. From now on this one is no longer worked on.

    Killed and begun again it goes on where it was. SetupError CB-105 while somebody works on this store, CB-150 for a
    target with rows of its own; Held CB-524 when the two differ at the end.
    """
    _nobody_works(site)
    place = copying.place(target)
    if place == copying.place(site.store):
        raise SetupError("CB-150", f"{place} is the store itself")
    _begin(target, f"store {copying.place(site.store)}")
    with site.store.write() as c:
        if copying.fact_of(c, copying.MOVED) is None:
            ledger.note(c, site.now(), "moved", facts={})
        copying.keep_fact(c, copying.MOVED, place)
    sealing.seal(site)
    with site.store.read() as c:
        copying.long_look(c)
        copying.copy(c, target, tell)
        rows = copying.rows_in(c)
        _compare(copying.sums(c), target, place)
    with target.write() as t:
        copying.finish(t)
    return rows


def stay(site: Site) -> bool:
    """A copy that was begun is given up: this store is worked on again. False when there was none."""
    with site.store.write() as c:
        there = copying.fact_of(c, copying.MOVED) is not None
        copying.drop_fact(c, copying.MOVED)
    return there


def _nobody_works(site: Site) -> None:
    if site.store.url.startswith("sqlite"):
        return  # its lock says so (app.alone)
    for beat in beats_of(site):
        if beat.alive(site) and beat.role != "other":
            raise SetupError("CB-105", f"{beat.role} on {beat.host} (process {beat.pid}) works on this store")


def _begin(target: Store, source: str) -> None:
    """Into an empty store, or on with one that was begun from the same source."""
    with target.write(one_worker=True) as t:
        begun = copying.fact_of(t, copying.FROM)
        if begun == source:
            return
        if begun is not None or not copying.is_empty(t):
            raise SetupError("CB-150", "the store is not empty")
        copying.empty(t)
        copying.keep_fact(t, copying.FROM, source)


def _compare(wanted: dict[str, str], target: Store, name: str) -> None:
    with target.read() as t:
        copying.long_look(t)
        found = copying.sums(t)
    backups.demand_same(wanted, found, name)
