"""Derived rows that differ from what the stored events give: some are shown, all are put right.

Stored rows are read by binary COPY. Only wrong rows are replaced, in the caller's transaction.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Date

from hallpulse.store.database import copy_rows, date_copied, driver, driver_types
from hallpulse.store.tables import metadata

DERIVED = ("ledger", "item_spans", "item_cells", "tallies", "figures", "cases", "cells", "hall_days")
Row = tuple[Any, ...]
"""A row of a derived table in the order of its columns, with days as in `copied_day`. The key comes first."""
Wrong = tuple[Row, Row | None]
"""The key of a row, and the right row; None if there should be no such row."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A derived row that differs from what the stored events give. stored, rebuilt: None if there is no such row."""

    table: str
    key: str
    stored: str | None
    rebuilt: str | None


class Spool:
    """Wrong rows on the disk, in a file for each table, so that any number of them takes no memory.

    name: the writer's; the files of all writers in a directory are read together (`spooled`).
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._files: dict[str, IO[bytes]] = {}

    def add(self, table: str, wrong: Wrong) -> None:
        file = self._files.get(table)
        if file is None:
            file = self._files[table] = (self._directory / f"{table}.{self._name}").open("ab")
        pickle.dump(wrong, file, pickle.HIGHEST_PROTOCOL)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()


@contextmanager
def findings_at(spools: Path | None, name: str, most: int) -> Iterator[DifferenceLog]:
    """Open a log of differences, which also go to spools of this name in a directory, if one is given."""
    if spools is None:
        yield DifferenceLog(most, None)
        return
    spool = Spool(spools, name)
    try:
        yield DifferenceLog(most, spool)
    finally:
        spool.close()


def spooled(directory: Path, table: str) -> Iterator[Wrong]:
    """Yield all wrong rows of a table that the spools of a directory hold."""
    for path in sorted(directory.glob(f"{table}.*")):
        with path.open("rb") as file, suppress(EOFError):
            while True:
                yield pickle.load(file)


class DifferenceLog:
    """A log of differences: it keeps `most` of each table to be shown, and writes all to the spool if there is one."""

    def __init__(self, most: int, spool: Spool | None) -> None:
        self._most = most
        self._spool = spool
        self._shown: dict[str, list[Difference]] = defaultdict(list)

    def add(self, table: str, stored: Row | None, rebuilt: Row | None, note: tuple[str, str] | None = None) -> None:
        """Add a wrong row. note: texts to show for the two sides instead of the rows."""
        key = (stored or rebuilt or ())[: len(key_of(table))]
        if len(self._shown[table]) < self._most:
            texts = note or (_text(table, stored), _text(table, rebuilt))
            self._shown[table].append(Difference(table, "/".join(map(str, _readable(table, key))), *texts))
        if self._spool is not None:
            self._spool.add(table, (key, rebuilt))

    def compare(self, table: str, stored: Iterable[Row], rebuilt: dict[Row, Row]) -> None:
        """Compare every stored row with the rebuilt one of its key, and remove these from `rebuilt`.

        A row whose sums are all 0 counts as no row: corrections leave such rows behind.
        """
        length = len(key_of(table))
        for row in stored:
            other = rebuilt.pop(row[:length], None)
            if other != row and (other is not None or table not in _SUMS or any(row[length:])):
                self.add(table, row, other)
        for row in rebuilt.values():
            if table not in _SUMS or any(row[length:]):
                self.add(table, None, row)

    def take_over(self, differences: Iterable[Difference]) -> None:
        """Also show differences that other workers have found and spooled."""
        for one in differences:
            self._shown[one.table].append(one)

    def shown(self) -> list[Difference]:
        ordered = ((table, sorted(self._shown[table], key=lambda one: one.key)) for table in DERIVED)
        return [one for _, listed in ordered for one in listed[: self._most]]


_SUMS = frozenset({"cells", "item_cells"})


@cache
def columns_of(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in metadata.tables[table].columns)


@cache
def key_of(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in metadata.tables[table].primary_key.columns)


def _text(table: str, row: Row | None) -> str | None:
    """Return the values after the key as text, without a case's history, which may be long."""
    if row is None:
        return None
    readable = _readable(table, row[:-1] if table == "cases" else row)
    return str(tuple(readable[len(key_of(table)) :]))


def _readable(table: str, row: Row) -> Sequence[Any]:
    kinds = (column.type for column in metadata.tables[table].columns)
    return [
        str(date_copied(value)) if value is not None and isinstance(kind, Date) else value
        for kind, value in zip(kinds, row, strict=False)
    ]


def read(
    connection: Connection, query: str, types: Sequence[str], parameters: Sequence[object] | None = None
) -> Iterator[Row]:
    """Yield the rows of a query; nothing else may use the connection until they have all been read."""
    statement = f"COPY ({query}) TO STDOUT (FORMAT BINARY)".encode()
    with driver(connection).cursor().copy(statement, parameters) as copy:
        copy.set_types(types)
        yield from copy.rows()


def stored(connection: Connection, table: str, where: str, parameters: Sequence[object] | None = None) -> Iterator[Row]:
    """Yield rows of a derived table."""
    columns = columns_of(table)
    query = f"SELECT {quoted(columns)} FROM {table} WHERE {where}"
    return read(connection, query, driver_types(table, columns), parameters)


def quoted(columns: Sequence[str], of: str = "") -> str:
    return ", ".join(f'{of}"{name}"' for name in columns)


def put_right(connection: Connection, spools: Path) -> None:
    """Replace the rows whose keys are in the spools by the right rows there."""
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
