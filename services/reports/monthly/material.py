"""The material of a report: figures of one moment, and the plan that they are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from hallpulse.domain.compression import ItemChange, Origin
from hallpulse.domain.figures import Coverage, Figure, FigureTable, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.integrity import Findings
from hallpulse.domain.marks import AnyDoubt, CaseDoubt
from hallpulse.domain.plan import Plan
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.restatement import Restated


@dataclass(frozen=True, slots=True)
class Material:
    """All of it as the database held it at one moment.

    frozen: all figures of the month by name, as they are kept when it is published;
    month: whole; window: its days up to `compiled_on`, of which the figures speak; compiled: microseconds since
    1970-01-01 UTC; tables: those that the plan's targets need on the window's last day and a month earlier; in_month,
    earlier: of the window, and of the last day before the month; percentiles: of the elapsed days in the window;
    open_cases: department → state → cases as on the window's last day; flow: department → the balance of the window;
    restated: figures of the last month published before this one that are others now; doubts: since the day before the
    plan's period; coverage: of the window, and of the plan's period; arrivals: of the figures that departments report
    each month; origin: the compression on the day before the plan's period, and what changed since;
    month_doubts: cases of the window that make its figures look better.
    """

    frozen: Mapping[str, Figure]
    plan: Plan
    month: Window
    window: Window
    compiled: int
    compiled_on: date
    tables: Mapping[date, FigureTable]
    in_month: FigureTable
    earlier: FigureTable
    percentiles: Mapping[str, int | None]
    open_cases: Mapping[str, Mapping[str, int]]
    flow: Mapping[str, Flow]
    changes: Sequence[ItemChange]
    doubts: Sequence[AnyDoubt]
    coverage: Coverage
    period_coverage: Coverage
    findings: Sequence[Findings]
    restated_month: str
    restated: Sequence[Restated]
    provisional: Sequence[int]
    arrivals: Arrivals = field(default_factory=dict)
    origin: Origin | None = None
    month_doubts: Sequence[CaseDoubt] = ()

    @property
    def before(self) -> date:
        return day_before(self.month)


def day_before(window: Window) -> date:
    return window.start - timedelta(days=1)
