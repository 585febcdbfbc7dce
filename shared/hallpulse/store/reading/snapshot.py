"""What the database held at one moment, for those who ask several questions whose answers must agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Connection, Engine

from hallpulse.domain.figures import FigureTable, Scope, Window
from hallpulse.domain.lowering import ItemChange
from hallpulse.domain.measures import ElapsedHistogram
from hallpulse.domain.workdays import Workdays
from hallpulse.store.database import transaction

from .calendars import CalendarReader
from .changes import read_item_changes
from .figures import read_figure_table
from .integrity import Findings, read_integrity
from .standing import (
    Coverage,
    read_coverage,
    read_departments,
    read_flagged,
    read_histograms,
    read_open_cases,
    read_percentiles,
    read_regions,
)


class Snapshot:
    """The store's queries in one transaction: what is stored meanwhile is not seen."""

    def __init__(self, connection: Connection, calendars: CalendarReader) -> None:
        self._connection = connection
        self._calendars = calendars

    def figure_table(self, region: int, window: Window) -> FigureTable:
        return read_figure_table(self._connection, region, window)

    def percentiles(self, scope: Scope, window: Window) -> Mapping[str, int | None]:
        return read_percentiles(self._connection, scope, window)

    def coverage(self, scope: Scope, window: Window) -> Coverage:
        return read_coverage(self._connection, scope, window)

    def regions(self) -> list[int]:
        return read_regions(self._connection)

    def departments(self, region: int) -> list[str]:
        return read_departments(self._connection, region)

    def elapsed_histograms(self, region: int, window: Window) -> Mapping[str, ElapsedHistogram]:
        return read_histograms(self._connection, region, window)

    def flagged_cases(self) -> Mapping[tuple[int, str], int]:
        return read_flagged(self._connection)

    def open_cases_by_department(self, region: int, today: date) -> Mapping[str, Mapping[str, int]]:
        return read_open_cases(self._connection, Scope(region), today)

    def item_changes(self, region: int, before: date, after: date) -> Sequence[ItemChange]:
        return read_item_changes(self._connection, region, before, after)

    def integrity(self, scope: Scope, window: Window, today: date) -> Sequence[Findings]:
        return read_integrity(self._connection, self._calendars, scope, window, today)

    def workdays(self, region: int) -> Workdays:
        return self._calendars.workdays(self._connection, region)


@contextmanager
def snapshot(engine: Engine, calendars: CalendarReader) -> Iterator[Snapshot]:
    """One read-only transaction. engine: as of `at_one_moment`."""
    with transaction(engine) as connection:
        yield Snapshot(connection, calendars)
