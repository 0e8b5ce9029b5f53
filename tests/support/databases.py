"""Both databases for tests: a fixture that asks for ``store_url`` or ``new_store`` runs its tests on SQLite and on
PostgreSQL; ``-k "not postgresql"`` leaves out the second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from postgres import OLDEST, Cluster, binaries, running

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


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Makes databases: each call gives the ``[store] url`` of another, with today's schema or (``empty``) without."""
    if request.param == "sqlite":
        yield lambda empty=False: f"sqlite:///{tmp_path_factory.mktemp('store')}/casebridge.db"
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    made: list[str] = []

    def make(empty: bool = False) -> str:
        made.append(cluster.empty() if empty else cluster.fresh())
        return cluster.url(made[-1])

    yield make
    for database in made:
        cluster.drop(database)


@pytest.fixture
def store_url(new_store: Callable[..., str]) -> str:
    """The ``[store] url`` of a database of this test's own: SQLite, then PostgreSQL."""
    return new_store()
