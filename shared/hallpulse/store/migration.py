"""Bring a database to this version's tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, text

from .database import faults
from .distribution import distribute

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATION_LOCK = 20109


def alembic_config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - loads as slowly as all of SQLAlchemy: paid by what migrates

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine) -> None:
    """Run the missing migrations, one process at a time; nothing happens where none is missing.

    On Citus the tables are spread then.
    """
    from alembic import command  # noqa: PLC0415

    with faults(), engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # an index of a large table takes what it takes
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    distribute(engine)
