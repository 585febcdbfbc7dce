"""Migrate a database to this version's tables, and make the roles that services log in as."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, make_url, text

from hallpulse.domain.errors import Halt, Unavailable

from .database import INGEST, open_engine, transaction
from .distribution import distribute
from .roles import make_roles

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATION_LOCK = 20109
_BETWEEN_SECONDS = 0.5
_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_NO_SERVICES: Mapping[str, str] = MappingProxyType({})


def alembic_config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - loads as slowly as all of SQLAlchemy: paid by what migrates

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine, ingest_role: str = "") -> None:
    """Run the missing migrations, if any, one process at a time; on Citus, spread the tables afterwards.

    ingest_role: the role of ingest alone. Raises Unavailable while an earlier ingest is connected that would write
    wrongly after these migrations.
    """
    from alembic import command  # noqa: PLC0415

    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # an index of a large table takes long
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config = alembic_config()
        config.attributes["connection"] = connection
        _refuse_beside_ingest(connection, config, ingest_role)
        command.upgrade(config, "head")
        note_least_ingest(connection, _changing(config)[-1])
    distribute(engine)


def _refuse_beside_ingest(connection: Connection, config: Config, ingest_role: str) -> None:
    """Raise Unavailable if a missing migration changes what ingest writes, and an ingest is connected."""
    from alembic.migration import MigrationContext  # noqa: PLC0415

    known = MigrationContext.configure(connection).get_current_revision()
    changing = _changing(config, known) if known else []
    if not changing:
        return
    found = connection.scalar(
        text(
            "SELECT count(DISTINCT client_port) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND (usename = :role OR application_name = :name)"
        ),
        {"role": ingest_role, "name": INGEST},
    )
    if found:
        raise Unavailable(
            f"database: {_named(changing)} what ingest writes, and {found} connections of an"
            " earlier ingest are open: stop every ingest first; events wait in the queues meanwhile"
        )


def _named(migrations: Sequence[str]) -> str:
    listed = ", ".join(migrations)
    return f"migrations {listed} change" if len(migrations) > 1 else f"migration {listed} changes"


def _changing(config: Config, since: str = "base") -> list[str]:
    """Return the migrations after `since` that change what ingest writes, in order: an earlier ingest must not run."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory.from_config(config).iterate_revisions("head", since)
    return [script.revision for script in scripts if getattr(script.module, "changes_ingest", False)][::-1]


def note_least_ingest(connection: Connection, revision: str) -> None:
    """Note, where every role can read it, which migration an ingest must know, unless a later one is noted."""
    noted = _noted_least_ingest(connection)
    if noted < revision:
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS 'ingest must know {revision}'"))


def _noted_least_ingest(connection: Connection) -> str:
    noted = connection.scalar(text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"))
    return str(noted or "").rpartition(" ")[2]


def ensure_ingest_knows(database_url: str) -> None:
    """Raise Halt if the database belongs to a later version, after which this version's ingest would write wrongly."""
    engine = open_engine(database_url, pool_size=1)
    try:
        with transaction(engine) as connection:
            needed = _noted_least_ingest(connection)
    finally:
        engine.dispose()
    if needed and not any(_VERSIONS.glob(f"{needed}_*.py")):
        raise Halt(
            f"database: it belongs to a later version of Hallpulse, whose ingest knows migration {needed}:"
            " start that version's ingest; events wait in the queues"
        )


def ensure_answers(database_url: str, seconds: float) -> None:
    """Raise Unavailable unless the database answers on a new connection within some seconds: it may be recovering."""
    until = time.monotonic() + seconds
    engine = open_engine(database_url, pool_size=1)
    try:
        while True:
            try:
                with transaction(engine) as connection:
                    connection.execute(text("SELECT 1"))
                return
            except Unavailable:
                if time.monotonic() > until:
                    raise
            time.sleep(_BETWEEN_SECONDS)
    finally:
        engine.dispose()


def migrate(database_url: str, service_urls: Mapping[str, str] = _NO_SERVICES) -> None:
    """Create or update the tables of a database, and the roles that services log in as.

    service_urls: service → its database URL; the role that the URL names is made with the rights that it needs.
    """
    engine = open_engine(database_url)
    try:
        upgrade(engine, str(make_url(service_urls["ingest"]).username) if "ingest" in service_urls else "")
        if service_urls:
            make_roles(engine, service_urls)
    finally:
        engine.dispose()
