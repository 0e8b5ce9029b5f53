"""A backup is one file: a SQLite store with all rows of one moment, documents closed as they were, and a sum for each
table. The same for both databases."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from casebridge.core.errors import Held, SetupError
from casebridge.store import copying, migrate
from casebridge.store.box import Plain
from casebridge.store.connection import Connection
from casebridge.store.copying import Tell
from casebridge.store.database import Store

UNFINISHED = ".unfinished-backup"


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup: of which site, when it was made, how many rows of each table."""

    site: str
    at: str
    rows: dict[str, int]


def make(store: Store, file: Path, site: str, now: str, tell: Tell) -> None:
    """Write a backup of this moment while others work. SetupError CB-153 when the file is there or cannot be made.

    Ended before it is whole, it leaves nothing; what a killed one has left in the folder is removed by the next.
    """
    try:
        if file.exists():
            raise SetupError("CB-153", f"{file} is already there", remedy="Name another; no backup is overwritten.")
        _remove_leftovers(file.parent)
        with _workplace(file) as folder:
            part = folder / "part"
            target = Store(f"sqlite:///{part}", store.box)
            try:
                _fill(store, target, site, now, tell)
            finally:
                target.close()
            _keep(part, file)
    except OSError as error:
        raise SetupError("CB-153", f"{file} cannot be written ({error.strerror})") from None


def _fill(store: Store, target: Store, site: str, now: str, tell: Tell) -> None:
    with store.read() as c:
        copying.long_look(c)
        copying.copy(c, target, tell)
        found = copying.sums(c)
    with target.write() as t:
        copying.end(t)
        copying.keep_sums(t, found)
        copying.keep_fact(t, copying.MADE, json.dumps({"site": site, "at": now}))
    with target.engine.connect() as raw:
        raw.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.exec_driver_sql("PRAGMA journal_mode=DELETE")


def _keep(part: Path, file: Path) -> None:
    """On disk, and only then under its name."""
    for path in (part, file.parent):
        place = os.open(path, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
        if path == part:
            os.rename(part, file)


@contextmanager
def _workplace(file: Path) -> Iterator[Path]:
    """A folder beside the file for it and what SQLite puts beside it, its owner's alone, gone at the end.

    Who works in it holds a lock on it, and a lock dies with its process: so what a killed one has left is told from
    what another one is writing just now.
    """
    with ExitStack() as held:
        folder = _locked(held, file)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _locked(held: ExitStack, file: Path) -> Path:
    """Another backup may have taken it for a leftover before we had the lock: then another one is made."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=file.parent, prefix=f".{file.name}.", suffix=UNFINISHED))
        place = os.open(folder, os.O_RDONLY)
        held.callback(os.close, place)
        with suppress(OSError):  # where a file system has no locks nothing is ever taken for a leftover
            fcntl.flock(place, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder


def _remove_leftovers(place: Path) -> None:
    for left in place.glob(f".*{UNFINISHED}"):
        with suppress(OSError), ExitStack() as held:
            folder = os.open(left, os.O_RDONLY)
            held.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)


@contextmanager
def opened(file: Path) -> Iterator[Connection]:
    """A look into a backup. SetupError CB-153 for a file that is none, or one of another release."""
    if not file.is_file():
        raise SetupError("CB-153", f"there is no file {file}")
    engine = create_engine(f"sqlite:///file:{quote(str(file.resolve()))}?mode=ro&uri=true", hide_parameters=True)
    try:
        with engine.connect() as raw, suppress(DatabaseError):
            version = raw.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if version != migrate.newest():
                raise SetupError("CB-153", f"{file} was made by another release (schema {version})")
            yield Connection(raw, Plain())
            return
        raise SetupError("CB-153", f"{file} is no backup")
    finally:
        engine.dispose()


def look(c: Connection, name: str) -> Backup:
    """Compare every row with the sums written when it was made. Held CB-524 when one was lost or changed."""
    said = copying.fact_of(c, copying.MADE)
    if said is None:
        raise SetupError("CB-153", f"{name} is no backup, or one that was not finished")
    kept, found = copying.kept_sums(c), copying.sums(c)
    demand_same(kept, found, name)
    return Backup(**json.loads(said), rows={table: int(one.split()[0]) for table, one in found.items()})


def demand_same(wanted: dict[str, str], found: dict[str, str], name: str) -> None:
    """Raises Held CB-524 naming the tables whose sums differ."""
    wrong = [f"{t} ({wanted.get(t, '0').split()[0]} rows, now {found.get(t, '0').split()[0]})"
             for t in sorted({*wanted, *found}) if wanted.get(t) != found.get(t)]  # fmt: skip
    if wrong:
        raise Held("CB-524", f"{name} is not what it was copied from: {', '.join(wrong)}", who="it")
