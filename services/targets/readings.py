"""The figures for /metrics, read at one moment. Figures that change slowly are read again only after a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from hallpulse.domain.compression import COMPRESSION, CauseShare, Lowering, lowerings
from hallpulse.domain.figures import Coverage, ElapsedHistogram, FigureTable, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.indicators import AnyDoubt, CaseDoubt
from hallpulse.domain.plan import Plan, Target, plan_for
from hallpulse.domain.sources import Scorecard, scorecard
from hallpulse.domain.targets import TargetResult, evaluate, read_origin, read_tables
from hallpulse.domain.workdays import date_of, day_of, local_day
from hallpulse.store import HallFacts, Moment, Readable
from services.targets.announcements import Announcements, Key, TargetChange, evaluation_answer

T = TypeVar("T")

DAYS_AGO = (1, 7)
DROP_DAYS = 7
MOST_NAMED = 10
SOURCE_DAYS = 30
LASTING_SECONDS = 10.0
INTEGRITY_LASTING_SECONDS = 120.0
FLOW_LASTING_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Background:
    """Figures and facts that change slowly.

    before: days ago → the period's figures up to that day; days before the period are left out.

    provisional: whether a year of the period so far lacks an official holiday list; working: whether today is a working
    day; causes: what changed the compression since the day before the plan's period; case_doubts: doubts about cases in
    the period so far.
    """

    before: Mapping[int, FigureTable]
    provisional: bool
    working: bool
    causes: Sequence[CauseShare] = ()
    case_doubts: Sequence[CaseDoubt] = ()


def read_background(moment: Moment, region: int, plan: Plan | None, today: date) -> Background:
    workdays = moment.workdays(region)
    before = {}
    for days in DAYS_AGO:
        window = window_of(plan, today - timedelta(days=days))
        if window is not None:
            before[days] = moment.figure_table(region, window)
    period = window_of(plan, today) or Window(today, today)
    provisional = bool(workdays.provisional_in(period.start, period.end))
    causes, cases = read_causes(moment, plan, today), moment.case_doubts(Scope(region), period)
    return Background(before, provisional, workdays.is_working(day_of(today)), causes, cases)


def read_causes(moment: Moment, plan: Plan | None, today: date) -> Sequence[CauseShare]:
    """Return the causes of the change of compression in the plan's period so far; () if no target is about it."""
    if plan is None or all(target.indicator != COMPRESSION for target in plan.targets):
        return ()
    origin, window = read_origin(plan, today, moment), plan.window(today)
    if origin is None or window is None:
        return ()
    return origin.causes(moment.figure_table(plan.region, window).figure(COMPRESSION))


def window_of(plan: Plan | None, on: date) -> Window | None:
    """Return the plan's period up to a day, None before it; without a plan, the calendar year up to the day."""
    return Window(on.replace(month=1, day=1), on) if plan is None else plan.window(on)


def read_lowerings(moment: Moment, table: FigureTable, background: Background) -> list[Lowering]:
    """Return the items that lowered the compression most in the last week; [] if it did not fall."""
    earlier = background.before.get(DROP_DAYS)
    if earlier is None:
        return []
    was, now = earlier.figure(COMPRESSION), table.figure(COMPRESSION)
    if was.value is None or now.value is None or now.value >= was.value:
        return []
    changes = moment.item_changes(Scope(table.region), earlier.window.end, table.window.end)
    return lowerings(was, now, changes, MOST_NAMED)


@dataclass(frozen=True, slots=True)
class Marker:
    """All that a reading depends on: the day, and the version of the stored data (None if it is not known)."""

    version: str | None
    today: date


@dataclass(frozen=True, slots=True)
class KeptPart(Generic[T]):
    """A part of a reading that is kept. at: when it was read, in seconds; marker: the marker of that reading."""

    at: float
    marker: Marker
    content: T


class Memory:
    """Keeps the expensive parts of a reading for a while. clock: seconds.

    A part that was read at the present marker is exact. While figures change, a slightly older part is good enough.
    Once nothing changes any more, older parts are read once more, and then nothing until something changes.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._marker: Marker | None = None
        self._quiet = False
        self._backgrounds: dict[tuple[int, Plan | None], KeptPart[Background]] = {}
        self._integrity: dict[int, KeptPart[Mapping[str, int]]] = {}
        self._integrity_read = float("-inf")
        self._flows: dict[int, KeptPart[Flow]] = {}
        self._flow_read = float("-inf")
        self._sources: dict[int, KeptPart[Sequence[Scorecard]]] = {}
        self._sources_read = float("-inf")
        self._flagged: KeptPart[Mapping[tuple[int, str], int]] | None = None
        self.settled = False
        """Whether no part of this reading is older than the reading."""

    def begin(self, marker: Marker) -> None:
        """Begin a reading."""
        self._quiet = marker == self._marker and marker.version is not None
        self._marker = marker
        self.settled = marker.version is not None

    def _holds(self, kept: KeptPart[Any] | None, seconds: float) -> bool:
        if kept is None or self._marker is None or kept.marker.today != self._marker.today:
            return False
        if kept.marker == self._marker and self._marker.version is not None:
            return True
        return not self._quiet and 0 <= self._clock() - kept.at < seconds

    def _used(self, kept: KeptPart[T]) -> T:
        self.settled = self.settled and kept.marker == self._marker
        return kept.content

    def _new(self, content: T) -> KeptPart[T]:
        assert self._marker is not None
        return KeptPart(self._clock(), self._marker, content)

    def flagged(self, moment: Moment) -> Mapping[tuple[int, str], int]:
        """Return (region, hall) → number of cases with a flag."""
        kept = self._flagged
        if kept is None or not self._holds(kept, LASTING_SECONDS):
            kept = self._flagged = self._new(moment.flagged_cases())
        return self._used(kept)

    def integrity(self, moment: Moment, region: int, window: Window) -> Mapping[str, int]:
        """Return check → number of findings. Checks read many cases, so at most one region a second is read again."""
        now, kept = self._clock(), self._integrity.get(region)
        if not self._holds(kept, INTEGRITY_LASTING_SECONDS) and now - self._integrity_read >= 1:
            self._integrity_read = now
            found = moment.integrity(Scope(region), window, window.end)
            kept = self._integrity[region] = self._new({one.check.id: one.count for one in found})
        if kept is None:
            self.settled = False
            return {}
        return self._used(kept)

    def sources(self, moment: Moment, region: int, today: date) -> Sequence[Scorecard]:
        """Return the registered halls' scorecards for the last 30 days; at most one region a second is read again."""
        now, kept = self._clock(), self._sources.get(region)
        if not self._holds(kept, INTEGRITY_LASTING_SECONDS) and now - self._sources_read >= 1:
            self._sources_read = now
            known = {(hall.region, hall.hall) for hall in moment.halls()}
            window = Window(today - timedelta(days=SOURCE_DAYS - 1), today)
            counted = moment.sources(Scope(region), window, today)
            kept = self._sources[region] = self._new(
                [scorecard(one) for one in counted if (one.region, one.hall) in known]
            )
        if kept is None:
            self.settled = False
            return ()
        return self._used(kept)

    def flow(self, moment: Moment, region: int, month: Window) -> Flow:
        """Return the flow of the running month; at most one region a second is read again."""
        now, kept = self._clock(), self._flows.get(region)
        if kept is not None and kept.marker.today != month.end:
            kept = None
        if kept is None or (not self._holds(kept, FLOW_LASTING_SECONDS) and now - self._flow_read >= 1):
            self._flow_read = now
            kept = self._flows[region] = self._new(moment.flow(Scope(region), month))
        return self._used(kept)

    def background(self, moment: Moment, region: int, plan: Plan | None, today: date) -> Background:
        kept = self._backgrounds.get((region, plan))
        if kept is None or not self._holds(kept, LASTING_SECONDS):
            kept = self._backgrounds[region, plan] = self._new(read_background(moment, region, plan, today))
        return self._used(kept)


@dataclass(frozen=True, slots=True)
class RegionView:
    """A region's figures, for its plan's period so far; without a plan, for the calendar year so far.

    departments: the departments of plan and catalogue, the only ones that may be a label's value.
    """

    region: int
    plan: Plan | None
    table: FigureTable
    results: tuple[TargetResult, ...]
    open_cases: Mapping[str, Mapping[str, int]]
    elapsed: Mapping[str, ElapsedHistogram]
    departments: frozenset[str]
    coverage: Coverage
    background: Background
    lowerings: tuple[Lowering, ...]
    findings: Mapping[str, int]
    sources: Sequence[Scorecard]
    flow: Flow
    doubts: Sequence[AnyDoubt]

    def plan_binds(self, target: Target) -> bool:
        """Return whether the target binds each department."""
        return self.plan is not None and bool(self.plan.binds(target))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that was read at one moment.

    taken: when the reading began, in seconds since 1970-01-01 UTC; seconds: how long it took; last_events: (region,
    hall) → time of its newest event; halls: the registered halls that are open today; flagged: cases with a flag.
    """

    taken: float
    seconds: float
    regions: tuple[RegionView, ...]
    last_events: Mapping[tuple[int, str], int]
    halls: Mapping[tuple[int, str], HallFacts]
    flagged: Mapping[tuple[int, str], int]


def read_regions(moment: Moment, plans: Sequence[Plan], today: date, memory: Memory) -> tuple[RegionView, ...]:
    """Return every region that has data, halls or a plan in force, in the order of their codes."""
    planned = {p.region: p for p in plans if plan_for(plans, p.region, today) is p}
    regions = sorted({*moment.regions(), *planned})
    return tuple(_view(moment, region, planned.get(region), today, memory) for region in regions)


def _view(moment: Moment, region: int, plan: Plan | None, today: date, memory: Memory) -> RegionView:
    window = window_of(plan, today) or Window(today.replace(month=1, day=1), today)
    background = memory.background(moment, region, plan, today)
    if plan is None:
        doubts: list[AnyDoubt] = [*moment.doubts(Scope(region), window.start - timedelta(days=1), today)]
        tables, results = {window.end: moment.figure_table(region, window)}, []
    else:
        questioned = moment.doubts(Scope(region), plan.eve, today)
        doubts, tables = [*questioned, *background.case_doubts], read_tables(plan, today, moment)
        # read together with the doubts, so that the alert about a mark names the causes at once
        origin = read_origin(plan, today, moment) if questioned else None
        results = evaluate(plan, today, tables, doubts, origin)
    return RegionView(
        region=region,
        plan=plan,
        table=tables[window.end],
        background=background,
        lowerings=tuple(read_lowerings(moment, tables[window.end], background)),
        findings=memory.integrity(moment, region, window),
        sources=memory.sources(moment, region, today),
        flow=memory.flow(moment, region, Window(today.replace(day=1), today)),
        results=tuple(results),
        doubts=doubts,
        open_cases=moment.open_cases_by_department(region, today),
        elapsed=moment.elapsed_histograms(region, window),
        coverage=moment.coverage(Scope(region), window),
        departments=frozenset(_departments(plan)) | frozenset(moment.departments(region)),
    )


def _departments(plan: Plan | None) -> Iterable[str]:
    return (department.id for department in plan.departments) if plan else ()


class Attempts:
    """The times of readings, in seconds since 1970-01-01 UTC.

    last: when the last reading began, even if it failed; taken: when the last finished reading began, None before the
    first; seconds: how long that one took.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.last = clock()
        self.taken: float | None = None
        self.seconds = 0.0

    def begin(self) -> float:
        self.last = self._clock()
        return self.last

    def finished(self, taken: float, seconds: float) -> None:
        """Note a finished reading: when it began, and how many seconds it took."""
        self.taken, self.seconds = taken, seconds

    def silent_for(self) -> float:
        """Return the seconds since the last reading began. A long time means that the timer or a reading hangs."""
        return self._clock() - self.last


class TargetReadings:
    """Reads the figures, judges the targets, and keeps the last snapshot.

    If a reading fails, the last snapshot stays, with its age. While nothing new is stored and the day is the same, a
    refresh queries only the version of the stored data. clock: seconds since 1970-01-01 UTC; changed: whether the last
    refresh read more than the version.
    """

    def __init__(self, store: Readable, plans: Sequence[Plan], clock: Callable[[], float]) -> None:
        self._store = store
        self._plans = tuple(plans)
        self._clock = clock
        self._memory = Memory(clock)
        self.announcements = Announcements()
        self.snapshot: Snapshot | None = None
        self.changed = True
        self._settled: Marker | None = None
        self.attempts = Attempts(clock)

    def refresh(self) -> Snapshot:
        """Return a new snapshot; if nothing changed, the last one with a new time. Raises Unavailable or Halt."""
        began = self.attempts.begin()
        today = self._day(began)
        with self._store.read() as moment:
            marker = Marker(moment.version(), today)
            self.changed = self.snapshot is None or marker.version is None or marker != self._settled
            found = self._read(moment, marker) if self.changed else self.snapshot
        assert found is not None
        took = self._clock() - began
        self.attempts.finished(began, took)
        self.snapshot = replace(found, taken=began, seconds=took)
        return self.snapshot

    def _read(self, moment: Moment, marker: Marker) -> Snapshot:
        self._settled = None
        self._memory.begin(marker)
        regions = read_regions(moment, self._plans, marker.today, self._memory)
        flagged = self._memory.flagged(moment)
        halls = {
            (hall.region, hall.hall): hall.facts
            for hall in moment.halls()
            if hall.facts.closed is None or hall.facts.closed > marker.today
        }
        last_events = {hall: newest for hall, newest in moment.last_event_times().items() if hall in halls}
        if self._memory.settled:
            self._settled = marker
        return Snapshot(0, 0, regions, last_events, halls, flagged)

    def evaluate(self, region: int, on: date | None = None) -> dict[str, Any]:
        """Return the results of the plan in force in a region on a day (by default today, Asia/Shanghai)."""
        day = on or self._day(self._clock())
        plan = plan_for(self._plans, region, day)
        if plan is None:
            return evaluation_answer(region, day, None, [])
        with self._store.read() as moment:
            tables = read_tables(plan, day, moment)
            doubts = moment.doubts(Scope(region), plan.eve, day)
        results = evaluate(plan, day, tables, doubts)
        return evaluation_answer(region, day, plan, results)

    def due(self) -> list[TargetChange]:
        """Return the breaches and recoveries that must still be announced."""
        if self.snapshot is None:
            return []
        results = {
            Key(view.region, view.plan.id, result.target.id, result.department): result
            for view in self.snapshot.regions
            if view.plan is not None
            for result in view.results
        }
        return self.announcements.due(self.snapshot.taken, results)

    @staticmethod
    def _day(seconds: float) -> date:
        return date_of(local_day(int(seconds * 1_000_000)))
