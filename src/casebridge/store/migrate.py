"""Bring a database to today's schema (Alembic, revisions in ``migrations/versions``)."""

from __future__ import annotations

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Engine


def upgrade(engine: Engine) -> None:
    """Create or move the schema; does nothing when it is already today's."""
    with as_file(files("casebridge.store").joinpath("migrations")) as folder, engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # all or nothing, also after a kill in the middle
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
