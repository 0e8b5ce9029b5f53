"""Bring a database to today's schema (Alembic, revisions in ``migrations/versions``)."""

from __future__ import annotations

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from casebridge.store import jobs

ONE_AT_A_TIME = 7_620_045_132  # the key of an advisory lock


def newest() -> str:
    """Today's schema."""
    with as_file(files("casebridge.store").joinpath("migrations")) as folder:
        return str(ScriptDirectory(str(folder)).get_current_head())


def upgrade(engine: Engine, to: str = "head") -> None:
    """Create the schema or move it to a revision; does nothing when it is there already."""
    with as_file(files("casebridge.store").joinpath("migrations")) as folder, engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # all or nothing, also after a kill in the middle
        else:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10min'")  # a large store is not moved in a moment
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})")  # workers start together
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        if to == "head" and engine.dialect.name == "postgresql":
            jobs.upgrade(connection)
