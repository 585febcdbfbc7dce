"""GET /v1/trend: the indicators of a plan's targets, month by month."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
from litestar import get

from hallpulse.domain.figures import Figure, Scope, Window
from services.gateway.access import ACTION, Action
from services.gateway.figures import Named, Value, named, value_answer
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    On,
    RegionCode,
    Resources,
    day_of_calendar,
    query_of,
)


class Point(msgspec.Struct, frozen=True):
    """The figures from the period's first day up to `on`, included, by indicator id."""

    on: date
    values: dict[str, Value]


class TrendAnswer(msgspec.Struct, frozen=True):
    """A plan's indicators at the end of each month so far.

    plan: the plan in force on the day; null, with no points, if there is none. names: of the indicators.
    """

    region: str
    on: date
    plan: str | None
    points: list[Point]
    names: dict[str, Named]


def trend_answer(resources: Resources, region: int, on: date) -> TrendAnswer:
    plan = resources.plan(region, on)
    window = plan.window(on) if plan else None
    if plan is None or window is None:
        return TrendAnswer(str(region), on, plan.id if plan else None, [], {})
    shown = {target.indicator for target in plan.targets}
    scope = Scope(region)
    windows = [Window(window.start, day) for day in month_ends(window)]
    with resources.store.read() as moment:
        figures = moment.figures_over_time(scope, windows)
    points = [Point(one.end, _values(found, shown)) for one, found in zip(windows, figures, strict=True)]
    told = sorted({name for point in points for name in point.values})
    names = {name: named(resources.book.indicators(region, plan).of(name)) for name in told}
    return TrendAnswer(str(region), on, plan.id, points, names)


@get(
    "/v1/trend",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getTrend",
    summary="The indicators of the plan's targets, month by month",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_trend(request: AnyRequest, region: RegionCode, on: On = None) -> TrendAnswer:
    """Returns the figures from the period's first day to the end of each month, and to the given day."""
    resources, scope, _ = query_of(request, region)
    return trend_answer(resources, scope.region, day_of_calendar("on", on, resources.today()))


def month_ends(window: Window) -> Iterator[date]:
    """Yield the last day of every month in the window, and the window's last day."""
    day = window.start
    while True:
        last = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        if last >= window.end:
            yield window.end
            return
        yield last
        day = last + timedelta(days=1)


def _values(figures: dict[str, Figure], shown: set[str]) -> dict[str, Value]:
    return {name: value_answer(figure) for name, figure in figures.items() if name in shown}
