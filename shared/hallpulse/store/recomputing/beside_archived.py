"""Archived events for recomputing: unpacked into a schema of its time, whose view `events` has all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from hallpulse.domain.errors import Halt
from hallpulse.store.archiving.packed_events import COLUMNS, put_rows, stage_archived
from hallpulse.store.archiving.parquet_files import read_blocks, read_manifest
from hallpulse.store.database import faults
from hallpulse.store.locks import hold_back_archive

_SCHEMA = "recomputing_archived"
_TABLE = f"{_SCHEMA}.archived"
_FILES = text("SELECT region, file, sha256 FROM archive_files ORDER BY file")
_NUMBERS = text("SELECT number FROM archived_events WHERE region = :region AND file = :file")


@contextmanager
def archived_in_place(engine: Engine, folder: Path | None) -> Iterator[bool]:
    """Put archived events in place for the block, and hold back whatever would move any; return whether there are any.

    folder: of an archive, whose files are read instead of what is packed in the database. Raises Halt if one of the
    files is missing or was changed. A schema that a killed process left behind is replaced.
    """
    with faults(), engine.connect() as connection:
        session = connection.execution_options(isolation_level="AUTOCOMMIT")
        hold_back_archive(session)
        session.exec_driver_sql(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
        if not session.scalar(text("SELECT EXISTS (SELECT FROM archive_files)")):
            yield False
            return
        names = ", ".join(COLUMNS)
        of_events = f"{session.exec_driver_sql('SELECT current_schema()').scalar_one()}.events"
        session.exec_driver_sql(f"CREATE SCHEMA {_SCHEMA}")
        session.exec_driver_sql(f"CREATE UNLOGGED TABLE {_TABLE} (LIKE {of_events})")
        try:
            _fill(engine, folder)
            session.exec_driver_sql(f"ANALYZE {_TABLE}")
            session.exec_driver_sql(
                f"CREATE VIEW {_SCHEMA}.events AS SELECT {names} FROM {of_events}"
                f" UNION ALL SELECT {names} FROM {_TABLE}"
            )
            yield True
        finally:
            session.exec_driver_sql(f"DROP SCHEMA {_SCHEMA} CASCADE")


def see_archived(connection: Connection) -> None:
    """Let the session see archived events among the others, under the name of the table."""
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    connection.exec_driver_sql(f"SET search_path TO {_SCHEMA}, {schema}")


def _fill(engine: Engine, folder: Path | None) -> None:
    with engine.begin() as connection:
        if folder is None:
            stage_archived(connection, _TABLE)
        else:
            _read_files(connection, folder)


def _read_files(connection: Connection, folder: Path) -> None:
    """Read those blocks of the files that have left the table."""
    files = {file.file: file for file in read_manifest(folder)}
    for region, name, digest in connection.execute(_FILES).all():
        file = files.get(name)
        if file is None or file.sha256 != digest:
            raise Halt(f"recompute: {folder} does not have the archived file {name}")
        moved = set(connection.scalars(_NUMBERS, {"region": region, "file": name}))
        for number, block in enumerate(read_blocks(folder, file)):
            if number in moved:
                put_rows(connection, _TABLE, block)
