"""The material of a report: the figures of one moment, and the plan against which they are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from hallpulse.domain.compression import ChangeOrigin, ItemChange
from hallpulse.domain.figures import Coverage, Figure, FigureTable, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.indicators import AnyDoubt, CaseDoubt
from hallpulse.domain.integrity import Findings
from hallpulse.domain.ladder import Matter
from hallpulse.domain.plan import Plan
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.restatement import Restated
from hallpulse.domain.scores import GroupScores
from hallpulse.domain.sources import Scorecard
from hallpulse.domain.succession import Succession

from .periods import Period


@dataclass(frozen=True, slots=True)
class ListedCase:
    """An open case that is overdue or due soon.

    late: working days since its due day; suspended: working days on which it was suspended.
    """

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
    """A notice that was sent about an alert.

    told: when it was sent first; times: how often it was sent; taken_by: the person who took it on; ended: when the
    alert was over, None while it lasts.
    """

    told: datetime
    summary: str
    severity: str
    times: int
    taken_by: str
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The open cases that are listed one by one, the worst first. counts: state → number of all cases in it."""

    counts: Mapping[str, int] = field(default_factory=dict)
    cases: tuple[ListedCase, ...] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """The material of a report, as the database held it at one moment.

    scope: the region, or the department or hall that the report is about; asked: the whole period; window: its days up
    to `compiled_on`, which the figures cover; frozen: all figures of the report by name, as stored on publication;
    compiled: when it was read, in microseconds since 1970-01-01 UTC; tables: by day, the figures that the plan's
    targets need on the window's last day and on the day before the period; year_ago: figures over the days of the
    plan's period so far, a year before; in_month: figures of the window; own, previous, year_before: the scope's
    figures in the window, in the period before and a year before; earlier: figures of the day before the period;
    percentiles: of the elapsed days in the window; open_cases: department → state → number of open cases on the
    window's last day; due_next: department → number of cases that fall due in the next period, as known on that day,
    with "" for the scope; flow: department → flow of the window; balance: the scope's flow; changes: the changes of
    items during the window; restated: figures of the last published report that have changed since; doubts: findings
    since the day before the plan's period; coverage, period_coverage: coverage of the window and of the plan's period;
    arrivals: when departments declared their monthly figures; origin: the compression on the day before the plan's
    period, and its changes since; month_doubts: cases of the window that make its figures look better; sources: the
    halls' scorecards of the window; matters: the matters of supervision that were open in the window; successions: the
    changes of region codes that the region has a part in.
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
    working_days_next: int
    flow: Mapping[str, Flow]
    balance: Flow
    changes: Sequence[ItemChange]
    doubts: Sequence[AnyDoubt]
    coverage: Coverage
    period_coverage: Coverage
    findings: Sequence[Findings]
    provisional: Sequence[int]
    restated_month: str = ""
    restated: Sequence[Restated] = ()
    open_cases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    listed: Listed = field(default_factory=Listed)
    due_next: Mapping[str, int] = field(default_factory=dict)
    arrivals: Arrivals = field(default_factory=dict)
    origin: ChangeOrigin | None = None
    month_doubts: Sequence[CaseDoubt] = ()
    scores: Sequence[GroupScores] = ()
    urgings: Sequence[Urging] = ()
    matters: Sequence[Matter] = ()
    hall_names: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[Scorecard] = ()
    successions: Sequence[Succession] = ()

    @property
    def month(self) -> Window:
        return self.asked.window

    @property
    def before(self) -> date:
        return day_before(self.asked.window)


def day_before(window: Window) -> date:
    return window.start - timedelta(days=1)
