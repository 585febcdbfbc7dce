"""The report as a value: every figure that it shows, each with what it is made of. Nothing in it is a sentence yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hallpulse.domain.compression import COMPRESSION, Doubt, Lowering, lowerings
from hallpulse.domain.figures import Coverage, Figure, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.integrity import Findings
from hallpulse.domain.marks import AnyDoubt
from hallpulse.domain.plan import Names, Plan, Target
from hallpulse.domain.reporting import Reports
from hallpulse.domain.restatement import Restated
from hallpulse.domain.targets import TargetResult, evaluate

from .material import Material
from .ranking import Ranking, rankings

MOST_LOWERING = 20
NO_FLOW = Flow()


@dataclass(frozen=True, slots=True)
class TargetLine:
    """A target on the month's last day; before: its figure a month earlier, none where the plan had not begun.

    departments: of a target that binds each of them, its results one by one.
    """

    result: TargetResult
    before: Figure | None
    departments: tuple[TargetResult, ...] = ()

    @property
    def target(self) -> Target:
        return self.result.target


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A department's open cases as on the last day; due: of its cases due in the month, those that were kept."""

    department: str
    states: Mapping[str, int]
    due: Figure

    @property
    def open(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class MonthlyReport:
    """All that is reported of a region for a month.

    month is whole; `window` ends on the day that the figures speak of, earlier while the month lasts. figures: the
    region's own in the window; compression: at the end of the month before, and now; flow_lines: each department's
    balance of the window, of those that have any.
    """

    plan: Plan
    month: Window
    window: Window
    compiled: int
    compiled_on: date
    targets: tuple[TargetLine, ...]
    figures: Mapping[str, Figure]
    percentiles: Mapping[str, int | None]
    rankings: tuple[Ranking, ...]
    open_lines: tuple[OpenLine, ...]
    flow_lines: tuple[tuple[str, Flow], ...]
    coverage: Coverage
    period_coverage: Coverage
    findings: tuple[Findings, ...]
    compression: tuple[Figure, Figure]
    lowerings: tuple[Lowering, ...]
    provisional: tuple[int, ...]
    restated_month: str
    restated: tuple[Restated, ...]
    reports: Reports

    @property
    def on(self) -> date:
        return self.window.end

    @property
    def finished(self) -> bool:
        return self.window == self.month

    @property
    def period(self) -> Window | None:
        """The plan's days that its targets count, up to `on`."""
        return self.plan.window(self.on)

    def figure(self, indicator: str) -> Figure:
        return self.figures.get(indicator, Figure(0, 0))

    def department(self, id_: str) -> Names:
        """Return a department's name in the plan; its code if the plan does not name it."""
        return next((d.names for d in self.plan.departments if d.id == id_), Names(id_, id_))


def monthly_report(given: Material) -> MonthlyReport:
    compression = given.earlier.figure(COMPRESSION), given.in_month.figure(COMPRESSION)
    departments = _departments(given)
    doubts: list[AnyDoubt] = [*(one for one in given.doubts if isinstance(one, Doubt)), *given.month_doubts]
    return MonthlyReport(
        plan=given.plan,
        month=given.month,
        window=given.window,
        compiled=given.compiled,
        compiled_on=given.compiled_on,
        targets=_targets(given),
        figures=given.in_month.own,
        percentiles=given.percentiles,
        rankings=rankings(given.plan, given.in_month, departments, doubts, given.origin),
        open_lines=_open_lines(given, departments),
        flow_lines=tuple((id_, given.flow[id_]) for id_ in departments if given.flow.get(id_, NO_FLOW) != NO_FLOW),
        coverage=given.coverage,
        period_coverage=given.period_coverage,
        findings=tuple(given.findings),
        compression=compression,
        lowerings=tuple(lowerings(*compression, given.changes, MOST_LOWERING)),
        provisional=tuple(given.provisional),
        restated_month=given.restated_month,
        restated=tuple(given.restated),
        reports=given.plan.reports(given.arrivals, given.window.end),
    )


def _targets(given: Material) -> tuple[TargetLine, ...]:
    results = evaluate(given.plan, given.window.end, given.tables, given.doubts, given.origin)
    earlier = {r.target.id: r for r in evaluate(given.plan, given.before, given.tables) if r.department is None}
    return tuple(
        TargetLine(own, _before(earlier[own.target.id]), _bound(results, own.target))
        for own in results
        if own.department is None
    )


def _before(result: TargetResult) -> Figure | None:
    return result.figure if result.value is not None else None


def _bound(results: Sequence[TargetResult], target: Target) -> tuple[TargetResult, ...]:
    return tuple(r for r in results if r.target.id == target.id and r.department is not None)


def _departments(given: Material) -> list[str]:
    """The plan's in its order, then those that only the catalogue or cases name."""
    named = [department.id for department in given.plan.departments]
    others = sorted({*given.in_month.departments, *given.open_cases, *given.flow} - {*named, ""})
    return [*named, *others]


def _open_lines(given: Material, departments: Sequence[str]) -> tuple[OpenLine, ...]:
    """Of departments that have open cases or had any due in the month, those with most overdue first."""
    lines = [
        OpenLine(id_, given.open_cases.get(id_, {}), given.in_month.figure("due_kept_rate", id_)) for id_ in departments
    ]
    shown = [line for line in lines if line.open or line.due.denominator]
    return tuple(sorted(shown, key=lambda line: (-line.states.get("overdue", 0), -line.states.get("due_soon", 0))))
