"""GET /v1/series: one indicator of a region and of departments, by month or by day."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.store import OverTime, Past
from services.gateway.access import ACTION, Action
from services.gateway.figures import declared_unit, number
from services.gateway.list_forms import SERIES
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import EXPECTED, QUERY, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Department,
    From,
    RegionCode,
    Resources,
    To,
    query_of,
    told_at,
    window_of,
)

MOST_POINTS, MOST_DEPARTMENTS = 120, 20
Every: TypeAlias = Literal["month", "day"]
Counting: TypeAlias = Literal["alone", "so_far"]
SeriesOf: TypeAlias = Annotated[
    str, QueryParameter(name="indicator", pattern=r"^[a-z][a-z0-9_]{0,63}$", description=EXPECTED["indicator"])
]
EachOf: TypeAlias = Annotated[Every, QueryParameter(name="every", description=EXPECTED["every"])]
CountedAs: TypeAlias = Annotated[Counting, QueryParameter(name="counting", description=EXPECTED["counting"])]
Departments: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="departments", pattern=r"^[^\x00-\x1f\x7f]{1,1400}$", description=EXPECTED["departments"]),
]


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """The figure of a window. department: null for the region's; enough: whether it is enough to rank and to judge."""

    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    department: str | None
    numerator: int
    denominator: int
    value: float | None
    enough: bool


class SeriesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator's figures by day, the region's first; each equals that of /v1/indicators over the same window.

    counting: `alone` if each figure is of its month or day; `so_far` if it is from the first day of the plan's period
    (or the year) to the end of its month or day.
    """

    region: str
    indicator: str
    department: str | None
    unit: str
    every: Every
    counting: Counting
    as_of: str
    rows: list[SeriesRow]


@get(
    "/v1/series",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getSeries",
    summary="One indicator by month or by day, of a region and of departments",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_series(
    request: AnyRequest, region: RegionCode, indicator: SeriesOf, *, every: EachOf = "month",
    counting: CountedAs = "alone", departments: Departments = None, department: Department = None,
    from_: From = None, to: To = None, as_of: AsOf = None, listing: NamedDependency[ListAsked],
) -> Response[SeriesAnswer]:  # fmt: skip
    """Returns an indicator's figures by month or by day.

    Without from and to: over the plan's period so far, or the year so far without a plan. department: only its figures;
    departments: theirs beside the region's, at most 20 codes joined by commas.
    """
    resources, scope, past = query_of(request, region, department, as_of=as_of)
    window = window_of(resources, scope.region, from_, to, past)
    beside = _beside(departments, scope)
    first = window_of(resources, scope.region, None, window.end, past).start if counting == "so_far" else None
    windows = [_counted(one, first) for one in islice(_steps(window, every), MOST_POINTS + 1)]
    if len(windows) > MOST_POINTS:
        raise Declined(Kind.CONTRADICTION, f"from: expected at most {MOST_POINTS} points in the window", field="from")
    asked = _Series(scope, indicator, windows, every, counting)
    with resources.read(Scope(scope.region), past) as moment:
        found = moment.over_time(OverTime(scope, indicator, windows, beside))
    figures = [(one, _own_first(scope, read)) for one, read in zip(windows, found, strict=True)]
    return listed(resources, listing, _answer(resources, asked, figures, past), SERIES)


class _Series(NamedTuple):
    scope: Scope
    indicator: str
    windows: Sequence[Window]
    every: Every
    counting: Counting


def _beside(departments: str | None, scope: Scope) -> list[str]:
    named = list(dict.fromkeys(departments.split(","))) if departments else []
    if scope.department is not None and named:
        detail = "departments: not expected together with department"
        raise Declined(Kind.CONTRADICTION, detail, field="departments")
    if len(named) > MOST_DEPARTMENTS:
        raise Declined(Kind.CONTRADICTION, f"departments: expected at most {MOST_DEPARTMENTS}", field="departments")
    return named


def _steps(window: Window, every: Every) -> Iterator[Window]:
    """Yield the months or days of a window, the first and the last month as far as they lie in it."""
    day = window.start
    while day <= window.end:
        last = day if every == "day" else day.replace(day=calendar.monthrange(day.year, day.month)[1])
        yield Window(day, min(last, window.end))
        day = last + timedelta(days=1)


def _counted(step: Window, first: date | None) -> Window:
    return step if first is None or first > step.end else Window(first, step.end)


def _own_first(scope: Scope, found: Mapping[str | None, Figure]) -> list[tuple[str | None, Figure]]:
    """Return the figures of a window by department, the scope's own first."""
    return [(scope.department if name is None else name, figure) for name, figure in found.items()]


_Found = Sequence[tuple[Window, list[tuple[str | None, Figure]]]]


def _answer(resources: Resources, asked: _Series, found: _Found, past: Past) -> SeriesAnswer:
    plan = resources.plan(asked.scope.region, asked.windows[-1].end)
    least = plan.least_denominator(asked.indicator) if plan else 1
    computed = COMPUTED.get(asked.indicator)
    newest = next((one for _, figures in reversed(found) for _, one in figures if one.denominator), Figure(0, 0))
    return SeriesAnswer(
        region=str(asked.scope.region),
        indicator=asked.indicator,
        department=asked.scope.department,
        unit=computed.unit if computed else declared_unit(asked.indicator, newest, plan),
        every=asked.every,
        counting=asked.counting,
        as_of=told_at(resources, past),
        rows=[
            SeriesRow(
                start=window.start,
                end=window.end,
                department=name,
                numerator=figure.numerator,
                denominator=figure.denominator,
                value=number(figure.value),
                enough=figure.denominator >= least,
            )
            for window, figures in found
            for name, figure in figures
        ],
    )
