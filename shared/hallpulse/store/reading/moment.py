"""The database at one moment: every query that is asked of it, in one transaction that only reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from sqlalchemy import Connection, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.figures import Coverage, Figure, FigureTable, Scope, Window
from hallpulse.domain.integrity import Findings
from hallpulse.domain.lowering import ItemChange
from hallpulse.domain.measures import STATES, ElapsedHistogram
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.workdays import Workdays, day_of
from hallpulse.store.catalogue import CalendarCache, read_calendars, timelines
from hallpulse.store.registry import Hall, read_halls, read_last_event_times

from .checks import read_integrity
from .declared import FigureFilter, FigureReport, Rules, read_first_reports, read_reports
from .listing import CaseFilter, CasePage, read_cases, read_item_changes
from .overview import (
    Overview,
    read_coverage,
    read_figure_table,
    read_figures,
    read_histograms,
    read_open_cases,
    read_overview,
    read_percentiles,
)
from .stored import (
    CaseHistory,
    read_case_events,
    read_event_counts,
    read_history,
    read_is_of,
    read_sample,
    read_stored_ids,
)


class Moment:
    """The database at one moment: no query sees an event that is stored meanwhile.

    Every method raises Unavailable when the database cannot be reached. A scope of a prefecture or a province sums over
    the counties below it.
    """

    def __init__(self, connection: Connection, calendars: CalendarCache, rules: Rules) -> None:
        self._connection = connection
        self._calendars = calendars
        self._rules = rules

    def overview(self, scope: Scope, window: Window, today: date) -> Overview:
        """Figures, percentiles, coverage and open cases of a scope, in one pass over the cells."""
        return read_overview(self._connection, self._calendars, self._rules, (scope, window, today))

    def figures(self, scope: Scope, window: Window) -> dict[str, Figure]:
        """Every indicator of the scope over the window, by id; a hall has those of cases and tallies only."""
        return read_figures(self._connection, self._rules, scope, window)

    def figure_table(self, region: int, window: Window) -> FigureTable:
        """The region's figures and each department's."""
        return read_figure_table(self._connection, self._rules, region, window)

    def percentiles(self, scope: Scope, window: Window) -> dict[str, int | None]:
        """p50, p90 and p95 of elapsed working days; None without timed cases."""
        return read_percentiles(self._connection, scope, window)

    def elapsed_histograms(self, region: int, window: Window) -> dict[str, ElapsedHistogram]:
        """Department → elapsed working days of the cases decided in the window."""
        return read_histograms(self._connection, region, window)

    def coverage(self, scope: Scope, window: Window) -> Coverage:
        """Which part of the halls a figure speaks of."""
        return read_coverage(self._connection, scope, window)

    def open_cases(self, scope: Scope, today: date) -> dict[str, int]:
        """State → open cases of a scope."""
        parts = read_open_cases(self._connection, scope, today).values()
        return {state: sum(part[state] for part in parts) for state in STATES}

    def open_cases_by_department(self, region: int, today: date) -> dict[str, dict[str, int]]:
        """Department → state → open cases; a department without any may be missing."""
        return read_open_cases(self._connection, Scope(region), today)

    def list_cases(self, wanted: CaseFilter, today: date, cursor: str | None = None, limit: int = 100) -> CasePage:
        """A page of what is behind a number. Raises BadCursor."""
        return read_cases(self._connection, self._rules, wanted, today, (cursor, limit))

    def item_changes(self, region: int, before: date, after: date) -> list[ItemChange]:
        """The items of a county whose effective version changed between two days."""
        return read_item_changes(self._connection, region, before, after)

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]:
        """Every integrity check over the window, also those that found nothing."""
        return read_integrity(self._connection, self._calendars, self._rules, (scope, window, today))

    def figure_reports(self, wanted: FigureFilter) -> list[FigureReport]:
        """Every report of declared figures that is in force, and whether it counts."""
        return read_reports(self._connection, self._rules, wanted)

    def first_reports(self, region: int, window: Window) -> Arrivals:
        """When each department's figure of each month in the window first arrived."""
        return read_first_reports(self._connection, self._rules, region, window)

    def case_history(self, region: int, hall: str, case_id: str, today: date) -> CaseHistory | None:
        """A case's events and its clock, or None where no event names it."""
        return read_history(self._connection, self._calendars, (region, hall, case_id), day_of(today))

    def is_of(self, region: int, hall: str, case_id: str, department: str) -> bool:
        """Whether a case is a department's."""
        return read_is_of(self._connection, (region, hall, case_id), department)

    def case_events(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[CaseEvent]]:
        """Case → its events, for those of a hall's cases that any event has named."""
        return read_case_events(self._connection, region, hall, case_ids)

    def sample_events(self, cases_each: int) -> list[HallEvent]:
        """The events of some cases of every hall, as they were stored."""
        return read_sample(self._connection, cases_each)

    def stored_ids(self, region: int, hall: str, ids: Sequence[str]) -> set[str]:
        """Those of the ids under which events of a hall are stored."""
        return read_stored_ids(self._connection, region, hall, ids)

    def event_counts(self, region: int) -> dict[str, int]:
        """Hall → how many different events of it are stored."""
        return read_event_counts(self._connection, region)

    def catalogue(self, region: int) -> dict[str, Timeline]:
        """Item code → all its versions in a county."""
        return timelines(self._connection, region)

    def workdays(self, region: int) -> Workdays:
        """The calendar in force in a county."""
        return self._calendars.current(self._connection).workdays(region)

    def has_calendars(self) -> bool:
        """Whether any calendar is in force."""
        return bool(read_calendars(self._connection))

    def halls(self) -> list[Hall]:
        """Registered halls by region and name."""
        return read_halls(self._connection)

    def last_event_times(self) -> dict[tuple[int, str], int]:
        """(region, hall) → the newest event's time, microseconds since 1970-01-01 UTC, of registered halls."""
        return read_last_event_times(self._connection)

    def flagged_cases(self) -> dict[tuple[int, str], int]:
        """(region, hall) → cases with a flag; an index holds those alone."""
        rows = self._connection.execute(
            text("SELECT region, hall, count(*) FROM cases WHERE flags <> 0 GROUP BY region, hall")
        )
        return {(region, hall): count for region, hall, count in rows}

    def regions(self) -> list[int]:
        """Counties that have data or registered halls, in order of their codes."""
        rows = self._connection.execute(text("SELECT region FROM regions UNION SELECT region FROM halls ORDER BY 1"))
        return [region for (region,) in rows]

    def departments(self, region: int) -> list[str]:
        """Departments of a county's catalogue as it ever was, in order."""
        rows = self._connection.execute(
            text("SELECT DISTINCT department FROM item_cells WHERE region = :region ORDER BY 1"), {"region": region}
        )
        return [department for (department,) in rows]


class Readable(Protocol):
    """A source that is read one moment at a time: the store, or a stand-in for it.

    Both raise Unavailable when the database cannot be reached.
    """

    def ping(self) -> None: ...

    def read(self) -> AbstractContextManager[Moment]: ...
