"""The result of each target of a plan on a day. No data is a separate state, never 0 %."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Protocol

from .figures import Figure, FigureTable, Window
from .indicators import COMPUTED
from .plan import Plan, Target
from .reporting import MONTHLY_REPORT, Arrivals, Reports

MIN_TREND_DAYS = 28
"""A shorter stretch says nothing about a year."""


class State(enum.StrEnum):
    """The state of a target; every result is in exactly one.

    on_pace and behind: not met yet, while the period lasts; missed: not met when it was over.
    """

    MET = "met"
    ON_PACE = "on_pace"
    BEHIND = "behind"
    MISSED = "missed"
    NOT_MEASURED = "not_measured"
    BELOW_MIN_DENOMINATOR = "below_min_denominator"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The value at the period's end if it goes on as it did from `since` to `until`."""

    value: Fraction
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One target on one day, of the region (department None) or of a department.

    gap: from the value to the goal, negative is short, for ceilings too. met and on_pace are None where nothing can
    be said (not measured, too few, not started), and `reason` then says why. Of a target that binds each department,
    the region's result has the region's own figure, but the state and the gap of the department that is worst off.
    judged of bound: how many of its departments could be judged; of 1 where the target binds the region.
    """

    target: Target
    department: str | None
    state: State
    figure: Figure
    goal: Fraction | None
    required: Fraction | None = None
    gap: Fraction | None = None
    met: bool | None = None
    on_pace: bool | None = None
    forecast: Forecast | None = None
    reason: str = ""
    judged: int = 0
    bound: int = 1

    @property
    def value(self) -> Fraction | None:
        return self.figure.value

    @property
    def readings(self) -> dict[str, Fraction]:
        return self.target.readings()


class Source(Protocol):
    """The questions to a store."""

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def first_reports(self, region: int, window: Window) -> Arrivals: ...


def read_tables(plan: Plan, on: date, source: Source) -> dict[date, FigureTable]:
    """The tables that `evaluate` needs, each with the monthly reports that were due on its day.

    Once the period is over, the reports that are due after it count by the day asked.
    """
    arrivals = read_arrivals(plan, source)
    tables = {}
    for day in plan.dates_needed(on):
        if (window := plan.window(day)) is not None:
            as_of = on if day == plan.period.end else day
            tables[day] = with_reports(plan, source.figure_table(plan.region, window), plan.reports(arrivals, as_of))
    return tables


def read_arrivals(plan: Plan, source: Source) -> Arrivals:
    """When what the plan asks for each month arrived; nothing is asked of the store where the plan asks for nothing."""
    return {} if plan.reporting is None else source.first_reports(plan.region, plan.period)


def with_reports(plan: Plan, table: FigureTable, reports: Reports) -> FigureTable:
    """The table with the measured `monthly_report` of the region and of each department."""
    if plan.reporting is None:
        return table
    departments = {name: dict(figures) for name, figures in table.departments.items()}
    for name in dict.fromkeys(one.department for one in reports.months):
        departments.setdefault(name, {})[MONTHLY_REPORT] = reports.figure(name)
    return replace(table, own={**table.own, MONTHLY_REPORT: reports.figure()}, departments=departments)


def evaluate(plan: Plan, on: date, tables: Mapping[date, FigureTable]) -> list[TargetResult]:
    """Every target of the plan on a day, in the plan's order; each is followed by its departments, if it binds them.

    tables: at least `plan.dates_needed(on)`; each holds the window from the period's first day to its own.
    """
    bench = _Bench(plan, on, [tables[day] for day in plan.dates_needed(on)])
    return [result for target in plan.targets for result in bench.results(target)]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Judges targets on one day; tables oldest first, none before the period begins."""

    plan: Plan
    on: date
    tables: Sequence[FigureTable]

    def results(self, target: Target) -> list[TargetResult]:
        own = self._judge(target, None)
        departments = [self._judge(target, department) for department in self.plan.binds(target)]
        declared = self.plan.is_declared(target.indicator)
        return [_overall(own, departments, declared), *departments] if departments else [own]

    def _judge(self, target: Target, department: str | None) -> TargetResult:
        reference = self._reference(target)
        goal = target.goal(reference)
        blank = TargetResult(target, department, State.NOT_MEASURED, Figure(0, 0), goal)
        if not self.tables:
            return replace(blank, state=State.NOT_STARTED, reason=f"the period begins on {self.plan.period.start}")
        figure = figure_of(self.tables[-1], target.indicator, department)
        seen = replace(blank, figure=figure, required=self.plan.required(target, self.on, reference))
        if figure.value is None:
            return replace(seen, reason=f"nothing to count by {self.tables[-1].window.end}")
        if goal is None:
            return replace(seen, reason=f"no reference: {target.reference_indicator} has not been declared")
        least = self.plan.least_for(target)
        if target.unit != "count" and figure.denominator < least:
            reason = f"{figure.denominator} counted, fewer than {least}"
            return replace(seen, state=State.BELOW_MIN_DENOMINATOR, reason=reason)
        return self._verdict(seen, figure.value, goal)

    def _verdict(self, seen: TargetResult, value: Fraction, goal: Fraction) -> TargetResult:
        rule = seen.target.rule
        met = rule.keeps(value, goal)
        on_pace = met or seen.required is None or rule.keeps(value, seen.required)
        state = self._state(met, on_pace)
        forecast = self._forecast(seen, value)
        return replace(
            seen, state=state, gap=rule.gap(value, goal), met=met, on_pace=on_pace, forecast=forecast, judged=1
        )

    def _state(self, met: bool, on_pace: bool) -> State:
        if met:
            return State.MET
        if self.on >= self.plan.period.end:
            return State.MISSED
        return State.ON_PACE if on_pace else State.BEHIND

    def _reference(self, target: Target) -> Fraction | None:
        indicator = target.reference_indicator
        return None if indicator is None or not self.tables else self.tables[-1].figure(indicator).value

    def _forecast(self, seen: TargetResult, value: Fraction) -> Forecast | None:
        """The value at the period's end, or None where the recent past is too short or says nothing."""
        first, last = self.tables[0].window.end, self.tables[-1].window.end
        left, days = (self.plan.period.end - last).days, (last - first).days
        if not left:
            return Forecast(value, last, last)
        if days < MIN_TREND_DAYS:
            return None
        before = figure_of(self.tables[0], seen.target.indicator, seen.department)
        projected = _projected(seen.target, before, seen.figure, Fraction(left, days))
        return None if projected is None else Forecast(projected, first, last)


def figure_of(table: FigureTable, indicator: str, department: str | None = None) -> Figure:
    """The figure of the table; a count of items says nothing where no catalogue has arrived."""
    figure = table.figure(indicator, department)
    computed = COMPUTED.get(indicator)
    if computed is None or computed.kind != "catalogue" or computed.unit != "count":
        return figure
    return figure if table.figure("settled_item_share", department).denominator else Figure(0, 0)


def _projected(target: Target, before: Figure, now: Figure, stretch: Fraction) -> Fraction | None:
    """The figure after another `stretch` times what the trend's days brought.

    What holds on a day (the catalogue) goes on along a straight line; what is added up over the period goes on adding
    at the same rate, so that a good last month counts by its cases and not by its share.
    """
    computed = COMPUTED.get(target.indicator)
    if computed is not None and computed.kind == "catalogue":
        value = _straight(before.value, now.value, stretch)
    elif target.unit == "count":
        value = now.numerator + (now.numerator - before.numerator) * stretch
    else:
        denominator = now.denominator + (now.denominator - before.denominator) * stretch
        numerator = now.numerator + (now.numerator - before.numerator) * stretch
        value = numerator / denominator if denominator > 0 else None
    return value if value is None or target.unit != "share" else _within_share(value, now)


def _straight(before: Fraction | None, now: Fraction | None, stretch: Fraction) -> Fraction | None:
    return None if before is None or now is None else now + (now - before) * stretch


def _within_share(value: Fraction, now: Figure) -> Fraction:
    """A share ends between 0 and 1, but for one that is negative already (limits above the statutory ones)."""
    lowest = min(Fraction(0), Fraction(now.numerator, now.denominator))
    return max(lowest, min(Fraction(1), value))


def _overall(own: TargetResult, departments: Sequence[TargetResult], declared: bool) -> TargetResult:
    """The region's result of a target that binds each department.

    One department that falls short decides it. A department without cases has nothing to keep; one whose declared
    figure is missing has not reported, and then it cannot be said that all keep the target.
    """
    judged = [d for d in departments if d.met is not None]
    missing = [d for d in departments if d.state is State.NOT_MEASURED and declared]
    overall = replace(own, judged=len(judged), bound=len(departments), gap=None, met=None, on_pace=None)
    worst = max(judged, key=lambda d: _WORST_LAST.index(d.state), default=None)
    if worst is None:
        state = departments[0].state if len({d.state for d in departments}) == 1 else State.NOT_MEASURED
        return replace(overall, state=state, reason=departments[0].reason)
    if missing and worst.on_pace:
        reason = f"{len(missing)} of {len(departments)} departments have not reported"
        return replace(overall, state=State.NOT_MEASURED, reason=reason)
    gap = min(d.gap for d in judged if d.gap is not None)
    return replace(overall, state=worst.state, gap=gap, met=worst.met, on_pace=worst.on_pace, reason="")


_WORST_LAST = (State.MET, State.ON_PACE, State.BEHIND, State.MISSED)
