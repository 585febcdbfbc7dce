"""The material of a report: figures of one moment, and the plan that they are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from hallpulse.domain.compression import ChangeOrigin, ItemChange
from hallpulse.domain.figures import Coverage, Figure, FigureTable, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.integrity import Findings
from hallpulse.domain.ladder import Matter
from hallpulse.domain.marks import AnyDoubt, CaseDoubt
from hallpulse.domain.plan import Plan
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.restatement import Restated
from hallpulse.domain.scores import GroupScores
from hallpulse.domain.sources import Scorecard

from .periods import Period


@dataclass(frozen=True, slots=True)
class ListedCase:
    """An open case that is late or about to be. late: working days after its due day; suspended: working days."""

    hall: str
    case_id: str
    item: str
    department: str
    state: str
    due: date | None
    late: int
    suspended: int


@dataclass(frozen=True, slots=True)
class Urging:
    """A notice of something that goes wrong, as it was passed on. ended: when it was over."""

    told: datetime
    summary: str
    severity: str
    times: int
    taken_by: str
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The open cases that are told one by one, the worst first. counts: state → of how many."""

    counts: Mapping[str, int] = field(default_factory=dict)
    cases: tuple[ListedCase, ...] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """All of it as the database held it at one moment.

    scope: of whom: the region, a department or a hall of it; asked: the whole period; window: its days up to
    `compiled_on`, of which the figures speak; frozen: all figures of it by name, as they are kept when it is published;
    compiled: microseconds since 1970-01-01 UTC; tables: those that the plan's targets need on the window's last day and
    on the day before the period; year_ago: a year before, over as many days as the plan's period has so far; in_month:
    of the window; own, previous, year_before: the scope's figures in the window, in the period before, and in that of a
    year before; earlier: of the last day before the period; percentiles: of the elapsed days in the window;
    open_cases: department → state → cases as on the window's last day; due_next: department → cases that fall due in
    the period after, by what is known on that day, under "" the scope's; flow: department → the balance of the window;
    balance: the scope's; restated: figures of the last report published before this one that are others now; doubts:
    since the day before the plan's period; coverage: of the window, and of the plan's period; arrivals: of the figures
    that departments report each month; origin: the compression on the day before the plan's period, and what changed
    since; month_doubts: cases of the window that make its figures look better; sources: of the halls, over the window;
    matters: of supervision, that were open in the window.
    """

    scope: Scope
    asked: Period
    frozen: Mapping[str, Figure]
    plan: Plan
    window: Window
    compiled: int
    compiled_on: date
    tables: Mapping[date, FigureTable]
    year_ago: FigureTable
    in_month: FigureTable
    own: Mapping[str, Figure]
    previous: Mapping[str, Figure]
    year_before: Mapping[str, Figure]
    earlier: FigureTable
    percentiles: Mapping[str, int | None]
    open_cases: Mapping[str, Mapping[str, int]]
    listed: Listed
    due_next: Mapping[str, int]
    working_days_next: int
    flow: Mapping[str, Flow]
    balance: Flow
    changes: Sequence[ItemChange]
    doubts: Sequence[AnyDoubt]
    coverage: Coverage
    period_coverage: Coverage
    findings: Sequence[Findings]
    restated_month: str
    restated: Sequence[Restated]
    provisional: Sequence[int]
    arrivals: Arrivals = field(default_factory=dict)
    origin: ChangeOrigin | None = None
    month_doubts: Sequence[CaseDoubt] = ()
    scores: Sequence[GroupScores] = ()
    urgings: Sequence[Urging] = ()
    matters: Sequence[Matter] = ()
    hall_names: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[Scorecard] = ()

    @property
    def month(self) -> Window:
        return self.asked.window

    @property
    def before(self) -> date:
        return day_before(self.asked.window)


def day_before(window: Window) -> date:
    return window.start - timedelta(days=1)
