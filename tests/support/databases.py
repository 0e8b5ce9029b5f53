"""Both databases for tests: a fixture that asks for ``store_url`` or ``new_store`` runs its tests on SQLite and on
PostgreSQL; ``-k "not postgresql"`` leaves out the second. One that asks for ``some_store`` runs them on PostgreSQL only
among the long ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from postgres import OLDEST, Cluster, binaries, running

from casebridge.store.database import Store

MISSING = f"""no PostgreSQL of version {OLDEST} or newer on this machine, so nothing was tested on PostgreSQL.
Install it (Debian: apt-get install postgresql); its programs initdb and postgres are enough, no server has to run."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One PostgreSQL for all tests of this process; where there is none, they are skipped (in CI they fail)."""
    programs = binaries()
    if programs is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(MISSING)
    with running(programs) as cluster:
        yield cluster


SOME = ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)]
NewStore = Callable[..., str]
"""Each call gives the ``[store] url`` of another database, with today's schema or (``empty``) without."""


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStore]:
    """Makes databases."""
    with stores(request, tmp_path_factory) as new:
        yield new


@pytest.fixture(params=SOME)
def some_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStore]:
    """The same; on PostgreSQL when there is time for it."""
    with stores(request, tmp_path_factory) as new:
        yield new


@contextmanager
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStore]:
    """Databases of the kind that is the fixture's parameter, for as long as the block lasts."""
    if request.param == "sqlite":
        yield lambda empty=False: _sqlite(tmp_path_factory.mktemp("store"), empty)
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    made: list[str] = []

    def make(empty: bool = False) -> str:
        made.append(cluster.empty() if empty else cluster.fresh())
        return cluster.url(made[-1])

    yield make
    for database in made:
        cluster.drop(database)


def _sqlite(folder: Path, empty: bool) -> str:
    if not empty:
        copy_of_migrated(folder / "casebridge.db")
    return f"sqlite:///{folder}/casebridge.db"


def copy_of_migrated(file: Path) -> None:
    """A SQLite file with today's schema: to copy one is faster than to make it anew."""
    file.touch(0o600)
    file.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        Store(f"sqlite:///{folder}/casebridge.db").close()
        return Path(folder, "casebridge.db").read_bytes()


@pytest.fixture
def store_url(new_store: Callable[..., str]) -> str:
    """The ``[store] url`` of a database of this test's own: SQLite, then PostgreSQL."""
    return new_store()
