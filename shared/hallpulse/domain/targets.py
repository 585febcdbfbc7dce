"""The result of each target of a plan on a day. No data is a separate state, never 0 %."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from .compression import COMPRESSION, CauseShare, ChangeOrigin, ItemChange
from .figures import Figure, FigureTable, Scope, Window
from .indicators import COMPUTED, AnyDoubt, Mark, marks_on
from .plan import Plan, Target
from .reporting import MONTHLY_REPORT, Arrivals, Reports

MIN_TREND_DAYS = 28
"""The fewest days that a forecast may rest on: a shorter stretch says nothing about a year."""
MARGIN = Fraction(2)
"""The factor from the differences between parts of the past to the interval's width.

It was measured: docs/indicators.md, "How good forecasts are".
"""
LEAST_MOVES = 2
"""The fewest parts of the past in which a catalogue must have moved; in fewer, it took a step, which is no trend."""


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
    """Reasons why there is no forecast.

    TOO_SHORT: fewer than MIN_TREND_DAYS of the period have passed; NO_PAST: there was no figure in the past; STEP: the
    catalogue changed once, or up and down, which is no trend; CORRECTED: later figures took earlier ones back;
    OUTSIDE: a share is not between 0 and 1 today.
    """

    TOO_SHORT = "too_short"
    NO_PAST = "no_past"
    STEP = "step"
    CORRECTED = "corrected"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The value at the period's end if the figure goes on as it did from `since` to `until`.

    low, high: the interval in which the value most likely lies; the more the parts of that time differ, the wider.
    """

    value: Fraction
    since: date
    until: date
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One target on one day, of the region (department None) or of a department.

    gap: distance between value and goal, negative on the wrong side, also of a ceiling. met, on_pace: None if there is
    no verdict (not measured, too few, not started); `reason` then says why. If a target binds each department, the
    region's result has the region's own figure, but the state and the gap of its worst department. judged, bound: the
    number of departments that could be judged, and that the target binds; bound is 1 if it binds the region. marks:
    the findings that the figure gains from. unforeseen: why a target with a verdict has no forecast. causes: causes of
    the compression's change since the day before the period.
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
    """The queries of a store that targets need."""

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def first_reports(self, region: int, window: Window) -> Arrivals: ...


class Catalogue(Protocol):
    """The queries of a store about the catalogue."""

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def item_changes(self, scope: Scope, before: date, after: date) -> list[ItemChange]: ...


def read_origin(plan: Plan, on: date, source: Catalogue) -> ChangeOrigin | None:
    """Return the compression before the plan's period, and the items changed up to a day; None before it begins."""
    window = plan.window(on)
    if window is None:
        return None
    table = source.figure_table(plan.region, Window(plan.eve, plan.eve))
    return ChangeOrigin(table, source.item_changes(Scope(plan.region), plan.eve, window.end))


def read_tables(plan: Plan, on: date, source: Source) -> dict[date, FigureTable]:
    """Return the tables that `evaluate` needs, each with the monthly reports that were due on its day.

    The table of the period's last day has the reports due by the day `on`: the last ones are due after the period.
    """
    arrivals = read_arrivals(plan, source)
    tables = {}
    for day in plan.dates_needed(on):
        if (window := plan.window(day)) is not None:
            as_of = on if day == plan.period.end else day
            tables[day] = with_reports(plan, source.figure_table(plan.region, window), plan.reports(arrivals, as_of))
    return tables


def read_arrivals(plan: Plan, source: Source) -> Arrivals:
    """Return when the monthly reports arrived that the plan asks for; empty, without a query, if it asks for none."""
    return {} if plan.reporting is None else source.first_reports(plan.region, plan.period)


def with_reports(plan: Plan, table: FigureTable, reports: Reports) -> FigureTable:
    """Return the table with the measured `monthly_report` of the region and of each department added."""
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
    """Return the results of the plan's targets on a day, in order; after each, those of the departments that it binds.

    tables: at least those of `plan.dates_needed(on)`, each over the window from the period's first day to its own day.
    doubts: of the plan's region, about items since the day before the period and about cases over the period. origin:
    of the day before the period.
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
        """Return the value at the period's end, or why the past does not tell it."""
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
    """Return the table's figure; 0/0 for a count of items if no catalogue has arrived, since the count says nothing."""
    figure = table.figure(indicator, department)
    computed = COMPUTED.get(indicator)
    if computed is None or computed.kind != "catalogue" or computed.unit != "count":
        return figure
    return figure if table.figure("settled_item_share", department).denominator else Figure(0, 0)


def _projected(target: Target, past: Sequence[Figure], stretch: Fraction) -> Fraction | Unforeseen:
    """Return the value after another `stretch` times the days of the trend, within what is possible.

    A figure of a day (of the catalogue) goes on along a straight line. The sums of a figure over the period go on
    growing at the same rate, so that a good last month counts by its cases and not by its share.
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
    """Return the lowest and the highest value that may come, with a margin.

    The figure may go on as in all of the past, go on as in one part of it, or stay as it is.
    """
    found = [projected, past[-1].value if past[-1].value is not None else projected]
    for (before, after), (first, last) in zip(pairwise(past), pairwise(ends), strict=True):
        one = _by_part(target, before, after, past[-1], Fraction(left, (last - first).days))
        found += [one] if one is not None else []
    low, high = min(found), max(found)
    margin = MARGIN * max(high - projected, projected - low)
    return _possible(target, low - margin, past[-1]), _possible(target, high + margin, past[-1])


def _by_part(target: Target, before: Figure, after: Figure, now: Figure, stretch: Fraction) -> Fraction | None:
    """Return the value after another `stretch` times one part of the past; None if it has none."""
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
    """Return the nearest possible value: a share from 0 to 1, a count not below today's, days not below 0."""
    if target.unit == "share":
        return max(Fraction(0), min(Fraction(1), value))
    return max(value, now.value or Fraction(0)) if target.unit == "count" else max(value, Fraction(0))


def _line(values: Sequence[Fraction | None], stretch: Fraction) -> Fraction | Unforeseen:
    """Extend a catalogue's line if it moved one way in several parts of the past, or did not move; else say why not."""
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
    """Return the region's result of a target that binds each department.

    One department that falls short decides it. A department without cases has nothing to keep. A department whose
    declared figure is missing has not reported, and then no one can say that all departments keep the target.
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
