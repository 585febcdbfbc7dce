"""Wrong rows put right: only those, and all in the transaction of the one who calls."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from hallpulse.store.staging import copy_rows

from .findings import DERIVED, columns_of, key_of, spooled
from .reading import quoted


def put_right(connection: Connection, spools: Path) -> None:
    """Make the rows whose keys are in the spools what the spools say."""
    for table in DERIVED:
        if any(spools.glob(f"{table}.*")):
            _replace(connection, spools, table)


def _replace(connection: Connection, spools: Path, table: str) -> None:
    columns, key = columns_of(table), key_of(table)
    copy_rows(connection, f"wrong_{table}", table, key, (wrong for wrong, _ in spooled(spools, table)))
    copy_rows(connection, f"right_{table}", table, columns, (row for _, row in spooled(spools, table) if row))
    same = " AND ".join(f't."{name}" = w."{name}"' for name in key)
    connection.exec_driver_sql(f"DELETE FROM {table} t USING wrong_{table} w WHERE {same}")
    names = quoted(columns)
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) SELECT {names} FROM right_{table}")
