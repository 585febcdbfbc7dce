"""GET /v1/indicators, /v1/departments, /v1/trend: every figure of a scope over a window, by department, by month."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import msgspec
from litestar import get

from hallpulse.domain.compression import Mark
from hallpulse.domain.figures import Coverage, Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.marks import AnyDoubt, marks_on
from hallpulse.domain.measures import STATES
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.workdays import time_text
from hallpulse.store import Past
from services.gateway.access import ACTION, Action
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Department,
    From,
    Hall,
    On,
    RegionCode,
    Resources,
    To,
    day_of_calendar,
    grant_of,
    past_of,
    resources_of,
    scope_of,
    told_at,
    window_of,
)


class Named(msgspec.Struct, frozen=True):
    """A name in Chinese and in English."""

    zh: str
    en: str


def named(names: Names) -> Named:
    return Named(names.zh, names.en)


def number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def time_or_null(time: int | None) -> str | None:
    """Microseconds since 1970-01-01 UTC as RFC 3339 at +08:00."""
    return None if time is None else time_text(time)


class Value(msgspec.Struct, frozen=True):
    numerator: int
    denominator: int
    value: float | None


class MarkAnswer(msgspec.Struct, frozen=True):
    """A finding that the figure gains from: the integrity check, of how many items, and the figure without them."""

    check: str
    names: Named
    findings: int
    without: Value


def value_answer(figure: Figure) -> Value:
    return Value(figure.numerator, figure.denominator, number(figure.value))


def mark_answers(marks: Sequence[Mark]) -> list[MarkAnswer]:
    return [MarkAnswer(m.check, _CHECK_NAMES[m.check], m.findings, value_answer(m.without)) for m in marks]


_CHECK_NAMES = {check.id: Named(check.zh, check.en) for check in CHECKS}


class CoverageAnswer(msgspec.Struct, frozen=True):
    """Halls that there are, halls that reported in the window, and when its newest event happened."""

    halls: int
    reporting: int
    newest: str | None


class Percentiles(msgspec.Struct, frozen=True):
    """Of elapsed working days, nearest rank; null without timed cases."""

    p50: int | None
    p90: int | None
    p95: int | None


class IndicatorAnswer(msgspec.Struct, frozen=True):
    """value is numerator / denominator, null where the denominator is 0.

    kind: case, catalogue or declared; enough: whether the denominator is large enough to rank and to judge; marks: the
    findings that the figure gains from; known, known_of: of an indicator of the catalogue, of how many items its flag
    or limit is known, and of how many items in all.
    """

    id: str
    numerator: int
    denominator: int
    value: float | None
    names: Named
    unit: str
    kind: str
    enough: bool
    marks: list[MarkAnswer]
    percentiles: Percentiles | msgspec.UnsetType = msgspec.UNSET
    known: int | msgspec.UnsetType = msgspec.UNSET
    known_of: int | msgspec.UnsetType = msgspec.UNSET


class IndicatorsAnswer(msgspec.Struct, frozen=True):
    """The figures of a scope over a window.

    provisional: the window lies in a year whose official holidays are not known yet.
    """

    region: str
    department: str | None
    hall: str | None
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    coverage: CoverageAnswer
    provisional: bool
    plan: str | None
    open_cases: dict[str, int]
    indicators: list[IndicatorAnswer]


def indicators_answer(resources: Resources, scope: Scope, window: Window, past: Past) -> IndicatorsAnswer:
    plan = resources.plan(scope.region, window.end)
    back = replace(past, days=window) if past.as_of is not None else past
    with resources.read(scope, back) as moment:
        found = moment.overview(scope, window, resources.today(past))
        doubts: list[AnyDoubt] = [*moment.case_doubts(scope, window)]
        if scope.hall is None:
            doubts += moment.doubts(scope, doubts_since(plan, window), window.end)
    return IndicatorsAnswer(
        region=str(scope.region),
        department=scope.department,
        hall=scope.hall,
        start=window.start,
        end=window.end,
        as_of=told_at(resources, past),
        coverage=coverage_answer(found.coverage),
        provisional=found.provisional,
        plan=plan.id if plan else None,
        open_cases=dict(found.open_cases),
        indicators=indicator_answers(
            found.figures, plan, _marks(found.figures, doubts), Percentiles(**found.percentiles)
        ),
    )


@get(
    "/v1/indicators",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getIndicators",
    summary="Every indicator of a region, a department or a hall",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_indicators(
    request: AnyRequest,
    region: RegionCode,
    *,
    from_: From = None,
    to: To = None,
    department: Department = None,
    hall: Hall = None,
    as_of: AsOf = None,
) -> IndicatorsAnswer:
    """Without from and to: the period so far of the plan in force, or the year so far where there is none.

    as_of: by what had arrived by then, and the open cases of that day.

    A region without data answers with zeros and no values: its coverage says that no hall reports.
    """
    scope = scope_of(grant_of(request), region, department, hall)
    resources, past = resources_of(request), past_of(as_of)
    return indicators_answer(resources, scope, window_of(resources, scope.region, from_, to, past), past)


def doubts_since(plan: Plan | None, window: Window) -> date:
    """The day whose limits are taken as given: before the window and, where a plan is in force, before its period."""
    before = window.start - timedelta(days=1)
    return before if plan is None else min(plan.eve, before)


def coverage_answer(coverage: Coverage) -> CoverageAnswer:
    return CoverageAnswer(coverage.halls, coverage.reporting, time_or_null(coverage.newest))


_Marks = Mapping[str, list[MarkAnswer]]


def _marks(figures: Mapping[str, Figure], doubts: Sequence[AnyDoubt], department: str | None = None) -> _Marks:
    """The marks of each figure that gains from a finding."""
    found = ((name, marks_on(name, figure, doubts, department)) for name, figure in figures.items())
    return {name: mark_answers(marks) for name, marks in found if marks}


def indicator_answers(
    figures: Mapping[str, Figure], plan: Plan | None, marks: _Marks, percentiles: Percentiles | None = None
) -> list[IndicatorAnswer]:
    """The computed ones first, in the catalogue's order, then the declared ones by name."""
    computed = [name for name in COMPUTED if name in figures]
    declared = sorted(name for name in figures if name not in COMPUTED)
    return [_answer(name, figures[name], plan, marks, percentiles) for name in (*computed, *declared)]


def _answer(
    name: str, figure: Figure, plan: Plan | None, marks: _Marks, percentiles: Percentiles | None
) -> IndicatorAnswer:
    indicator = COMPUTED.get(name)
    least = plan.least_denominator(name) if plan else 1
    timed = name == "mean_elapsed_days" and percentiles is not None
    return IndicatorAnswer(
        id=name,
        numerator=figure.numerator,
        denominator=figure.denominator,
        value=number(figure.value),
        names=named(indicator_names(name, plan)),
        unit=indicator.unit if indicator else _declared_unit(name, figure, plan),
        kind=indicator.kind if indicator else "declared",
        enough=figure.denominator >= least,
        marks=marks.get(name, []),
        percentiles=percentiles if timed and percentiles is not None else msgspec.UNSET,
        known=figure.known.count if figure.known else msgspec.UNSET,
        known_of=figure.known.items if figure.known else msgspec.UNSET,
    )


def indicator_names(name: str, plan: Plan | None) -> Names:
    if plan is not None and name in plan.indicator_names:
        return plan.indicator_names[name]
    indicator = COMPUTED.get(name)
    return Names(indicator.zh, indicator.en) if indicator else Names(name, name)


def _declared_unit(name: str, figure: Figure, plan: Plan | None) -> str:
    """As the plan in force says; an indicator that it does not name is a count if no hall reported a denominator."""
    otherwise = "count" if figure.count else "share"
    return next((i.unit for i in plan.indicators if i.id == name), otherwise) if plan else otherwise


_NO_CASES = dict.fromkeys(STATES, 0)


class DepartmentAnswer(msgspec.Struct, frozen=True):
    id: str
    names: Named
    open_cases: dict[str, int]
    indicators: list[IndicatorAnswer]


class DepartmentsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Departments of the plan, of the catalogue, and any that cases name, by id."""

    region: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    departments: list[DepartmentAnswer]


def departments_answer(resources: Resources, region: int, window: Window) -> DepartmentsAnswer:
    names, plan = resources.department_names(region, window.end), resources.plan(region, window.end)
    with resources.store.read() as moment:
        table = moment.figure_table(region, window)
        open_cases = moment.open_cases_by_department(region, resources.today())
        doubts: list[AnyDoubt] = [*moment.doubts(Scope(region), doubts_since(plan, window), window.end)]
        doubts += moment.case_doubts(Scope(region), window)
    known = sorted({*names, *table.departments, *open_cases} - {""})
    return DepartmentsAnswer(
        region=str(region),
        start=window.start,
        end=window.end,
        as_of=time_text(resources.now()),
        departments=[
            DepartmentAnswer(
                id=id_,
                names=Named(names[id_].zh, names[id_].en) if id_ in names else Named(id_, id_),
                open_cases=open_cases.get(id_, _NO_CASES),
                indicators=indicator_answers(
                    table.departments.get(id_, {}),
                    plan,
                    _marks(table.departments.get(id_, {}), doubts, id_),
                ),
            )
            for id_ in known
        ],
    )


@get(
    "/v1/departments",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getDepartments",
    summary="Every department's figures and open cases",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_departments(request: AnyRequest, region: RegionCode, from_: From = None, to: To = None) -> DepartmentsAnswer:
    """Without from and to: as /v1/indicators."""
    scope = scope_of(grant_of(request), region)
    resources = resources_of(request)
    return departments_answer(resources, scope.region, window_of(resources, scope.region, from_, to))


class Point(msgspec.Struct, frozen=True):
    """The figures of the period from its first day up to and with `on`, by indicator id."""

    on: date
    values: dict[str, Value]


class TrendAnswer(msgspec.Struct, frozen=True):
    """A plan's indicators at the end of each month so far.

    plan: whose period it is; null, and no points, where no plan is in force on the day. names: of the indicators.
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
    with resources.store.read() as moment:
        figures = {day: moment.figures(scope, Window(window.start, day)) for day in month_ends(window)}
    points = [Point(day, _values(found, shown)) for day, found in figures.items()]
    told = sorted({name for point in points for name in point.values})
    names = {name: named(indicator_names(name, plan)) for name in told}
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
    """From the period's first day to the end of each month, and to the day asked."""
    scope = scope_of(grant_of(request), region)
    resources = resources_of(request)
    return trend_answer(resources, scope.region, day_of_calendar("on", on, resources.today()))


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
    return {name: value_answer(figure) for name, figure in figures.items() if name in shown}
