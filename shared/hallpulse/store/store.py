"""The store: the one door to the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.calendar import Calendar
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.figures import Figure, FigureTable, Scope, Window
from hallpulse.domain.lowering import ItemChange
from hallpulse.domain.measures import STATES, ElapsedHistogram
from hallpulse.domain.workdays import Workdays, day_of

from .audit import Audit, process_actor
from .catalogue import timelines
from .context import ContextCache, read_calendars
from .database import at_one_moment, open_engine, transaction
from .incoming import Expected
from .merge import MergeOutcome, merge
from .migration import upgrade
from .notices import NoticeLedger
from .reading.calendars import CalendarReader
from .reading.changes import read_item_changes
from .reading.figures import read_figure_table, read_figures
from .reading.history import CaseHistory, read_history
from .reading.integrity import Findings, read_integrity
from .reading.known import read_case_events, read_event_counts, read_stored_ids
from .reading.listing import CaseFilter, CasePage, read_cases
from .reading.overview import Overview, read_overview
from .reading.snapshot import Snapshot, snapshot
from .reading.standing import (
    Coverage,
    read_coverage,
    read_departments,
    read_flagged,
    read_histograms,
    read_open_cases,
    read_percentiles,
    read_regions,
)
from .recompute import Difference, recompute
from .redating import Progress, apply_calendars
from .registry import HallRegistry
from .roles import make_service_role
from .tokens import TokenRegistry

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Store:
    """Stored events and all that follows from them.

    Every method is one transaction, those that read see the database at one moment, and raises Unavailable when the
    database cannot be reached (try again) or Halt when going on would do damage. All of it may be called from several
    threads at once.

    actor: who the audit says changed halls, tokens, calendars and derived figures by this store.
    """

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._reading = at_one_moment(engine)
        self._actor = actor
        self._cache = ContextCache()
        self._calendars = CalendarReader()
        self.audit = Audit(engine, actor)
        self.halls = HallRegistry(engine, actor)
        self.tokens = TokenRegistry(engine, actor)
        self.notices = NoticeLedger(engine)

    def ping(self) -> None:
        """Nothing, if the database answers."""
        self._read(lambda connection: connection.execute(text("SELECT 1")).scalar())

    def close(self) -> None:
        self._engine.dispose()

    def merge(
        self, events: Sequence[HallEvent], arrived: datetime, expected: Expected = Expected.ANYTHING
    ) -> MergeOutcome:
        """Store a batch, all or nothing; storing it again changes nothing."""
        microseconds = int((arrived - _EPOCH).total_seconds() * 1_000_000)
        return merge(self._engine, self._cache, events, microseconds, expected)

    def apply_calendars(self, calendars: Sequence[Calendar], progress: Progress | None = None) -> int:
        """Put calendars in force and date again every case that they touch; how many cases that were."""
        return apply_calendars(self._engine, calendars, self._actor, progress)

    def has_calendars(self) -> bool:
        """Whether any calendar is in force."""
        return bool(self._read(read_calendars))

    def recompute(self, *, check: bool, progress: Progress | None = None) -> list[Difference]:
        """Rebuild all that is derived from the stored events; the differences found."""
        return recompute(self._engine, self._actor, check=check, progress=progress)

    def overview(self, scope: Scope, window: Window, today: date) -> Overview:
        """Figures, percentiles, coverage and open cases that belong together."""
        return self._read(lambda connection: read_overview(connection, self._calendars, scope, window, today))

    def figures(self, scope: Scope, window: Window) -> dict[str, Figure]:
        """Every indicator of the scope over the window, by id; a hall has those of cases and tallies only."""
        return self._read(lambda connection: read_figures(connection, scope, window))

    def figure_table(self, region: int, window: Window) -> FigureTable:
        """The region's figures and each department's."""
        return self._read(lambda connection: read_figure_table(connection, region, window))

    def percentiles(self, scope: Scope, window: Window) -> dict[str, int | None]:
        """p50, p90 and p95 of elapsed working days; None without timed cases."""
        return self._read(lambda connection: read_percentiles(connection, scope, window))

    def coverage(self, scope: Scope, window: Window) -> Coverage:
        """Which part of the halls a figure speaks of."""
        return self._read(lambda connection: read_coverage(connection, scope, window))

    def open_cases(self, scope: Scope, today: date) -> dict[str, int]:
        """Open cases by state."""
        parts = self._read(lambda connection: read_open_cases(connection, scope, today))
        return {state: sum(part[state] for part in parts.values()) for state in STATES}

    def open_cases_by_department(self, region: int, today: date) -> dict[str, dict[str, int]]:
        """Department → state → open cases."""
        return self._read(lambda connection: read_open_cases(connection, Scope(region), today))

    def elapsed_histograms(self, region: int, window: Window) -> dict[str, ElapsedHistogram]:
        """Department → elapsed working days of the cases decided in the window."""
        return self._read(lambda connection: read_histograms(connection, region, window))

    def list_cases(self, wanted: CaseFilter, today: date, cursor: str | None = None, limit: int = 100) -> CasePage:
        """A page of the cases behind a number. Raises BadCursor, KeyError for an unknown state or part."""
        return self._read(lambda connection: read_cases(connection, wanted, today, cursor, limit))

    def case_history(self, region: int, hall: str, case_id: str, today: date) -> CaseHistory | None:
        """A case's events and its clock, or None where no event names it."""
        return self._read(
            lambda connection: read_history(connection, self._calendars, (region, hall, case_id), day_of(today))
        )

    def item_changes(self, region: int, before: date, after: date) -> list[ItemChange]:
        """The items of a county whose effective version changed between two days."""
        return self._read(lambda connection: read_item_changes(connection, region, before, after))

    def catalogue(self, region: int) -> dict[str, Timeline]:
        """Item code → all its versions in a county."""
        return self._read(lambda connection: timelines(connection, region))

    def case_events(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[CaseEvent]]:
        """Case → its events, for those of a hall's cases that any event has named."""
        return self._read(lambda connection: read_case_events(connection, region, hall, case_ids))

    def event_counts(self, region: int) -> dict[str, int]:
        """Hall → how many different events of it are stored."""
        return self._read(lambda connection: read_event_counts(connection, region))

    def stored_ids(self, region: int, hall: str, ids: Sequence[str]) -> set[str]:
        """Those of the ids under which events of a hall are stored."""
        return self._read(lambda connection: read_stored_ids(connection, region, hall, ids))

    def flagged_cases(self) -> dict[tuple[int, str], int]:
        """(region, hall) → cases with a flag."""
        return self._read(read_flagged)

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]:
        """Every integrity check over the window, also those that found nothing."""
        return self._read(lambda connection: read_integrity(connection, self._calendars, scope, window, today))

    def regions(self) -> list[int]:
        """Counties with data or registered halls."""
        return self._read(read_regions)

    def departments(self, region: int) -> list[str]:
        """Departments that the region's catalogue names."""
        return self._read(lambda connection: read_departments(connection, region))

    def workdays(self, region: int) -> Workdays:
        """The calendar in force in a county."""
        return self._read(lambda connection: self._calendars.workdays(connection, region))

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """The same queries in one transaction: what they answer holds at one moment."""
        return snapshot(self._reading, self._calendars)

    def _read(self, query: Callable[[Connection], T]) -> T:
        with transaction(self._reading) as connection:
            return query(connection)


def open_store(database_url: str, pool_size: int = 4, service: str = "") -> Store:
    """A store on a database that has this version's tables; nothing is connected yet.

    service: named in the audit beside the user that this process runs as.
    """
    return Store(open_engine(database_url, pool_size), process_actor(service))


def migrate(database_url: str, service_url: str = "") -> None:
    """Create or bring up to date the tables of a database, and the role that `service_url` logs in as."""
    engine = open_engine(database_url)
    try:
        upgrade(engine)
        if service_url:
            make_service_role(engine, service_url)
    finally:
        engine.dispose()
