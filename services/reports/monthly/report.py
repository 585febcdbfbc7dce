"""The report as a value: every figure that it shows, with numerator and denominator, and no sentences yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hallpulse.domain.compression import COMPRESSION, ItemPart, Lowering, lowerings, split
from hallpulse.domain.figures import Coverage, Figure, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.indicators import AnyDoubt, Doubt
from hallpulse.domain.integrity import Findings
from hallpulse.domain.ladder import Matter
from hallpulse.domain.plan import Names, Plan, Target
from hallpulse.domain.reporting import Reports
from hallpulse.domain.restatement import Restated
from hallpulse.domain.scores import GroupScores
from hallpulse.domain.sources import Scorecard
from hallpulse.domain.succession import Succession
from hallpulse.domain.targets import TargetResult, evaluate, figure_of

from .material import Listed, Material, Urging
from .periods import Period
from .ranking import Ranking, rankings

MOST_LOWERING = 20
NO_FLOW = Flow()


@dataclass(frozen=True, slots=True)
class TargetLine:
    """A target's result on the last day.

    before, year_ago: its figure a period and a year earlier, None if it had no value; departments: the results of each
    department, for a target that binds each of them.
    """

    result: TargetResult
    before: Figure | None
    year_ago: Figure | None = None
    departments: tuple[TargetResult, ...] = ()

    @property
    def target(self) -> Target:
        return self.result.target


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A department's open cases on the last day, by state.

    due: the cases decided in time (numerator) of its cases that fell due in the window (denominator).
    """

    department: str
    states: Mapping[str, int]
    due: Figure

    @property
    def open(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class MonthlyReport:
    """The report on a region, a department or a hall for a month, a quarter or a year.

    asked: the whole period; window: its days so far, fewer than in `asked` while the period lasts; compiled: when it
    was compiled, in microseconds since 1970-01-01 UTC; figures: the scope's figures in the window;
    previous, year_before: its figures in the period before and a year before; compression: at the end of the period
    before, and now; causes: the compression's change by cause and item; flow_lines: the flow of each department that
    has any; balance: the scope's flow; tallied: whether its cases include daily counts.
    """

    scope: Scope
    asked: Period
    plan: Plan
    window: Window
    compiled: int
    compiled_on: date
    targets: tuple[TargetLine, ...]
    figures: Mapping[str, Figure]
    previous: Mapping[str, Figure]
    year_before: Mapping[str, Figure]
    percentiles: Mapping[str, int | None]
    rankings: tuple[Ranking, ...]
    scores: tuple[GroupScores, ...]
    open_lines: tuple[OpenLine, ...]
    listed: Listed
    due_next: Mapping[str, int]
    working_days_next: int
    flow_lines: tuple[tuple[str, Flow], ...]
    balance: Flow
    tallied: bool
    coverage: Coverage
    period_coverage: Coverage
    findings: tuple[Findings, ...]
    compression: tuple[Figure, Figure]
    causes: tuple[ItemPart, ...]
    lowerings: tuple[Lowering, ...]
    provisional: tuple[int, ...]
    restated_month: str
    restated: tuple[Restated, ...]
    reports: Reports
    urgings: tuple[Urging, ...]
    matters: tuple[Matter, ...]
    hall_names: Mapping[str, str]
    sources: tuple[Scorecard, ...]
    successions: tuple[Succession, ...]

    @property
    def month(self) -> Window:
        """Return the window of the whole period."""
        return self.asked.window

    @property
    def on(self) -> date:
        return self.window.end

    @property
    def finished(self) -> bool:
        return self.window == self.month

    @property
    def period(self) -> Window | None:
        """Return the days of the plan's period up to `on`, over which its targets count."""
        return self.plan.window(self.on)

    @property
    def is_whole(self) -> bool:
        """Return whether the report is about the region rather than one of its departments or halls."""
        return self.scope.department is None and self.scope.hall is None

    def figure(self, indicator: str) -> Figure:
        return self.figures.get(indicator, Figure(0, 0))

    def department(self, id_: str) -> Names:
        """Return a department's name in the plan; its id if the plan does not name it."""
        return next((d.names for d in self.plan.departments if d.id == id_), Names(id_, id_))

    def hall(self, id_: str) -> str:
        """Return a hall's name; its id if it has no name."""
        return self.hall_names.get(id_, id_)


def monthly_report(given: Material) -> MonthlyReport:
    compression, departments = _compression(given), _departments(given)
    return MonthlyReport(
        scope=given.scope,
        asked=given.asked,
        plan=given.plan,
        window=given.window,
        compiled=given.compiled,
        compiled_on=given.compiled_on,
        targets=_targets(given) if given.scope.hall is None else (),
        figures=given.own,
        previous=given.previous,
        year_before=given.year_before,
        percentiles=given.percentiles,
        rankings=_rankings(given, departments),
        scores=tuple(given.scores),
        open_lines=_open_lines(given, departments),
        listed=given.listed,
        due_next=given.due_next,
        working_days_next=given.working_days_next,
        flow_lines=_flow_lines(given, departments),
        balance=given.balance,
        tallied=_tallied(given),
        coverage=given.coverage,
        period_coverage=given.period_coverage,
        findings=tuple(given.findings),
        compression=compression,
        causes=tuple(split(*compression, given.changes, given.scope.department)) if given.scope.hall is None else (),
        lowerings=_lowerings(given, compression),
        provisional=tuple(given.provisional),
        restated_month=given.restated_month,
        restated=tuple(given.restated),
        reports=given.plan.reports(given.arrivals, given.window.end),
        urgings=tuple(given.urgings),
        matters=tuple(given.matters),
        hall_names=given.hall_names,
        sources=tuple(given.sources),
        successions=tuple(given.successions),
    )


def _targets(given: Material) -> tuple[TargetLine, ...]:
    """Return all targets for the region's report; for a department's, those that bind it or that it leads."""
    results = evaluate(given.plan, given.window.end, given.tables, given.doubts, given.origin)
    earlier = {(r.target.id, r.department): r for r in evaluate(given.plan, given.before, given.tables)}
    department = given.scope.department
    return tuple(
        TargetLine(own, _before(earlier[own.target.id, own.department]), _year_ago(own, given), _bound(results, own))
        for own in results
        if (own.department is None if department is None else _concerns(own, department, given.plan))
    )


def _concerns(result: TargetResult, department: str, plan: Plan) -> bool:
    if plan.binds(result.target):
        return result.department == department
    return department in result.target.lead


def _before(result: TargetResult) -> Figure | None:
    return result.figure if result.value is not None else None


def _year_ago(result: TargetResult, given: Material) -> Figure | None:
    figure = figure_of(given.year_ago, result.target.indicator, result.department)
    return figure if figure.value is not None else None


def _bound(results: Sequence[TargetResult], own: TargetResult) -> tuple[TargetResult, ...]:
    if own.department is not None:
        return ()
    return tuple(r for r in results if r.target.id == own.target.id and r.department is not None)


def _compression(given: Material) -> tuple[Figure, Figure]:
    """Return the compression at the end of the period before, and now."""
    own = given.scope.department
    return given.earlier.figure(COMPRESSION, own), given.in_month.figure(COMPRESSION, own)


def _rankings(given: Material, departments: Sequence[str]) -> tuple[Ranking, ...]:
    doubts: list[AnyDoubt] = [*(one for one in given.doubts if isinstance(one, Doubt)), *given.month_doubts]
    return rankings(given.plan, given.in_month, departments, doubts, given.origin)


def _lowerings(given: Material, compression: tuple[Figure, Figure]) -> tuple[Lowering, ...]:
    """Return the items of the report's scope that lowered its compression most."""
    own = given.scope.department
    changes = [one for one in given.changes if own in (None, one.department)]
    return tuple(lowerings(*compression, changes, MOST_LOWERING))


def _flow_lines(given: Material, departments: Sequence[str]) -> tuple[tuple[str, Flow], ...]:
    """Return each department's flow, without the departments that had no case."""
    found = ((id_, given.flow.get(id_, NO_FLOW)) for id_ in departments)
    return tuple((id_, flow) for id_, flow in found if flow != NO_FLOW)


def _departments(given: Material) -> list[str]:
    """Return the departments of the report: the plan's in its order, then others that the catalogue or cases name.

    If the report is about a department, return that one alone.
    """
    if given.scope.department is not None:
        return [given.scope.department]
    named = [department.id for department in given.plan.departments]
    others = sorted({*given.in_month.departments, *given.open_cases, *given.flow} - {*named, ""})
    return [*named, *others]


def _tallied(given: Material) -> bool:
    """Return whether the region has more cases than its departments together, because some halls send only tallies."""
    table, rate = given.in_month, "acceptance_rate"
    of_departments = sum(table.figure(rate, id_).denominator for id_ in table.departments)
    return given.scope == Scope(given.plan.region) and table.figure(rate).denominator > of_departments


def _open_lines(given: Material, departments: Sequence[str]) -> tuple[OpenLine, ...]:
    """Return the departments that have open cases or had cases due in the window, those with most overdue first."""
    lines = [
        OpenLine(id_, given.open_cases.get(id_, {}), given.in_month.figure("due_kept_rate", id_)) for id_ in departments
    ]
    shown = [line for line in lines if line.open or line.due.denominator]
    return tuple(sorted(shown, key=lambda line: (-line.states.get("overdue", 0), -line.states.get("due_soon", 0))))
