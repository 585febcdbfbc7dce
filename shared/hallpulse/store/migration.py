"""Bring a database to this version's tables, and make the roles that services log in as."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import Engine, text

from .database import faults, open_engine
from .distribution import distribute
from .roles import make_roles

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATION_LOCK = 20109
_NO_SERVICES: Mapping[str, str] = MappingProxyType({})


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


def migrate(database_url: str, service_urls: Mapping[str, str] = _NO_SERVICES) -> None:
    """Create or bring up to date the tables of a database, and the roles that services log in as.

    service_urls: service → the URL with which it will connect; its role is made with the rights that it needs.
    """
    engine = open_engine(database_url)
    try:
        upgrade(engine)
        if service_urls:
            make_roles(engine, service_urls)
    finally:
        engine.dispose()
