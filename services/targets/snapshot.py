"""All that /metrics shows, read at one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from hallpulse.domain.figures import FigureTable, Scope, Window
from hallpulse.domain.lowering import Lowering
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.targets import TargetResult, evaluate, read_tables

from .background import Background, Memory, Sources, read_lowerings, window_of


class Elapsed(Protocol):
    """Decided cases by elapsed days: one count a bucket, and the sum of the days."""

    @property
    def counts(self) -> tuple[int, ...]: ...

    @property
    def total_days(self) -> int: ...


class Coverage(Protocol):
    """How many halls there are, how many reported in the window, and its newest event (microseconds, UTC)."""

    @property
    def halls(self) -> int: ...

    @property
    def reporting(self) -> int: ...

    @property
    def newest(self) -> int | None: ...


class RegisteredHall(Protocol):
    @property
    def region(self) -> int: ...

    @property
    def hall(self) -> str: ...


class Halls(Protocol):
    def list(self) -> Sequence[RegisteredHall]: ...

    def last_event_times(self) -> Mapping[tuple[int, str], int]:
        """(region, hall) → microseconds since 1970-01-01 UTC, of registered halls."""
        ...


class Moment(Sources, Protocol):
    """What is asked of the store at one moment; every method raises Unavailable when it cannot be reached."""

    def regions(self) -> list[int]: ...

    def departments(self, region: int) -> list[str]: ...

    def coverage(self, scope: Scope, window: Window) -> Coverage: ...

    def open_cases_by_department(self, region: int, today: date) -> Mapping[str, Mapping[str, int]]: ...

    def elapsed_histograms(self, region: int, window: Window) -> Mapping[str, Elapsed]: ...


class Figures(Protocol):
    """The store; every method raises Unavailable when it cannot be reached."""

    @property
    def halls(self) -> Halls: ...

    def snapshot(self) -> AbstractContextManager[Moment]: ...

    def figure_table(self, region: int, window: Window) -> FigureTable: ...


@dataclass(frozen=True, slots=True)
class RegionView:
    """One region: under a plan its period so far, else the calendar year so far.

    departments: the only ones that may be a label's value, those of the plan and of the catalogue.
    """

    region: int
    plan: Plan | None
    table: FigureTable
    results: tuple[TargetResult, ...]
    open_cases: Mapping[str, Mapping[str, int]]
    elapsed: Mapping[str, Elapsed]
    departments: frozenset[str]
    coverage: Coverage
    background: Background
    lowerings: tuple[Lowering, ...]
    findings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """taken: seconds since 1970-01-01 UTC, when the reading began; halls: the registered ones."""

    taken: float
    seconds: float
    regions: tuple[RegionView, ...]
    last_events: Mapping[tuple[int, str], int]
    halls: tuple[tuple[int, str], ...]
    flagged: Mapping[tuple[int, str], int]


def read_regions(figures: Moment, plans: Sequence[Plan], today: date, memory: Memory) -> tuple[RegionView, ...]:
    """Every region that has data, halls or a plan in force, in order of the codes."""
    planned = {p.region: p for p in plans if plan_for(plans, p.region, today) is p}
    regions = sorted({*figures.regions(), *planned})
    return tuple(_view(figures, region, planned.get(region), today, memory) for region in regions)


def _view(figures: Moment, region: int, plan: Plan | None, today: date, memory: Memory) -> RegionView:
    window = window_of(plan, today) or Window(today.replace(month=1, day=1), today)
    if plan is None:
        tables, results = {window.end: figures.figure_table(region, window)}, []
    else:
        tables = read_tables(plan, today, figures.figure_table)
        results = evaluate(plan, today, tables)
    background = memory.background(figures, region, plan, today)
    return RegionView(
        region=region,
        plan=plan,
        table=tables[window.end],
        background=background,
        lowerings=tuple(read_lowerings(figures, tables[window.end], background)),
        findings=memory.integrity(figures, region, window),
        results=tuple(results),
        open_cases=figures.open_cases_by_department(region, today),
        elapsed=figures.elapsed_histograms(region, window),
        coverage=figures.coverage(Scope(region), window),
        departments=frozenset(_departments(plan)) | frozenset(figures.departments(region)),
    )


def _departments(plan: Plan | None) -> Iterable[str]:
    return (department.id for department in plan.departments) if plan else ()
