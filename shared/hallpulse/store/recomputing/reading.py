"""Rows of the database in binary COPY: as many as there are, as fast as the driver reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from hallpulse.store.database import driver
from hallpulse.store.staging import driver_types

from .findings import Row, columns_of


def read(
    connection: Connection, query: str, types: Sequence[str], parameters: Sequence[object] | None = None
) -> Iterator[Row]:
    """The rows of a query; nothing else may use the connection until they have all been read."""
    statement = f"COPY ({query}) TO STDOUT (FORMAT BINARY)".encode()
    with driver(connection).cursor().copy(statement, parameters) as copy:
        copy.set_types(types)
        yield from copy.rows()


def stored(connection: Connection, table: str, where: str, parameters: Sequence[object] | None = None) -> Iterator[Row]:
    """Rows of a derived table."""
    columns = columns_of(table)
    query = f"SELECT {quoted(columns)} FROM {table} WHERE {where}"
    return read(connection, query, driver_types(table, columns), parameters)


def quoted(columns: Sequence[str], of: str = "") -> str:
    return ", ".join(f'{of}"{name}"' for name in columns)
