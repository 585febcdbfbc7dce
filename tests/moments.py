"""What stands in for the store's reading half in tests, and a short way to ask a real store one thing.

`StatedStore` holds what a test states. It is held to the same laws as a real store in tests/integration/test_moment.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any, cast

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.compression import ItemChange
from hallpulse.domain.figures import Coverage, ElapsedHistogram, Figure, FigureTable, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.gap_split import PartFigure
from hallpulse.domain.indicators import COMPUTED, CaseDoubt, Doubt
from hallpulse.domain.integrity import CHECKS, Findings
from hallpulse.domain.measures import BUCKETS, STATES
from hallpulse.domain.plan import Plan
from hallpulse.domain.ratings import Ratings
from hallpulse.domain.reconciliation import StatedDay
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.sources import SourceCounts
from hallpulse.domain.succession import Succession
from hallpulse.domain.workdays import Workdays
from hallpulse.store import (
    BadCursor,
    CaseFilter,
    CaseHistory,
    CasePage,
    Fate,
    FigureFilter,
    FigureReport,
    Foresight,
    Grant,
    Hall,
    HallFacts,
    KeptRefusal,
    Moment,
    OverTime,
    Overview,
    Past,
    RefusedFilter,
    Store,
    Trace,
)

NEWEST = 1_790_000_000_000_000
_NO_CASES = dict.fromkeys(STATES, 0)
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(repr=False)
class StatedStore:
    """Stated figures, the same whatever the window, of each of the counties.

    own: the region's figures; by_department: theirs; earlier: the region's up to another day; open: department → state
    → cases; halls: the registered ones, with their newest event; arrived: region → how much came in; tokens: by hash.
    fault: raised instead of any answer; version: of what is stated, None where a change does not show in it;
    asked: every question, its name first.
    """

    own: dict[str, Figure] = field(default_factory=dict)
    by_department: dict[str, dict[str, Figure]] = field(default_factory=dict)
    earlier: dict[date, dict[str, Figure]] = field(default_factory=dict)
    counties: Sequence[int] = (222424,)
    catalogue: Sequence[str] = ()
    open: dict[str, dict[str, int]] = field(default_factory=dict)
    elapsed: dict[str, ElapsedHistogram] = field(default_factory=dict)
    percentiles: dict[str, int | None] = field(default_factory=lambda: {"p50": 2, "p90": 7, "p95": None})
    coverage: Coverage = field(default_factory=lambda: Coverage(2, 1, NEWEST))
    halls: dict[tuple[int, str], int] = field(default_factory=dict)
    arrived: dict[int, int] = field(default_factory=dict)
    changes: Sequence[ItemChange] = ()
    doubts: Sequence[Doubt] = ()
    flows: dict[str, Flow] = field(default_factory=dict)
    sources: Sequence[SourceCounts] = ()
    case_doubts: Sequence[CaseDoubt] = ()
    findings: Sequence[Findings] = tuple(Findings(check, 2, ()) for check in CHECKS)
    calendar: Workdays = field(default_factory=lambda: Workdays({}))
    reports: Sequence[FigureReport] = ()
    arrivals: Arrivals = field(default_factory=dict)
    page: CasePage | None = None
    history: CaseHistory | None = None
    traces: dict[tuple[int, str, str], Trace] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    successions: Sequence[Succession] = ()
    version: str | None = None
    fault: Exception | None = None
    asked: list[Any] = field(default_factory=list)

    def ping(self) -> None:
        self.note("ping")

    def find(self, token_hash: str) -> Grant | None:
        self.note("find", token_hash)
        return self.tokens.get(token_hash)

    @contextmanager
    def read(self) -> Iterator[Moment]:
        if self.fault is not None:
            raise self.fault
        yield StatedMoment(self)

    read_back = read

    def note(self, *what: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.asked.append(what)


class StatedMoment(Moment):
    """Answers every question of a moment with what a test has stated."""

    def __init__(self, stated: StatedStore) -> None:
        self._stated = stated

    def version(self) -> str | None:
        self._stated.note("version")
        return self._stated.version

    def turn_back(self, past: Past, scope: Scope) -> None:
        self._stated.note("turn_back", past, scope)

    def imagine(self, region: int, events: Sequence[HallEvent], now: int) -> None:
        self._stated.note("imagine", region, events, now)

    def overview(self, scope: Scope, window: Window, today: date) -> Overview:
        self._stated.note("overview", scope, window, today)
        return Overview(
            figures=self.figures(scope, window),
            percentiles=self.percentiles(scope, window),
            open_cases=self.open_cases(scope, today),
            coverage=self.coverage(scope, window),
            provisional=bool(self.workdays(scope.region).provisional_in(window.start, window.end)),
        )

    def figures(self, scope: Scope, window: Window) -> dict[str, Figure]:
        self._stated.note("figures", scope, window)
        blank = {name: one.figure({}) for name, one in COMPUTED.items()}
        if not self._knows(scope.region):
            found = {}
        elif scope.department is not None:
            found = self._stated.by_department.get(scope.department, {})
        else:
            found = self._stated.earlier.get(window.end, self._stated.own)
        if scope.hall is None:
            return {**blank, **found}
        of_cases = {name for name, one in COMPUTED.items() if one.kind == "case"}
        return {name: figure for name, figure in {**blank, **found}.items() if name in of_cases}

    def figures_over_time(self, scope: Scope, windows: Sequence[Window]) -> list[dict[str, Figure]]:
        return [self.figures(scope, one) for one in windows]

    def figure_table(self, region: int, window: Window) -> FigureTable:
        self._stated.note("figure_table", region, window)
        departments = self._stated.by_department if self._knows(region) else {}
        of_department = {name: self.figures(Scope(region, name), window) for name in departments}
        return FigureTable(region, window, self.figures(Scope(region), window), of_department)

    def over_time(self, asked: OverTime) -> list[dict[str | None, Figure]]:
        self._stated.note("over_time", asked)
        whose = {None: asked.scope, **{name: Scope(asked.scope.region, name) for name in asked.departments}}
        return [
            {name: self.figures(scope, one).get(asked.indicator, Figure(0, 0)) for name, scope in whose.items()}
            for one in asked.windows
        ]

    def percentiles(self, scope: Scope, window: Window) -> dict[str, int | None]:
        self._stated.note("percentiles", scope, window)
        return dict(self._stated.percentiles) if self._knows(scope.region) else dict.fromkeys(self._stated.percentiles)

    def elapsed_histograms(self, region: int, window: Window) -> dict[str, ElapsedHistogram]:
        self._stated.note("elapsed_histograms", region, window)
        assert all(len(one.counts) == len(BUCKETS) for one in self._stated.elapsed.values())
        return dict(self._stated.elapsed) if self._knows(region) else {}

    def coverage(self, scope: Scope, window: Window) -> Coverage:
        self._stated.note("coverage", scope, window)
        return self._stated.coverage if self._knows(scope.region) else Coverage(0, 0, None)

    def open_cases(self, scope: Scope, today: date) -> dict[str, int]:
        self._stated.note("open_cases", scope, today)
        parts = self._open_of(scope)
        return {state: sum(part.get(state, 0) for part in parts.values()) for state in STATES}

    def open_cases_by_department(self, region: int, today: date) -> dict[str, dict[str, int]]:
        self._stated.note("open_cases_by_department", region, today)
        return {name: {**_NO_CASES, **states} for name, states in self._open_of(Scope(region)).items()}

    def list_cases(
        self, wanted: CaseFilter, today: date, cursor: str | None = None, limit: int = 100, offset: int = 0
    ) -> CasePage:
        self._stated.note("list_cases", wanted, today, cursor, limit)
        assert offset >= 0
        if cursor == "rubbish":
            raise BadCursor
        return self._stated.page or CasePage(total=self._total(wanted, today))

    def item_parts(self, scope: Scope, indicator: str, window: Window) -> list[PartFigure]:
        self._stated.note("item_parts", scope, indicator, window)
        return []

    def flow(self, scope: Scope, window: Window, item: str | None = None) -> Flow:
        self._stated.note("flow", scope, window, item)
        return reduce(Flow.__add__, self.flow_by_department(scope.region, window).values(), Flow())

    def flow_by_department(self, region: int, window: Window) -> dict[str, Flow]:
        self._stated.note("flow_by_department", region, window)
        return dict(self._stated.flows) if self._knows(region) else {}

    def month_figures(self, plan: Plan, month: Window, scope: Scope | None = None) -> dict[str, Figure]:
        self._stated.note("month_figures", plan.id, month, scope)
        return {f"region/{name}": figure for name, figure in self.figures(Scope(plan.region), month).items()}

    def calendars_digest(self) -> str:
        self._stated.note("calendars_digest")
        return "digest"

    def item_changes(self, scope: Scope, before: date, after: date) -> list[ItemChange]:
        self._stated.note("item_changes", scope, before, after)
        return list(self._stated.changes) if self._knows(scope.region) else []

    def doubts(self, scope: Scope, since: date, on: date) -> list[Doubt]:
        self._stated.note("doubts", scope, since, on)
        stated = self._stated.doubts if self._knows(scope.region) else ()
        return [one for one in stated if scope.department in (None, one.department)]

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]:
        self._stated.note("integrity", scope, window, today)
        known = self._knows(scope.region)
        return [one if known else replace(one, count=0, rows=()) for one in self._stated.findings]

    def case_doubts(self, scope: Scope, window: Window) -> list[CaseDoubt]:
        self._stated.note("case_doubts", scope, window)
        stated = self._stated.case_doubts if self._knows(scope.region) else ()
        return [one for one in stated if scope.department in (None, one.department)]

    def sources(self, scope: Scope, window: Window, today: date) -> list[SourceCounts]:
        self._stated.note("sources", scope, window, today)
        return list(self._stated.sources) if self._knows(scope.region) else []

    def figure_reports(self, wanted: FigureFilter) -> list[FigureReport]:
        self._stated.note("figure_reports", wanted)
        return list(self._stated.reports)

    def first_reports(self, region: int, window: Window) -> Arrivals:
        self._stated.note("first_reports", region, window)
        return dict(self._stated.arrivals) if self._knows(region) else {}

    def case_history(self, region: int, hall: str, case_id: str, today: date) -> CaseHistory | None:
        self._stated.note("case_history", region, hall, case_id, today)
        return self._stated.history

    def is_of(self, region: int, hall: str, case_id: str, department: str) -> bool:
        self._stated.note("is_of", region, hall, case_id, department)
        clock = self._stated.history.clock if self._stated.history is not None else None
        return clock is not None and clock.case.department == department

    def case_events(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[CaseEvent]]:
        self._stated.note("case_events", region, hall, case_ids)
        return {}

    def trace(self, region: int, hall: str, event_id: str, today: date) -> Trace:
        self._stated.note("trace", region, hall, event_id, today)
        return self._stated.traces.get((region, hall, event_id), Trace(None, ()))

    def refusals(self, wanted: RefusedFilter, limit: int, after_id: str = "") -> list[KeptRefusal]:
        self._stated.note("refusals", wanted, limit, after_id)
        return []

    def foresight(self, events: Sequence[HallEvent]) -> Foresight:
        self._stated.note("foresight", events)
        return Foresight([Fate.NEW for _ in events], {}, {})

    def versions(self, region: int, item_code: str) -> Timeline:
        self._stated.note("versions", region, item_code)
        return []

    def sample_events(self, cases_each: int) -> list[HallEvent]:
        self._stated.note("sample_events", cases_each)
        return []

    def stored_ids(self, region: int, hall: str, ids: Sequence[str]) -> set[str]:
        self._stated.note("stored_ids", region, hall, ids)
        return set()

    def event_counts(self, region: int) -> dict[str, int]:
        self._stated.note("event_counts", region)
        return {}

    def catalogue(self, region: int) -> dict[str, Timeline]:
        self._stated.note("catalogue", region)
        return {}

    def workdays(self, region: int) -> Workdays:
        self._stated.note("workdays", region)
        return self._stated.calendar

    def has_calendars(self) -> bool:
        self._stated.note("has_calendars")
        return True

    def halls(self) -> list[Hall]:
        self._stated.note("halls")
        return [Hall(region, hall, ("case",), _SINCE) for region, hall in sorted(self._stated.halls)]

    def hall_facts(self) -> dict[tuple[int, str], HallFacts]:
        self._stated.note("hall_facts")
        return {}

    def cases_elsewhere(self, region: int, hall: str, case_ids: Sequence[str]) -> dict[str, list[str]]:
        self._stated.note("cases_elsewhere", region, hall, case_ids)
        return {}

    def last_event_times(self) -> dict[tuple[int, str], int]:
        self._stated.note("last_event_times")
        return dict(self._stated.halls)

    def change_counts(self, since: date) -> dict[int, int]:
        self._stated.note("change_counts", since)
        return dict(self._stated.arrived)

    def flagged_cases(self) -> dict[tuple[int, str], int]:
        self._stated.note("flagged_cases")
        return {}

    def successions(self) -> list[Succession]:
        self._stated.note("successions")
        return list(self._stated.successions)

    def joint_overview(self, parts: Sequence[tuple[Scope, Window]], today: date) -> Overview:
        return self.overview(*parts[0], today)

    def regions(self) -> list[int]:
        self._stated.note("regions")
        return sorted(self._stated.counties)

    def ratings(self, scope: Scope, window: Window) -> Ratings:
        self._stated.note("ratings", scope, window)
        return Ratings({}, [], 0)

    def stated_days(self, scope: Scope, window: Window) -> list[StatedDay]:
        self._stated.note("stated_days", scope, window)
        return []

    def codes(self, scope: Scope) -> list[int]:
        self._stated.note("codes", scope)
        return self.regions()

    def departments(self, region: int) -> list[str]:
        self._stated.note("departments", region)
        return sorted(self._stated.catalogue) if region in self._stated.counties else []

    def _knows(self, region: int) -> bool:
        low, high = Scope(region).bounds
        return any(low <= county <= high for county in self._stated.counties)

    def _open_of(self, scope: Scope) -> Mapping[str, Mapping[str, int]]:
        stated = self._stated.open if self._knows(scope.region) else {}
        return {name: states for name, states in stated.items() if scope.department in (None, name)}

    def _total(self, wanted: CaseFilter, today: date) -> int:
        if wanted.flow is not None:
            assert wanted.window is not None
            return int(getattr(self.flow(wanted.scope, wanted.window, wanted.item), wanted.flow))
        if wanted.indicator is None:
            return self.open_cases(wanted.scope, today).get(wanted.state or "", 0)
        assert wanted.window is not None
        figure = self.figures(wanted.scope, wanted.window).get(wanted.indicator, Figure(0, 0))
        return figure.numerator if wanted.part == "numerator" else figure.denominator


class _Asked:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        def answer(*given: Any, **named: Any) -> Any:
            with self._store.read() as moment:
                return getattr(moment, name)(*given, **named)

        return answer


def ask(store: Store) -> Moment:
    """A store to be asked one thing at a time, each at a moment of its own."""
    return cast(Moment, _Asked(store))
