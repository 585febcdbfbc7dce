"""The store: all changes of the database, and all queries of it at one moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from typing import Protocol

from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.compression import ItemChange
from hallpulse.domain.figures import Coverage, ElapsedHistogram, Figure, FigureTable, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.gap_split import PartFigure
from hallpulse.domain.indicators import CaseDoubt, Doubt
from hallpulse.domain.integrity import Findings
from hallpulse.domain.measures import STATES
from hallpulse.domain.plan import Plan
from hallpulse.domain.ratings import Ratings
from hallpulse.domain.reconciliation import StatedDay
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.sources import SourceCounts
from hallpulse.domain.succession import Succession
from hallpulse.domain.workdays import Calendar, Workdays, day_of
from hallpulse.store import registry
from hallpulse.store.accounts import AccountRegistry
from hallpulse.store.audit import Audit, process_actor
from hallpulse.store.code_changes import CodeChanges
from hallpulse.store.database import at_one_moment, driver, faults, open_engine, read_version, transaction
from hallpulse.store.drafts import Drafts
from hallpulse.store.item_versions import read_item_changes
from hallpulse.store.kept_uploads import Uploads
from hallpulse.store.matters import MatterRegistry
from hallpulse.store.merge import EventName, Expected, MergeOutcome
from hallpulse.store.notices import NoticeLedger
from hallpulse.store.placing import Placement, merge_parts
from hallpulse.store.reading.checks import read_integrity
from hallpulse.store.reading.conditions import read_flow, read_flow_by_department
from hallpulse.store.reading.declared_reports import FigureFilter, FigureReport, read_reports
from hallpulse.store.reading.department_tables import OverTime, read_figure_table, read_histograms, read_over_time
from hallpulse.store.reading.foresight import Foresight, read_foresight
from hallpulse.store.reading.imagined import imagine
from hallpulse.store.reading.listing import AskedPage, CaseFilter, CasePage, read_cases
from hallpulse.store.reading.months import read_month_figures
from hallpulse.store.reading.overview import Overview
from hallpulse.store.reading.past import Past, turn_back
from hallpulse.store.reading.trace import Trace, read_refusals, read_trace
from hallpulse.store.recompute import Difference, recompute
from hallpulse.store.redating import Progress, apply_calendars
from hallpulse.store.refused import RefusedTable
from hallpulse.store.refused_rows import KeptRefusal, RefusedFilter
from hallpulse.store.registry import Hall, HallFacts, HallRegistry, TokenRegistry
from hallpulse.store.reports import ReportArchive, calendars_digest
from hallpulse.store.reviews import ReviewRegistry
from hallpulse.store.sharing import Leases, TurnRegistry
from hallpulse.store.sums import SentSums

from .in_force import CalendarCache, ContextCache, read_calendars, read_successions, spans_in_force, timelines
from .reading import declared, doubts, joint, overview, parts_of_items, rated_cases, source_counts, stored


class Moment:
    """The database at one moment: no query sees an event that is stored meanwhile.

    Every method raises Unavailable if the database cannot be reached. A scope of a prefecture or a province sums over
    the counties below it.
    """

    def __init__(self, connection: Connection, calendars: CalendarCache, rules: declared.Rules) -> None:
        self._connection = connection
        self._calendars = calendars
        self._rules = rules

    def version(self) -> str | None:
        """Return a text that differs whenever the stored data differs; None if that cannot be told (`read_version`)."""
        return read_version(self._connection)

    def turn_back(self, past: Past, scope: Scope) -> None:
        """Answer later queries of the scope's region by that past's events; only for a moment of `read_back`, once."""
        turn_back(self._connection, self._calendars.current(self._connection), scope, past)

    def imagine(self, region: int, events: Sequence[HallEvent], now: int) -> None:
        """Answer all later queries as if these item events had arrived now; only for a moment of `read_back`, once."""
        imagine(self._connection, self._calendars.current(self._connection), region, events, now)

    def overview(self, scope: Scope, window: Window, today: date) -> Overview:
        """Return figures, percentiles, coverage and open cases of a scope, in one pass over the cells."""
        days = self.workdays(scope.region)
        return overview.read_overview(self._connection, days, self._rules, (scope, window, today))

    def joint_overview(self, parts: Sequence[tuple[Scope, Window]], today: date) -> Overview:
        """Return the overview of several scopes as one, each over its days; the first is the one asked for."""
        return joint.read_joint_overview(self._connection, self.workdays(parts[0][0].region), self._rules, parts, today)

    def figures(self, scope: Scope, window: Window) -> dict[str, Figure]:
        """Return every indicator of the scope over the window, by id; a hall has only those of cases and tallies."""
        return overview.read_figures(self._connection, self._rules, scope, window)

    def figures_over_time(self, scope: Scope, windows: Sequence[Window]) -> list[dict[str, Figure]]:
        """Return the scope's `figures` over each window; days that windows share are read once."""
        return overview.read_figures_over_time(self._connection, self._rules, scope, windows)

    def figure_table(self, region: int, window: Window) -> FigureTable:
        """Return the region's figures and each department's."""
        return read_figure_table(self._connection, self._rules, region, window)

    def over_time(self, asked: OverTime) -> list[dict[str | None, Figure]]:
        """Return one indicator's figure in each window, of the scope (None) and of each department asked."""
        return read_over_time(self._connection, self._rules, asked)

    def percentiles(self, scope: Scope, window: Window) -> dict[str, int | None]:
        """Return p50, p90 and p95 of elapsed working days; None without timed cases."""
        return overview.read_percentiles(self._connection, scope, window)

    def elapsed_histograms(self, region: int, window: Window) -> dict[str, ElapsedHistogram]:
        """Return department → histogram of elapsed working days of the cases decided in the window."""
        return read_histograms(self._connection, region, window)

    def coverage(self, scope: Scope, window: Window) -> Coverage:
        """Return how many halls the scope has, and how many of them reported in the window."""
        return overview.read_coverage(self._connection, scope, window)

    def open_cases(self, scope: Scope, today: date) -> dict[str, int]:
        """Return state → number of open cases of a scope."""
        parts = overview.read_open_cases(self._connection, scope, today).values()
        return {state: sum(part[state] for part in parts) for state in STATES}

    def open_cases_by_department(self, region: int, today: date) -> dict[str, dict[str, int]]:
        """Return department → state → number of open cases; a department without any may be missing."""
        return overview.read_open_cases(self._connection, Scope(region), today)

    def list_cases(
        self, wanted: CaseFilter, today: date, cursor: str | None = None, limit: int = 100, offset: int = 0
    ) -> CasePage:
        """Return a page of the cases, items or tallies behind a number. Raises BadCursor and BadOrder."""
        return read_cases(self._connection, self._rules, wanted, today, AskedPage(cursor, limit, offset))

    def item_parts(self, scope: Scope, indicator: str, window: Window) -> list[PartFigure]:
        """Return what each item adds to a computed indicator; none for a declared one."""
        return parts_of_items.read_item_parts(self._connection, scope, indicator, window)

    def flow(self, scope: Scope, window: Window, item: str | None = None) -> Flow:
        """Return the flow of a window's days, of one item if it is named."""
        return read_flow(self._connection, scope, window, item)

    def flow_by_department(self, region: int, window: Window) -> dict[str, Flow]:
        """Return department → flow of a window's days; a department without cases may be missing."""
        return read_flow_by_department(self._connection, region, window)

    def calendars_digest(self) -> str:
        """Return one digest of all calendars in force."""
        return calendars_digest(self._connection)

    def month_figures(self, plan: Plan, month: Window, scope: Scope | None = None) -> dict[str, Figure]:
        """Return all figures of a monthly report by name; scope: the region by default, a department or a hall."""
        return read_month_figures(self._connection, self._rules, plan, month, scope or Scope(plan.region))

    def item_changes(self, scope: Scope, before: date, after: date) -> list[ItemChange]:
        """Return the items of a scope whose effective version changed between two days."""
        return read_item_changes(self._connection, scope, before, after)

    def doubts(self, scope: Scope, since: date, on: date) -> list[Doubt]:
        """Return the items effective on a day that make promised_limit_compression look better than it is."""
        return doubts.read_doubts(self._connection, self._rules, scope, since, on)

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]:
        """Return the findings of every integrity check over the window, also of those that found nothing."""
        asking = self._connection, self._calendars.current(self._connection), self._rules
        return read_integrity(asking, scope, window, today)

    def case_doubts(self, scope: Scope, window: Window) -> list[CaseDoubt]:
        """Return the cases that make figures of the scope over a window look better than the service was."""
        return doubts.read_case_doubts(self._connection, scope, window)

    def sources(self, scope: Scope, window: Window, today: date) -> list[SourceCounts]:
        """Return the counts for each hall's scorecard: what it sent in a window."""
        return source_counts.read_sources(
            self._connection, self._calendars.current(self._connection), scope, window, today
        )

    def figure_reports(self, wanted: FigureFilter) -> list[FigureReport]:
        """Return every report of declared figures that is in force, and whether it counts."""
        return read_reports(self._connection, self._rules, wanted)

    def first_reports(self, region: int, window: Window) -> Arrivals:
        """Return when each department's figure of each month in the window first arrived."""
        return declared.read_first_reports(self._connection, self._rules, region, window)

    def case_history(self, region: int, hall: str, case_id: str, today: date) -> stored.CaseHistory | None:
        """Return a case's events and its clock, or None if no event names it."""
        return stored.read_history(self._connection, self.workdays(region), (region, hall, case_id), day_of(today))

    def is_of(self, region: int, hall: str, case_id: str, department: str) -> bool:
        """Return whether a case belongs to a department."""
        return stored.read_is_of(self._connection, (region, hall, case_id), department)

    def case_events(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[CaseEvent]]:
        """Return case id → its events, for those of a hall's cases that any event names."""
        return stored.read_case_events(self._connection, region, hall, case_ids)

    def trace(self, region: int, hall: str, event_id: str, today: date) -> Trace:
        """Return the trace of a hall's event: what is stored under its id, and what was refused."""
        return read_trace(self._connection, self.workdays(region), (region, hall), event_id, day_of(today))

    def refusals(self, wanted: RefusedFilter, limit: int, after_id: str = "") -> list[KeptRefusal]:
        """Return refused events, the oldest first; those after `after_id` if given. Raises KeyError if unknown."""
        return read_refusals(self._connection, wanted, limit, after_id)

    def foresight(self, events: Sequence[HallEvent]) -> Foresight:
        """Return the fate of events as if they were sent now, in this order."""
        return read_foresight(self._connection, self._calendars, events)

    def cases_elsewhere(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return case id → the other halls of the county that have a case with that id."""
        return stored.read_cases_elsewhere(self._connection, region, hall, case_ids)

    def sample_events(self, cases_each: int) -> list[HallEvent]:
        """Return the stored events of some cases of every hall."""
        return stored.read_sample(self._connection, cases_each)

    def stored_ids(self, region: int, hall: str, ids: Sequence[str]) -> set[str]:
        """Return which of the ids belong to stored events of a hall."""
        return stored.read_stored_ids(self._connection, region, hall, ids)

    def event_counts(self, region: int) -> dict[str, int]:
        """Return hall → number of its stored events, each counted once."""
        return stored.read_event_counts(self._connection, region)

    def catalogue(self, region: int) -> dict[str, Timeline]:
        """Return item code → all its versions in a county."""
        return timelines(self._connection, region)

    def versions(self, region: int, item_code: str) -> Timeline:
        """Return an item's versions; none if it is unknown."""
        return spans_in_force(self._connection, [(region, item_code)])[region, item_code]

    def workdays(self, region: int) -> Workdays:
        """Return the working days of a county under the calendars in force."""
        return self._calendars.current(self._connection).workdays(region)

    def has_calendars(self) -> bool:
        """Return whether any calendar is in force."""
        return bool(read_calendars(self._connection))

    def halls(self) -> list[Hall]:
        """Return the registered halls, in order of region and name."""
        return registry.read_halls(self._connection)

    def hall_facts(self) -> dict[tuple[int, str], HallFacts]:
        """Return (region, hall) → names and closing day of all halls that have any, also of removed halls."""
        return registry.read_hall_facts(self._connection)

    def last_event_times(self) -> dict[tuple[int, str], int]:
        """Return (region, hall) → time of the newest event, microseconds since 1970-01-01 UTC, of registered halls."""
        return registry.read_last_event_times(self._connection)

    def change_counts(self, since: date) -> dict[int, int]:
        """Return region → a number that grows with all that arrives from a day on; its value means nothing else."""
        return registry.read_change_counts(self._connection, since)

    def flagged_cases(self) -> dict[tuple[int, str], int]:
        """Return (region, hall) → number of cases with a flag; an index holds only these cases."""
        return source_counts.read_flagged_cases(self._connection)

    def regions(self) -> list[int]:
        """Return the counties that have data or registered halls, in order of their codes."""
        return source_counts.read_regions(self._connection)

    def ratings(self, scope: Scope, window: Window) -> Ratings:
        return rated_cases.read_ratings(self._connection, scope, window)

    def stated_days(self, scope: Scope, window: Window) -> list[StatedDay]:
        return source_counts.read_stated_days(self._connection, scope, window)

    def codes(self, scope: Scope) -> list[int]:
        return source_counts.read_codes(self._connection, scope)

    def successions(self) -> list[Succession]:
        return read_successions(self._connection)

    def departments(self, region: int) -> list[str]:
        """Return all departments that a county's catalogue has ever had, in order."""
        return source_counts.read_departments(self._connection, region)


class Readable(Protocol):
    """A source that is read one moment at a time: the store, or a stand-in for it.

    Both methods raise Unavailable if the database cannot be reached.
    """

    def ping(self) -> None: ...

    def read(self) -> AbstractContextManager[Moment]: ...


class ReadableBack(Readable, Protocol):
    """A source whose moments can be turned back."""

    def read_back(self) -> AbstractContextManager[Moment]: ...


class Store:
    """Stored events and all that follows from them.

    Every method is one transaction, and raises Unavailable if the database cannot be reached (try again) or Halt if
    going on would do damage. All methods may be called from several threads at once.

    actor: who the audit says made a change; plans: they decide which declared figures count (without plans, none does).
    """

    def __init__(self, engine: Engine, actor: str, plans: Sequence[Plan] = ()) -> None:
        self._engine = engine
        self._rules = declared.Rules.keeping(plans)
        self._reading = at_one_moment(engine)
        self._reading_back = engine.execution_options(isolation_level="REPEATABLE READ")
        self._actor = actor
        self._cache, self._calendars, self._placement = ContextCache(), CalendarCache(), Placement(engine)
        self.audit = Audit(engine, actor)
        self.halls, self.tokens = HallRegistry(engine, actor), TokenRegistry(engine, actor)
        self.accounts, self.reviews = AccountRegistry(engine, actor), ReviewRegistry(engine, actor)
        self.notices, self.matters = NoticeLedger(engine), MatterRegistry(engine)
        self.refused, self.uploads, self.drafts = RefusedTable(engine, actor), Uploads(engine), Drafts(engine, actor)
        self.reports, self.sums = ReportArchive(engine, actor), SentSums(engine)
        self.leases, self.turns, self.codes = Leases(engine), TurnRegistry(engine), CodeChanges(engine, actor)

    def judge_by(self, plans: Sequence[Plan]) -> None:
        """Let declared figures count by these plans from now on."""
        self._rules = declared.Rules.keeping(plans)

    def ping(self) -> None:
        """Raise Unavailable if the database does not answer."""
        with transaction(self._reading) as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._placement.close()
        self._engine.dispose()

    def merge(
        self,
        events: Sequence[HallEvent],
        arrived: datetime,
        expected: Expected = Expected.ANYTHING,
        *,
        imported: Collection[EventName] = (),
        successions: Sequence[Succession] | None = None,
    ) -> MergeOutcome:
        """Store a batch, all or nothing, on Citus on each worker; merging it again changes nothing.

        imported: events that are never late; successions: those by which the events were checked, if they were. Raises
        Outdated if others are in force.
        """
        microseconds = int((arrived - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
        given = (self._placement.parts(events), self._placement.threads, self._cache, microseconds, expected)
        return merge_parts(*given, imported=imported, successions=successions)

    def apply_calendars(self, calendars: Sequence[Calendar], progress: Progress | None = None) -> int:
        """Put calendars in force and fold again every case that they touch; return the number of these cases."""
        return apply_calendars(self._engine, calendars, self._actor, progress)

    def recompute(self, *, check: bool, progress: Progress | None = None, archive: str = "") -> list[Difference]:
        """Rebuild what follows from stored events, or only `check` it; return differences. archive: folder to read."""
        return recompute(self._engine, self._actor, check=check, progress=progress, archive=archive)

    @contextmanager
    def read(self) -> Iterator[Moment]:
        """Open a moment, which answers every query: one transaction that only reads.

        It lasts until the block ends: read inside the block, and work on the results after it.
        """
        with transaction(self._reading) as connection:
            yield Moment(connection, self._calendars, self._rules)

    @contextmanager
    def read_back(self) -> Iterator[Moment]:
        """Open a moment that can be turned back (`turn_back`). It costs more than one of `read`."""
        with faults(), self._reading_back.connect() as connection:
            raw = driver(connection)
            prepared_from, raw.prepare_threshold = raw.prepare_threshold, None
            try:
                yield Moment(connection, self._calendars, declared.Rules(self._rules.plans))
            finally:
                connection.rollback()
                raw.prepare_threshold = prepared_from


def open_store(database_url: str, pool_size: int = 4, service: str = "", plans: Sequence[Plan] = ()) -> Store:
    """Return a store on a database with this version's tables, without connecting yet.

    service: named in the audit beside this process's user; plans: without them no declared figure counts.
    """
    return Store(open_engine(database_url, pool_size, service), process_actor(service), plans)
