"""The database as a whole: is it there, is its schema this program's, how large is it, what time does it have."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import sqlalchemy
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError

from casebridge.core.errors import SetupError
from casebridge.store.box import Box
from casebridge.store.connection import Connection
from casebridge.store.database import Store, StoreTrouble
from casebridge.store.tables import event, fact

BEGAN = "began"  # in ``fact``: when a process last began to work
WITHOUT = "Install the driver of your database: pip install 'casebridge[postgres]'."


@cache
def revisions() -> tuple[str, ...]:
    """All revisions of the schema that this program knows, the newest first."""
    with as_file(files("casebridge.store").joinpath("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        return tuple(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


def at(connection: sqlalchemy.Connection) -> str:
    """The revision of a database; "" when it is empty."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def is_today(c: Connection) -> bool:
    """Is its schema the one this program was written for?"""
    return at(c.raw) == revisions()[0]


def opened(url: str, box: Box | None = None) -> Store:
    """The store behind an address, brought to today's schema. SetupError CB-140 when it is not there, CB-141 when it is
    newer than this program, CB-142 when its tables cannot be made or moved."""
    _refuse_newer(url)
    try:
        return Store(url, box)
    except (DatabaseError, InterfaceError, StoreTrouble) as error:
        said = f"the tables of the database cannot be made or brought to today's form: {_said(error)}"
        raise SetupError("CB-142", said) from None
    except OSError as error:
        raise SetupError("CB-140", f"the file of the database cannot be opened: {error.strerror}") from None


def _refuse_newer(url: str) -> None:
    file = url.removeprefix("sqlite:///")
    if file != url and not Path(file).exists():
        return
    found = _found(url)
    if found and found not in revisions():
        known = f"this program knows up to {revisions()[0]}"
        raise SetupError("CB-141", f"the database has the schema {found}, {known}")


def _found(url: str) -> str:
    """The revision of a database that must be there."""
    _refuse_torn(url)
    try:
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect() as connection:
                return at(connection)
        finally:
            engine.dispose()
    except ImportError:
        raise SetupError("CB-140", "store.url: the driver of this database is not installed", remedy=WITHOUT) from None
    except (ArgumentError, NoSuchModuleError, ValueError):
        remedy = "Write sqlite:///casebridge.db or postgresql+psycopg://casebridge@127.0.0.1:5432/casebridge."
        raise SetupError("CB-140", "store.url is no address of a database", remedy=remedy) from None
    except (DatabaseError, InterfaceError) as error:
        raise SetupError("CB-140", f"the database cannot be reached: {_said(error)}") from None


def _refuse_torn(url: str) -> None:
    """An @ in a password ends it too early: its rest would be taken for the host, and be named in a message."""
    if url.partition("://")[2].partition("?")[0].count("@") > 1:
        remedy = "Write each sign of a password that is no letter or digit by its number: %40 for @, %2F for /."
        raise SetupError("CB-140", "store.url is cut in the wrong place: it has more than one @", remedy=remedy)


def _said(error: Exception) -> str:
    """The driver's own first line: host, port and what failed; a statement's values are never in it."""
    original = getattr(error, "orig", None) or error
    return (str(original).strip().splitlines() or [type(original).__name__])[0][:200]


def size(c: Connection, url: str) -> int:
    """Bytes that the store takes on its disk."""
    if not url.startswith("sqlite:///"):
        return int(c.raw.execute(text("SELECT pg_database_size(current_database())")).scalar() or 0)
    file = Path(url.removeprefix("sqlite:///"))
    return sum(f.stat().st_size for f in (file, file.with_name(file.name + "-wal")) if f.exists())


def free(url: str) -> int | None:
    """Bytes that are free beside an SQLite file; None where the database is elsewhere."""
    if not url.startswith("sqlite:///"):
        return None
    folder = Path(url.removeprefix("sqlite:///")).parent
    return shutil.disk_usage(folder).free if folder.is_dir() else None


def seconds_ahead(c: Connection, now: float) -> float:
    """By how much a clock (seconds since 1970) is ahead of the database's own; 0 for SQLite, which has none."""
    if c.raw.dialect.name != "postgresql":
        return 0.0
    return now - float(c.raw.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar() or now)


FORGETFUL = ("fsync", "full_page_writes")


def forgetful(c: Connection) -> list[str]:
    """Which of PostgreSQL's settings are off without which a power cut takes what was committed."""
    if c.raw.dialect.name != "postgresql":
        return []
    asked = select(*(func.current_setting(name).label(name) for name in FORGETFUL))
    return [name for name, value in c.execute(asked).one()._mapping.items() if value == "off"]


def try_to_write(store: Store, now: str) -> None:
    """Write something of no consequence; StoreTrouble when nothing can be written."""
    began = fact.c.name == BEGAN
    try:
        with store.write() as c:
            if c.execute(update(fact).where(began).values(value=now)).rowcount == 0:
                c.execute(insert(fact).values(name=BEGAN, value=now))
    except DatabaseError as error:  # PostgreSQL: a read-only database is no operational error
        raise StoreTrouble(type(error.orig).__name__) from error


def latest(c: Connection) -> str:
    """When the last thing on the books happened; "" for nothing."""
    return c.execute(select(event.c.at).order_by(event.c.seq.desc()).limit(1)).scalar() or ""
