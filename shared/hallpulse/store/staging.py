"""Rows on their way in: COPY into a temporary table of the session, from where one statement takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from hallpulse.domain.workdays import EPOCH_ORDINAL

from .database import driver


def copy_rows(
    connection: Connection, table: str, like: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Fill the session's staging table with rows; it has the columns of another table and is emptied first."""
    names = ", ".join(f'"{name}"' for name in columns)
    with driver(connection).cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {table} ON COMMIT DELETE ROWS AS SELECT {names} FROM {like} WITH NO DATA"
        )
        cursor.execute(f"DELETE FROM {table}")
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def to_date(day: int | None) -> date | None:
    """A day of the domain as the database's date."""
    return None if day is None else date.fromordinal(day + EPOCH_ORDINAL)


def to_day(day: date | None) -> int | None:
    return None if day is None else day.toordinal() - EPOCH_ORDINAL
