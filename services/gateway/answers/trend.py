"""GET /v1/trend: what the plan's indicators came to at the end of each month so far."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from hallpulse.domain.figures import Figure, Scope, Window
from services.gateway.desk import Desk

from .common import number


class Value(msgspec.Struct, frozen=True):
    numerator: int
    denominator: int
    value: float | None


class Point(msgspec.Struct, frozen=True):
    """The figures of the period from its first day up to and with `on`, by indicator id."""

    on: date
    values: dict[str, Value]


class TrendAnswer(msgspec.Struct, frozen=True):
    """plan: whose period it is; null, and no points, where no plan is in force on the day."""

    region: str
    on: date
    plan: str | None
    points: list[Point]


def trend_answer(desk: Desk, region: int, on: date) -> TrendAnswer:
    plan = desk.plan(region, on)
    window = plan.window(on) if plan else None
    if plan is None or window is None:
        return TrendAnswer(str(region), on, plan.id if plan else None, [])
    shown = {target.indicator for target in plan.targets}
    scope = Scope(region)
    with desk.store.read() as moment:
        figures = {day: moment.figures(scope, Window(window.start, day)) for day in month_ends(window)}
    points = [Point(day, _values(found, shown)) for day, found in figures.items()]
    return TrendAnswer(str(region), on, plan.id, points)


def month_ends(window: Window) -> Iterator[date]:
    """The last day of every month in the window, and the window's own last day."""
    day = window.start
    while True:
        last = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        if last >= window.end:
            yield window.end
            return
        yield last
        day = last + timedelta(days=1)


def _values(figures: dict[str, Figure], shown: set[str]) -> dict[str, Value]:
    return {
        name: Value(figure.numerator, figure.denominator, number(figure.value))
        for name, figure in figures.items()
        if name in shown
    }
