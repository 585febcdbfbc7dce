"""The result of each target of a plan on a day. No data is a separate state, never 0 %."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from .compression import COMPRESSION, CauseShare, ChangeOrigin, ItemChange, Mark
from .figures import Figure, FigureTable, Scope, Window
from .indicators import COMPUTED
from .marks import AnyDoubt, marks_on
from .plan import Plan, Target
from .reporting import MONTHLY_REPORT, Arrivals, Reports

MIN_TREND_DAYS = 28
"""A shorter stretch says nothing about a year."""
MARGIN = Fraction(2)
"""How much wider an interval is than its parts differ: measured (docs/indicators.md, "How good forecasts are")."""
LEAST_MOVES = 2
"""A catalogue that moved in fewer parts of the past has taken a step."""


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


class Unforeseen(enum.StrEnum):
    """Why there is no forecast.

    TOO_SHORT: fewer than MIN_TREND_DAYS of the period lie behind; NO_PAST: no figure then; STEP: the catalogue changed
    once or to and fro, which is no trend; CORRECTED: later figures took earlier ones back; OUTSIDE: a share that is
    not between 0 and 1 today.
    """

    TOO_SHORT = "too_short"
    NO_PAST = "no_past"
    STEP = "step"
    CORRECTED = "corrected"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The value at the period's end if it goes on as it did from `since` to `until`.

    low, high: the interval in which it most likely lies, wider the more parts of that time differ.
    """

    value: Fraction
    since: date
    until: date
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One target on one day, of the region (department None) or of a department.

    gap: from the value to the goal, negative is short, for ceilings too. met and on_pace are None where nothing can
    be said (not measured, too few, not started), and `reason` then says why. Of a target that binds each department,
    the region's result has the region's own figure, but the state and the gap of the department that is worst off.
    judged of bound: how many of its departments could be judged; of 1 where the target binds the region. marks: the
    findings that the figure gains from. unforeseen: why there is no forecast, of a target with a verdict. causes: what
    changed the compression since the day before the period.
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
    marks: tuple[Mark, ...] = ()
    unforeseen: Unforeseen | None = None
    causes: tuple[CauseShare, ...] = ()

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


class Catalogue(Protocol):
    """The questions to a store about the catalogue."""

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def item_changes(self, scope: Scope, before: date, after: date) -> list[ItemChange]: ...


def read_origin(plan: Plan, on: date, source: Catalogue) -> ChangeOrigin | None:
    """The compression before the plan's period, and the items that changed up to a day; None before it begins."""
    window = plan.window(on)
    if window is None:
        return None
    table = source.figure_table(plan.region, Window(plan.eve, plan.eve))
    return ChangeOrigin(table, source.item_changes(Scope(plan.region), plan.eve, window.end))


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


def evaluate(
    plan: Plan,
    on: date,
    tables: Mapping[date, FigureTable],
    doubts: Sequence[AnyDoubt] = (),
    origin: ChangeOrigin | None = None,
) -> list[TargetResult]:
    """Every target of the plan on a day, in the plan's order; each is followed by its departments, if it binds them.

    tables: at least `plan.dates_needed(on)`; each holds the window from the period's first day to its own. doubts: of
    the plan's region, of items since the day before its period, of cases over the period; origin: of that day.
    """
    bench = _Bench(plan, on, [tables[day] for day in plan.dates_needed(on)], doubts, origin)
    return [result for target in plan.targets for result in bench.results(target)]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Judges targets on one day; tables oldest first, none before the period begins."""

    plan: Plan
    on: date
    tables: Sequence[FigureTable]
    doubts: Sequence[AnyDoubt]
    origin: ChangeOrigin | None

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
        compressed = target.indicator == COMPRESSION
        marks = marks_on(target.indicator, figure, self.doubts, department)
        causes = self.origin.causes(figure, department) if compressed and self.origin is not None else ()
        required = self.plan.required(target, self.on, reference)
        seen = replace(blank, figure=figure, required=required, marks=marks, causes=causes)
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
        verdict = replace(seen, state=state, gap=rule.gap(value, goal), met=met, on_pace=on_pace, judged=1)
        foreseen = self._forecast(seen, value)
        if isinstance(foreseen, Unforeseen):
            return replace(verdict, unforeseen=foreseen)
        return replace(verdict, forecast=foreseen)

    def _state(self, met: bool, on_pace: bool) -> State:
        if met:
            return State.MET
        if self.on >= self.plan.period.end:
            return State.MISSED
        return State.ON_PACE if on_pace else State.BEHIND

    def _reference(self, target: Target) -> Fraction | None:
        indicator = target.reference_indicator
        return None if indicator is None or not self.tables else self.tables[-1].figure(indicator).value

    def _forecast(self, seen: TargetResult, value: Fraction) -> Forecast | Unforeseen:
        """The value at the period's end, or why the past cannot tell."""
        first, last = self.tables[0].window.end, self.tables[-1].window.end
        left, days = (self.plan.period.end - last).days, (last - first).days
        if not left:
            return Forecast(value, last, last, value, value)
        if days < MIN_TREND_DAYS:
            return Unforeseen.TOO_SHORT
        figures = [figure_of(table, seen.target.indicator, seen.department) for table in self.tables]
        projected = _projected(seen.target, figures, Fraction(left, days))
        if isinstance(projected, Unforeseen):
            return projected
        ends = [table.window.end for table in self.tables]
        low, high = _interval(seen.target, figures, ends, projected, left)
        return Forecast(projected, first, last, low, high)


def figure_of(table: FigureTable, indicator: str, department: str | None = None) -> Figure:
    """The figure of the table; a count of items says nothing where no catalogue has arrived."""
    figure = table.figure(indicator, department)
    computed = COMPUTED.get(indicator)
    if computed is None or computed.kind != "catalogue" or computed.unit != "count":
        return figure
    return figure if table.figure("settled_item_share", department).denominator else Figure(0, 0)


def _projected(target: Target, past: Sequence[Figure], stretch: Fraction) -> Fraction | Unforeseen:
    """The figure after another `stretch` times what the trend's days brought, within what is possible.

    What holds on a day (the catalogue) goes on along a straight line; what is added up over the period goes on adding
    at the same rate, so that a good last month counts by its cases and not by its share.
    """
    computed, now = COMPUTED.get(target.indicator), past[-1]
    if computed is not None and computed.kind == "catalogue":
        found = _line([figure.value for figure in past], stretch)
    else:
        found = _added(past[0], now, stretch, count=target.unit == "count")
    if isinstance(found, Unforeseen) or now.value is None:
        return found
    if target.unit != "share":
        return max(found, now.value) if target.unit == "count" else max(found, Fraction(0))
    return max(Fraction(0), min(Fraction(1), found)) if 0 <= now.value <= 1 else Unforeseen.OUTSIDE


def _interval(
    target: Target, past: Sequence[Figure], ends: Sequence[date], projected: Fraction, left: int
) -> tuple[Fraction, Fraction]:
    """The lowest and the highest of what may come, with a margin.

    It goes on as in all of the past, as in one part of it, or stays as it is.
    """
    found = [projected, past[-1].value if past[-1].value is not None else projected]
    for (before, after), (first, last) in zip(pairwise(past), pairwise(ends), strict=True):
        one = _by_part(target, before, after, past[-1], Fraction(left, (last - first).days))
        found += [one] if one is not None else []
    low, high = min(found), max(found)
    margin = MARGIN * max(high - projected, projected - low)
    return _possible(target, low - margin, past[-1]), _possible(target, high + margin, past[-1])


def _by_part(target: Target, before: Figure, after: Figure, now: Figure, stretch: Fraction) -> Fraction | None:
    """The value after another `stretch` times what one part of the past brought."""
    computed = COMPUTED.get(target.indicator)
    if computed is not None and computed.kind == "catalogue":
        known = before.value is not None and after.value is not None and now.value is not None
        return now.value + (after.value - before.value) * stretch if known else None  # type: ignore[operator]
    moved = Figure(after.numerator - before.numerator, after.denominator - before.denominator)
    if target.unit == "count":
        return now.numerator + max(moved.numerator, 0) * stretch
    below = now.denominator + moved.denominator * stretch
    return (now.numerator + moved.numerator * stretch) / below if moved.denominator >= 0 and below else None


def _possible(target: Target, value: Fraction, now: Figure) -> Fraction:
    """The nearest value that can be: a share in 0..1, a count not below what is there, days not below 0."""
    if target.unit == "share":
        return max(Fraction(0), min(Fraction(1), value))
    return max(value, now.value or Fraction(0)) if target.unit == "count" else max(value, Fraction(0))


def _line(values: Sequence[Fraction | None], stretch: Fraction) -> Fraction | Unforeseen:
    """A straight line through a catalogue that moved one way in several parts of the past, or did not move at all."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return Unforeseen.NO_PAST
    moves = [after - before for before, after in pairwise(known) if after != before]
    if moves and (len(moves) < LEAST_MOVES or len({move > 0 for move in moves}) > 1):
        return Unforeseen.STEP
    return known[-1] + (known[-1] - known[0]) * stretch


def _added(before: Figure, now: Figure, stretch: Fraction, *, count: bool) -> Fraction | Unforeseen:
    numerator, denominator = now.numerator - before.numerator, now.denominator - before.denominator
    if count:
        return Unforeseen.CORRECTED if numerator < 0 else now.numerator + numerator * stretch
    if denominator < 0:
        return Unforeseen.CORRECTED
    return (now.numerator + numerator * stretch) / (now.denominator + denominator * stretch)


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
