"""What may run while the tables are updated: an earlier ingest only where it goes on writing rightly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine, make_url, text

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.settings import DATABASE_SERVICES
from hallpulse.store import ensure_ingest_knows, migrate, migration
from hallpulse.store.migration import alembic_config
from tests.servers import PostgresServer

BEFORE_A_CHANGE, LAST_CHANGE = "0033", "0045"
HARMLESS = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "9001", "{head}", None, None


def upgrade() -> None:
    op.execute("CREATE INDEX harmless ON halls (hall)")
"""


def earlier(database_url: str, revision: str) -> None:
    """Make the tables of an earlier version."""
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def revision(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def test_tables_are_not_changed_under_an_earlier_ingest_that_would_write_wrongly(database_url: str) -> None:
    earlier(database_url, BEFORE_A_CHANGE)
    with (
        psycopg.connect(make_conninfo(database_url, application_name="hallpulse ingest")),
        pytest.raises(
            Unavailable, match=r"0034, 0045 change what ingest writes.*1 connections.*stop every ingest first"
        ),
    ):
        migrate(database_url)
    assert revision(database_url) == BEFORE_A_CHANGE
    migrate(database_url)
    assert revision(database_url) >= LAST_CHANGE


@contextmanager
def role(postgres: PostgresServer, name: str) -> Iterator[None]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'any'".encode())
        try:
            yield
        finally:
            connection.execute(f"DROP ROLE {name}".encode())


def test_an_earlier_ingest_is_known_by_its_role(postgres: PostgresServer, database_url: str) -> None:
    earlier(database_url, BEFORE_A_CHANGE)
    logins = {
        name: make_url(database_url).set(username=f"{name}_of_old", password="any").render_as_string(False)
        for name in DATABASE_SERVICES
    }
    with (
        role(postgres, "ingest_of_old"),
        psycopg.connect(logins["ingest"]),
        pytest.raises(Unavailable, match="stop every ingest first"),
    ):
        migrate(database_url, logins)


def test_migrations_that_leave_ingest_alone_run_beside_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(database_url)
    (tmp_path / "9001_harmless.py").write_text(HARMLESS.format(head=revision(database_url)))

    def with_one_more() -> Config:
        config = alembic_config()
        folders = (Path(migration.__file__).parent / "migrations" / "versions", tmp_path)
        config.set_main_option("version_locations", os.pathsep.join(map(str, folders)))
        config.set_main_option("version_path_separator", "os")
        return config

    monkeypatch.setattr(migration, "alembic_config", with_one_more)
    with psycopg.connect(make_conninfo(database_url, application_name="hallpulse ingest")):
        migrate(database_url)
    assert revision(database_url) == "9001"


def test_an_ingest_that_is_too_old_for_its_database_says_so_and_others_run(database_url: str) -> None:
    ensure_ingest_knows(database_url)  # there are no tables: what comes next says so
    earlier(database_url, BEFORE_A_CHANGE)
    ensure_ingest_knows(database_url)
    migrate(database_url)
    ensure_ingest_knows(database_url)
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("COMMENT ON TABLE alembic_version IS 'ingest must know 9999'"))
    engine.dispose()
    with pytest.raises(Halt, match="a later version of Hallpulse, whose ingest knows migration 9999"):
        ensure_ingest_knows(database_url)
