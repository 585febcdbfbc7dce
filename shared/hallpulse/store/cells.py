"""Daily and monthly sums per region, hall and department, kept exact by differences."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import add

import msgspec
from sqlalchemy import Connection

from hallpulse.domain.measures import COLUMNS, WIDTH, Entry
from hallpulse.domain.workdays import date_of, day_of

from .staging import copied_day, copy_rows

_KEY = ("region", "grain", "day", "hall", "department")
_SUMS = ", ".join(f"{name} = cells.{name} + excluded.{name}" for name in COLUMNS)
_NAMES = ", ".join((*_KEY, *COLUMNS))


class Differences(msgspec.Struct):
    """Changes of cells by one transaction: old contributions out, new ones in.

    cells: (region, hall, department) → day → sums, in the order of COLUMNS.
    """

    cells: dict[tuple[int, str, str], dict[int, list[int]]] = msgspec.field(default_factory=dict)

    def move(self, region: int, hall: str, before: tuple[str, list[Entry]], after: tuple[str, list[Entry]]) -> None:
        """Replace one case's entries; each side is (department, entries)."""
        if before == after:
            return
        self._add(region, hall, before, -1)
        self._add(region, hall, after, 1)

    def _add(self, region: int, hall: str, side: tuple[str, list[Entry]], sign: int) -> None:
        department, entries = side
        if not entries:
            return
        days = self.cells.setdefault((region, hall, department), {})
        for day, column, amount in entries:
            sums = days.get(day)
            if sums is None:
                sums = days[day] = [0] * WIDTH
            sums[column] += sign * amount

    def take_over(self, other: Differences) -> None:
        """Add what another one holds."""
        for key, theirs in other.cells.items():
            days = self.cells.setdefault(key, {})
            for day, sums in theirs.items():
                known = days.get(day)
                days[day] = sums if known is None else list(map(add, known, sums))

    def write(self, connection: Connection) -> None:
        """Add the differences, in key order, each day to its own cell and to its month's."""
        rows = sorted(self.rows())
        if not rows:
            return
        copy_rows(connection, "stage_cells", "cells", (*_KEY, *COLUMNS), rows)
        connection.exec_driver_sql(
            f"INSERT INTO cells ({_NAMES}) SELECT {_NAMES} FROM stage_cells"
            f" ON CONFLICT (region, grain, day, hall, department) DO UPDATE SET {_SUMS}"
        )

    def rows(self) -> Iterable[tuple[int | str | None, ...]]:
        """What is not zero, as rows of `cells`, each day in its own and in its month's."""
        for (region, hall, department), days in self.cells.items():
            months: dict[int, list[int]] = {}
            for day, sums in days.items():
                if not any(sums):
                    continue
                yield region, "d", copied_day(day), hall, department, *sums
                month = _month(day)
                total = months.get(month)
                months[month] = sums if total is None else list(map(add, total, sums))
            for month, sums in months.items():
                if any(sums):
                    yield region, "m", copied_day(month), hall, department, *sums


@lru_cache(maxsize=100_000)
def _month(day: int) -> int:
    """The first day of a day's month."""
    return day_of(date_of(day).replace(day=1))
