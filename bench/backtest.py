"""Test the forecast on a past year: compare its value on each month's last day with the value at the year's end.

    python -m bench.backtest [--log PERMITS.csv]

Prints the error by horizon in points (shares), days or units, and how often the true value lay in the interval, for the
year of a simulated county and for a real log of permits if one is given (the profile `permit-log` reads it).
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.catalogue import span_on
from hallpulse.domain.figures import FigureTable, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import COLUMNS, ITEM_COLUMNS, entries_of, item_amounts
from hallpulse.domain.plan import Names, Plan, Target
from hallpulse.domain.rules import AtLeast
from hallpulse.domain.targets import evaluate
from hallpulse.domain.workdays import Workdays, day_of, workdays_of
from hallpulse.plans import load_plan
from services.simulator import County, Sent, simulate
from services.simulator.county import moment

from .questioning import Year

ROOT = Path(__file__).parents[1]
SHARES = ("promise_kept_rate", "due_kept_rate", "satisfaction", "instant_case_share", "acceptance_rate",
          "actual_compression", "instant_item_share", "promised_limit_compression", "settled_item_share",
          "full_process_item_share")  # fmt: skip
DAYS, COUNTS = ("mean_elapsed_days",), ("commitment_items", "tolerance_items")


class Figures:
    """The figures of any window of a year, computed in memory without a store."""

    def __init__(self, year: Year) -> None:
        self._region, self._spans = year.region, year.timelines()
        self._days: dict[int, Counter[int]] = defaultdict(Counter)
        for case in year.folded().values():
            for day, column, amount in entries_of(case):
                self._days[day][column] += amount

    def table(self, window: Window) -> FigureTable:
        sums: Counter[int] = Counter()
        for day in range(day_of(window.start), day_of(window.end) + 1):
            sums.update(self._days.get(day, {}))
        named = {name: sums[index] for index, name in enumerate(COLUMNS)}
        versions = (span.version for spans in self._spans.values() if (span := span_on(spans, day_of(window.end))))
        items = [sum(column) for column in zip(*map(item_amounts, versions), strict=True)] or [0] * len(ITEM_COLUMNS)
        named |= dict(zip(ITEM_COLUMNS, items, strict=True))
        own = {name: indicator.figure(named) for name, indicator in COMPUTED.items()}
        return FigureTable(self._region, window, own, {})


class Outcome(NamedTuple):
    """A forecast and the true value. horizon: whole months before the period's end; said, low, high: the forecast and
    its interval; came: the true value.
    """

    unit: str
    indicator: str
    horizon: int
    said: Fraction
    low: Fraction
    high: Fraction
    came: Fraction

    @property
    def error(self) -> Fraction:
        return abs(self.said - self.came)

    @property
    def is_inside(self) -> bool:
        return self.low <= self.came <= self.high


def plan_of(region: int, period: Window, indicators: Sequence[str]) -> Plan:
    """Return a plan with a target for each indicator."""
    names = Names("回测", "backtest")
    units = {**dict.fromkeys(SHARES, "share"), **dict.fromkeys(DAYS, "days"), **dict.fromkeys(COUNTS, "count")}
    targets = tuple(Target(one, names, one, units[one], AtLeast(Fraction(1))) for one in indicators)  # type: ignore[arg-type]
    return Plan("backtest", region, names, "", period, targets)


def outcomes(figures: Figures, plan: Plan) -> Iterator[Outcome]:
    """Yield every forecast of the plan on the last day of each month."""
    truth = figures.table(plan.period)
    for month in range(1, 12):
        on = date(plan.period.start.year, month + 1, 1) - timedelta(days=1)
        tables = {day: figures.table(Window(plan.period.start, day)) for day in plan.dates_needed(on)}
        for result in evaluate(plan, on, tables):
            came, said = truth.figure(result.target.indicator).value, result.forecast
            if said is not None and came is not None:
                unit = result.target.unit
                yield Outcome(unit, result.target.indicator, 12 - month, said.value, said.low, said.high, came)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: the outcomes of one kind of figure at one horizon."""

    what: str
    horizon: str
    count: int
    mean: float
    worst: float
    inside: float


def lines(found: Sequence[Outcome]) -> list[Line]:
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for one in found:
        kind = "cases" if COMPUTED[one.indicator].kind == "case" else "the catalogue"
        groups[f"{one.unit} of {kind}", _band(one.horizon)].append(one)
    return [_line(what, horizon, own) for (what, horizon), own in sorted(groups.items())]


def _band(horizon: int) -> str:
    return next(text for most, text in ((1, "1"), (3, "2-3"), (6, "4-6"), (12, "7-11")) if horizon <= most)


def _line(what: str, horizon: str, own: Sequence[Outcome]) -> Line:
    scale = 100 if what.startswith("share") else 1
    errors = [float(one.error) * scale for one in own]
    inside = sum(one.is_inside for one in own) / len(own)
    return Line(what, horizon, len(own), sum(errors) / len(errors), max(errors), inside)


def table(listed: Sequence[Line]) -> Iterator[str]:
    yield f"{'figure':<24}{'months ahead':>13}{'n':>5}{'mean error':>12}{'worst':>8}{'in interval':>13}"
    for one in listed:
        yield f"{one.what:<24}{one.horizon:>13}{one.count:>5}{one.mean:>12.2f}{one.worst:>8.2f}{one.inside:>13.0%}"


def calendar_of(region: int) -> Workdays:
    return workdays_of(region, {c.scope: c for c in [national_calendar(), *load_overrides(ROOT / "calendars")]})


def simulated(seed: int, cases: int) -> list[Outcome]:
    """Return the forecasts for a simulated county's year."""
    plan = load_plan(ROOT / "plans" / "222424-2026.yaml")
    workdays, until = calendar_of(plan.region), moment(day_of(plan.period.end) + 1)
    year = Year(plan.region, workdays, day_of(plan.period.start), day_of(plan.period.end))
    year.take(simulate(County(plan, workdays, until, seed, cases)))
    made = plan_of(plan.region, plan.period, (*SHARES, *DAYS, *COUNTS))
    return list(outcomes(Figures(year), replace(made, min_denominator=30)))


def logged(stream: Sequence[Sent], region: int, year: int) -> list[Outcome]:
    """Return the forecasts for a year of a real log of cases."""
    period = Window(date(year, 1, 1), date(year, 12, 31))
    told = Year(region, calendar_of(region), day_of(period.start), day_of(period.end))
    told.take(stream)
    indicators = ("promise_kept_rate", "due_kept_rate", "actual_compression", "acceptance_rate", *DAYS)
    return list(outcomes(Figures(told), replace(plan_of(region, period, indicators), min_denominator=30)))


def shown(title: str, found: Sequence[Outcome]) -> None:
    print(title, *table(lines(found)), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20260301)
    parser.add_argument("--cases", type=int, default=20_000)
    given = parser.parse_args()
    shown(f"simulated year, SEED={given.seed}, {given.cases} cases", simulated(given.seed, given.cases))


if __name__ == "__main__":
    main()
