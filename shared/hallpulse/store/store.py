"""The store, the one door to the database: what changes it, and all that is asked of it at one moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from typing import Protocol

from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.compression import Doubt, ItemChange
from hallpulse.domain.figures import Coverage, ElapsedHistogram, Figure, FigureTable, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.integrity import Findings
from hallpulse.domain.marks import CaseDoubt
from hallpulse.domain.measures import STATES
from hallpulse.domain.plan import Plan
from hallpulse.domain.reconciliation import StatedDay
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.sources import SourceCounts
from hallpulse.domain.workdays import Calendar, Workdays, day_of
from hallpulse.store import registry
from hallpulse.store.accounts import AccountRegistry
from hallpulse.store.audit import Audit, process_actor
from hallpulse.store.database import at_one_moment, driver, faults, open_engine, read_version, transaction
from hallpulse.store.drafts import Drafts
from hallpulse.store.item_versions import (
    CalendarCache,
    ContextCache,
    read_calendars,
    read_item_changes,
    spans_in_force,
    timelines,
)
from hallpulse.store.kept_uploads import Uploads
from hallpulse.store.matters import MatterRegistry
from hallpulse.store.merge import EventName, Expected, MergeOutcome, merge
from hallpulse.store.notices import NoticeLedger
from hallpulse.store.reading.afterwards import read_doubts
from hallpulse.store.reading.balance import read_flow, read_flow_by_department
from hallpulse.store.reading.checks import read_integrity
from hallpulse.store.reading.declared import (
    FigureFilter,
    FigureReport,
    Rules,
    read_first_reports,
    read_reports,
    rules_of,
)
from hallpulse.store.reading.department_tables import read_figure_table, read_histograms
from hallpulse.store.reading.foresight import Foresight, read_foresight
from hallpulse.store.reading.imagined import imagine
from hallpulse.store.reading.listing import CaseFilter, CasePage, read_cases
from hallpulse.store.reading.months import read_month_figures
from hallpulse.store.reading.overview import (
    Overview,
    read_coverage,
    read_figures,
    read_open_cases,
    read_overview,
    read_percentiles,
)
from hallpulse.store.reading.past import Past, turn_back
from hallpulse.store.reading.questioned import read_case_doubts
from hallpulse.store.reading.reconciling import read_codes, read_stated_days
from hallpulse.store.reading.source_counts import read_sources
from hallpulse.store.reading.stored import (
    CaseHistory,
    read_case_events,
    read_cases_elsewhere,
    read_event_counts,
    read_history,
    read_is_of,
    read_sample,
    read_stored_ids,
)
from hallpulse.store.reading.trace import Trace, read_refusals, read_trace
from hallpulse.store.recompute import Difference, recompute
from hallpulse.store.redating import Progress, apply_calendars
from hallpulse.store.refused import RefusedTable
from hallpulse.store.refused_rows import KeptRefusal, RefusedFilter
from hallpulse.store.registry import Hall, HallFacts, HallRegistry
from hallpulse.store.reports import ReportArchive, calendars_digest
from hallpulse.store.reviews import ReviewRegistry
from hallpulse.store.sums import SentSums
from hallpulse.store.tokens import TokenRegistry


class Moment:
    """The database at one moment: no query sees an event that is stored meanwhile.

    Every method raises Unavailable when the database cannot be reached. A scope of a prefecture or a province sums over
    the counties below it.
    """

    def __init__(self, connection: Connection, calendars: CalendarCache, rules: Rules) -> None:
        self._connection = connection
        self._calendars = calendars
        self._rules = rules

    def version(self) -> str | None:
        """Return a name for all that this moment sees; None where a change may not show in it (`read_version`)."""
        return read_version(self._connection)

    def turn_back(self, past: Past, scope: Scope) -> None:
        """Answer what is asked of the scope's region from now on by the events of that past.

        For a moment of `read_back`, once.
        """
        turn_back(self._connection, self._calendars.current(self._connection), scope, past)

    def imagine(self, region: int, events: Sequence[HallEvent], now: int) -> None:
        """Answer from now on as if these events of items had arrived now; for a moment of `read_back`, once."""
        imagine(self._connection, self._calendars.current(self._connection), region, events, now)

    def overview(self, scope: Scope, window: Window, today: date) -> Overview:
        """Figures, percentiles, coverage and open cases of a scope, in one pass over the cells."""
        return read_overview(self._connection, self.workdays(scope.region), self._rules, (scope, window, today))

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

    def flow(self, scope: Scope, window: Window, item: str | None = None) -> Flow:
        """The balance of a window's days, of one item where it is named."""
        return read_flow(self._connection, scope, window, item)

    def flow_by_department(self, region: int, window: Window) -> dict[str, Flow]:
        """Department → the balance of a window's days; one without cases may be missing."""
        return read_flow_by_department(self._connection, region, window)

    def calendars_digest(self) -> str:
        """One digest of all calendars in force."""
        return calendars_digest(self._connection)

    def month_figures(self, plan: Plan, month: Window, scope: Scope | None = None) -> dict[str, Figure]:
        """All figures that the report of a month is made of, by name; of one department or hall where it is meant."""
        return read_month_figures(self._connection, self._rules, plan, month, scope or Scope(plan.region))

    def item_changes(self, scope: Scope, before: date, after: date) -> list[ItemChange]:
        """The items of a scope whose effective version changed between two days."""
        return read_item_changes(self._connection, scope, before, after)

    def doubts(self, scope: Scope, since: date, on: date) -> list[Doubt]:
        """The items effective on a day that make promised_limit_compression look better than the service became."""
        return read_doubts(self._connection, scope, since, on)

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]:
        """Every integrity check over the window, also those that found nothing."""
        asking = self._connection, self._calendars.current(self._connection), self._rules
        return read_integrity(asking, scope, window, today)

    def case_doubts(self, scope: Scope, window: Window) -> list[CaseDoubt]:
        """Cases that make figures of the scope over a window look better than the service was."""
        return read_case_doubts(self._connection, scope, window)

    def sources(self, scope: Scope, window: Window, today: date) -> list[SourceCounts]:
        """Counts of what each hall sent in a window, for its scorecard."""
        return read_sources(self._connection, self._calendars.current(self._connection), scope, window, today)

    def figure_reports(self, wanted: FigureFilter) -> list[FigureReport]:
        """Every report of declared figures that is in force, and whether it counts."""
        return read_reports(self._connection, self._rules, wanted)

    def first_reports(self, region: int, window: Window) -> Arrivals:
        """When each department's figure of each month in the window first arrived."""
        return read_first_reports(self._connection, self._rules, region, window)

    def case_history(self, region: int, hall: str, case_id: str, today: date) -> CaseHistory | None:
        """A case's events and its clock, or None where no event names it."""
        return read_history(self._connection, self.workdays(region), (region, hall, case_id), day_of(today))

    def is_of(self, region: int, hall: str, case_id: str, department: str) -> bool:
        """Return whether a case is a department's."""
        return read_is_of(self._connection, (region, hall, case_id), department)

    def case_events(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[CaseEvent]]:
        """Case → its events, for those of a hall's cases that any event has named."""
        return read_case_events(self._connection, region, hall, case_ids)

    def trace(self, region: int, hall: str, event_id: str, today: date) -> Trace:
        """Trace an event of a hall: what is stored under its id, and what was refused."""
        return read_trace(self._connection, self.workdays(region), (region, hall), event_id, day_of(today))

    def refusals(self, wanted: RefusedFilter, limit: int, after_id: str = "") -> list[KeptRefusal]:
        """Refused events, the oldest first; those behind one of them where its id is given. Raises KeyError."""
        return read_refusals(self._connection, wanted, limit, after_id)

    def foresight(self, events: Sequence[HallEvent]) -> Foresight:
        """Events judged as if they were sent now, in this order."""
        return read_foresight(self._connection, self._calendars, events)

    def cases_elsewhere(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[str]]:
        """Case → the other halls of the county that have a case of that id."""
        return read_cases_elsewhere(self._connection, region, hall, case_ids)

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

    def versions(self, region: int, item_code: str) -> Timeline:
        """An item's versions; none of an unknown one."""
        return spans_in_force(self._connection, [(region, item_code)])[region, item_code]

    def workdays(self, region: int) -> Workdays:
        """The calendar in force in a county."""
        return self._calendars.current(self._connection).workdays(region)

    def has_calendars(self) -> bool:
        """Return whether any calendar is in force."""
        return bool(read_calendars(self._connection))

    def halls(self) -> list[Hall]:
        """Registered halls by region and name."""
        return registry.read_halls(self._connection)

    def hall_facts(self) -> dict[tuple[int, str], HallFacts]:
        """(region, hall) → names and closing of the halls of which any are known, also of those without keys."""
        return registry.read_hall_facts(self._connection)

    def last_event_times(self) -> dict[tuple[int, str], int]:
        """(region, hall) → the newest event's time, microseconds since 1970-01-01 UTC, of registered halls."""
        return registry.read_last_event_times(self._connection)

    def change_counts(self, since: date) -> dict[int, int]:
        """Region → a number that grows with all that comes in from a day on, and says nothing else."""
        return registry.read_change_counts(self._connection, since)

    def flagged_cases(self) -> dict[tuple[int, str], int]:
        """(region, hall) → cases with a flag; an index holds those alone."""
        query = text("SELECT region, hall, count(*) FROM cases WHERE flags <> 0 GROUP BY region, hall")
        return {(region, hall): count for region, hall, count in self._connection.execute(query)}

    def regions(self) -> list[int]:
        """Counties that have data or registered halls, in order of their codes."""
        rows = self._connection.execute(text("SELECT region FROM regions UNION SELECT region FROM halls ORDER BY 1"))
        return [region for (region,) in rows]

    def stated_days(self, scope: Scope, window: Window) -> list[StatedDay]:
        return read_stated_days(self._connection, scope, window)

    def codes(self, scope: Scope) -> list[int]:
        return read_codes(self._connection, scope)

    def departments(self, region: int) -> list[str]:
        """Departments of a county's catalogue as it ever was, in order."""
        query = text("SELECT DISTINCT department FROM item_cells WHERE region = :region ORDER BY 1")
        return [department for (department,) in self._connection.execute(query, {"region": region})]


class Readable(Protocol):
    """A source that is read one moment at a time: the store, or a stand-in for it.

    Both raise Unavailable when the database cannot be reached.
    """

    def ping(self) -> None: ...

    def read(self) -> AbstractContextManager[Moment]: ...


class ReadableBack(Readable, Protocol):
    """A source whose moments can be turned back."""

    def read_back(self) -> AbstractContextManager[Moment]: ...


class Store:
    """Stored events and all that follows from them.

    Every method is one transaction, and raises Unavailable when the database cannot be reached (try again) or Halt when
    going on would do damage. All of it may be called from several threads at once.

    actor: who the audit says changed halls, tokens, calendars and derived figures by this store; plans: those that say
    which declared figures count (without plans none does).
    """

    def __init__(self, engine: Engine, actor: str, plans: Sequence[Plan] = ()) -> None:
        self._engine = engine
        self._rules = rules_of(plans)
        self._reading = at_one_moment(engine)
        self._reading_back = engine.execution_options(isolation_level="REPEATABLE READ")
        self._actor = actor
        self._cache, self._calendars = ContextCache(), CalendarCache()
        self.audit = Audit(engine, actor)
        self.halls, self.tokens = HallRegistry(engine, actor), TokenRegistry(engine, actor)
        self.accounts, self.reviews = AccountRegistry(engine, actor), ReviewRegistry(engine, actor)
        self.notices, self.matters = NoticeLedger(engine), MatterRegistry(engine)
        self.refused = RefusedTable(engine, actor)
        self.uploads, self.drafts = Uploads(engine), Drafts(engine, actor)
        self.reports, self.sums = ReportArchive(engine, actor), SentSums(engine)

    def judge_by(self, plans: Sequence[Plan]) -> None:
        """Let declared figures count by these plans from now on."""
        self._rules = rules_of(plans)

    def ping(self) -> None:
        """Raise Unavailable where the database does not answer."""
        with transaction(self._reading) as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()

    def merge(
        self,
        events: Sequence[HallEvent],
        arrived: datetime,
        expected: Expected = Expected.ANYTHING,
        *,
        imported: Collection[EventName] = (),
    ) -> MergeOutcome:
        """Store a batch, all or nothing; storing it again changes nothing. imported: from records, never late."""
        microseconds = int((arrived - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
        return merge(self._engine, self._cache, events, microseconds, expected, imported=imported)

    def apply_calendars(self, calendars: Sequence[Calendar], progress: Progress | None = None) -> int:
        """Put calendars in force and date again every case that they touch; how many cases that were."""
        return apply_calendars(self._engine, calendars, self._actor, progress)

    def recompute(self, *, check: bool, progress: Progress | None = None) -> list[Difference]:
        """Rebuild all that is derived from the stored events; the differences found."""
        return recompute(self._engine, self._actor, check=check, progress=progress)

    @contextmanager
    def read(self) -> Iterator[Moment]:
        """Everything that can be asked, at one moment: one transaction that only reads.

        It lasts until the block ends, so what is read is worked on afterwards.
        """
        with transaction(self._reading) as connection:
            yield Moment(connection, self._calendars, self._rules)

    @contextmanager
    def read_back(self) -> Iterator[Moment]:
        """A moment that can be turned back (`turn_back`); it costs more than one of `read`, and prepares nothing."""
        with faults(), self._reading_back.connect() as connection:
            raw = driver(connection)
            prepared_from, raw.prepare_threshold = raw.prepare_threshold, None
            try:
                yield Moment(connection, self._calendars, self._rules)
            finally:
                connection.rollback()
                raw.prepare_threshold = prepared_from


def open_store(database_url: str, pool_size: int = 4, service: str = "", plans: Sequence[Plan] = ()) -> Store:
    """A store on a database that has this version's tables; nothing is connected yet.

    service: named in the audit beside the user that this process runs as; plans: for those who read figures, since
    a declared figure counts where a plan names it.
    """
    return Store(open_engine(database_url, pool_size), process_actor(service), plans)
