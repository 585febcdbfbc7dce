"""Daily and monthly sums per region, hall and department, kept exact by differences."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from sqlalchemy import Connection

from hallpulse.domain.measures import COLUMNS, WIDTH, Entry
from hallpulse.domain.workdays import date_of

from .staging import copy_rows

_KEY = ("region", "grain", "day", "hall", "department")
_SUMS = ", ".join(f"{name} = cells.{name} + excluded.{name}" for name in COLUMNS)
_NAMES = ", ".join((*_KEY, *COLUMNS))


class Differences:
    """What a transaction changes in the cells: old contributions out, new ones in."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, str, str], dict[int, list[int]]] = {}

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
        days = self._cells.setdefault((region, hall, department), {})
        for day, column, amount in entries:
            sums = days.get(day)
            if sums is None:
                sums = days[day] = [0] * WIDTH
            sums[column] += sign * amount

    def write(self, connection: Connection) -> None:
        """Add the differences, in key order, each day to its own cell and to its month's."""
        rows = sorted(self._rows(), key=lambda row: row[:5])
        if not rows:
            return
        copy_rows(connection, "stage_cells", "cells", (*_KEY, *COLUMNS), rows)
        connection.exec_driver_sql(
            f"INSERT INTO cells ({_NAMES}) SELECT {_NAMES} FROM stage_cells"
            f" ON CONFLICT (region, grain, day, hall, department) DO UPDATE SET {_SUMS}"
        )

    def _rows(self) -> Iterable[tuple[int | str | date, ...]]:
        for (region, hall, department), days in self._cells.items():
            months: dict[date, list[int]] = {}
            for day, sums in days.items():
                if not any(sums):
                    continue
                day_date, month = _dates(day)
                yield region, "d", day_date, hall, department, *sums
                total = months.get(month)
                months[month] = sums if total is None else [a + b for a, b in zip(total, sums, strict=True)]
            for month, sums in months.items():
                if any(sums):
                    yield region, "m", month, hall, department, *sums


@lru_cache(maxsize=100_000)
def _dates(day: int) -> tuple[date, date]:
    day_date = date_of(day)
    return day_date, day_date.replace(day=1)
