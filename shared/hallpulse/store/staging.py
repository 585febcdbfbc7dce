"""Rows on their way in: binary COPY into a temporary table of the session, from where one statement takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any

from psycopg import Cursor
from psycopg.types.string import BytesBinaryDumper
from sqlalchemy import BigInteger, Boolean, Connection, Date, DateTime, Integer, LargeBinary, SmallInteger, Text

from hallpulse.domain.workdays import EPOCH_ORDINAL, date_of, day_of

from .database import driver
from .tables import metadata

COPY_EPOCH = day_of(date(2000, 1, 1))
"""The day from which binary COPY counts dates."""
_DRIVER_TYPES: tuple[tuple[type, str], ...] = (
    (BigInteger, "int8"),
    (SmallInteger, "int2"),
    (Integer, "int4"),
    (Text, "text"),
    (LargeBinary, "bytea"),
    (Date, "int4"),  # binary, a date is the number of its day (`copied_day`)
    (Boolean, "bool"),
    (DateTime, "timestamptz"),
)


def copy_rows(
    connection: Connection, stage: str, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> None:
    """Fill the session's staging table with rows; it has columns of another table and is emptied first."""
    names = ", ".join(f'"{name}"' for name in columns)
    with driver(connection).cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT {names} FROM {table} WITH NO DATA"
        )
        cursor.execute(f"DELETE FROM {stage}")
        _copy(cursor, stage, table, columns, rows)


def copy_into(connection: Connection, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Put new rows straight into a table. Raises UniqueViolation where one is there already."""
    with driver(connection).cursor() as cursor:
        _copy(cursor, table, table, columns, rows)


def _copy(cursor: Cursor[Any], into: str, like: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    cursor.adapters.register_dumper(bytes, BytesBinaryDumper)  # else bytea means DB-API's Binary, four times slower
    with cursor.copy(f"COPY {into} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(driver_types(like, columns))
        write = copy.write_row
        for row in rows:
            write(row)


@cache
def driver_types(table: str, columns: tuple[str, ...]) -> list[str]:
    """The types by which the driver writes and reads these columns in binary COPY; days are numbers there."""
    return [_driver_type(metadata.tables[table].c[name].type) for name in columns]


def _driver_type(kind: object) -> str:
    return next(name for cls, name in _DRIVER_TYPES if isinstance(kind, cls))


def copied_day(day: int | None) -> int | None:
    """A day of the domain as a row for COPY has it: days since 2000-01-01."""
    return None if day is None else day - COPY_EPOCH


def date_copied(day: int) -> date:
    """The date that `copied_day` gave."""
    return date_of(day + COPY_EPOCH)


def to_date(day: int | None) -> date | None:
    """A day of the domain as the database's date."""
    return None if day is None else date.fromordinal(day + EPOCH_ORDINAL)
