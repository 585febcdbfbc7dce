"""GET /v1/indicators, /v1/departments: the figures of a scope over a window, and by department."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from hallpulse.domain.figures import Coverage, Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED, AnyDoubt, Mark, marks_on
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.measures import STATES
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.succession import sources_in_force, windows_with
from hallpulse.domain.workdays import time_text
from hallpulse.store import Past
from services.gateway.access import ACTION, Action
from services.gateway.list_forms import DEPARTMENTS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.naming import IndicatorNames
from services.gateway.problems import QUERY, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Department,
    From,
    Hall,
    Predecessors,
    RegionCode,
    Resources,
    To,
    grant_of,
    query_of,
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
    """Return microseconds since 1970-01-01 UTC as an RFC 3339 time at +08:00."""
    return None if time is None else time_text(time)


class Value(msgspec.Struct, frozen=True):
    numerator: int
    denominator: int
    value: float | None


class MarkAnswer(msgspec.Struct, frozen=True):
    """Findings that the figure gains from. findings: their number; without: the figure's value without them."""

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
    """How many halls there are, how many reported in the window, and when the window's newest event happened."""

    halls: int
    reporting: int
    newest: str | None


class Percentiles(msgspec.Struct, frozen=True):
    """Percentiles of elapsed working days, by nearest rank; null without timed cases."""

    p50: int | None
    p90: int | None
    p95: int | None


class IndicatorAnswer(msgspec.Struct, frozen=True):
    """An indicator's figure. value: numerator / denominator, null if the denominator is 0.

    kind: case, catalogue or declared; enough: whether the denominator is large enough to rank and to judge; marks: the
    findings that the figure gains from; known, known_of: for an indicator of the catalogue, for how many items its flag
    or limit is known, and how many items there are.
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


class PartOfWindow(msgspec.Struct, frozen=True):
    """A region's code whose figures are in the answer, and the days over which they are counted."""

    region: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")


class IndicatorsAnswer(msgspec.Struct, frozen=True):
    """The figures of a scope over a window.

    provisional: whether the window includes a year whose official holidays are not known yet; parts: with
    predecessors=true, the codes that the figures are the sums of.
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
    parts: list[PartOfWindow] | msgspec.UnsetType = msgspec.UNSET


def indicators_answer(
    resources: Resources, scope: Scope, window: Window, past: Past, *, predecessors: bool = False
) -> IndicatorsAnswer:
    plan = resources.plan(scope.region, window.end)
    back = replace(past, days=window) if past.as_of is not None else past
    with resources.read(scope, back) as moment:
        windows = {scope.region: window}
        if predecessors:
            windows = windows_with(moment.successions(), scope.region, window)
        parts = [(replace(scope, region=code), days) for code, days in windows.items()]
        doubts: list[AnyDoubt] = []
        for part, days in parts:
            doubts += moment.case_doubts(part, days)
            if scope.hall is None and days.end == window.end:
                doubts += moment.doubts(part, doubts_since(plan, days), days.end)
        today = resources.today(past)
        found = moment.joint_overview(parts, today) if len(parts) > 1 else moment.overview(scope, window, today)
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
            found.figures,
            resources.book.indicators(scope.region, plan),
            _marks(found.figures, doubts),
            Percentiles(**found.percentiles),
        ),
        parts=[PartOfWindow(str(code), days.start, days.end) for code, days in windows.items()]
        if predecessors
        else msgspec.UNSET,
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
    predecessors: Predecessors = "false",
) -> IndicatorsAnswer:
    """Returns the figures of a scope. Without from and to: over the plan's period or the year so far.

    as_of: use only events that had arrived by then, and the open cases of that day.
    predecessors=true: with those of the codes that a county's code succeeded, each over the days that count for it.

    A region without data answers with zeros and no values: its coverage says that no hall reports.
    """
    resources, scope, past = query_of(request, region, department, hall, as_of=as_of)
    window, with_them = window_of(resources, scope.region, from_, to, past), predecessors == "true"
    if with_them and (past.as_of is not None or scope.hall is not None):
        raise Declined(Kind.CONTRADICTION, "predecessors: expected neither as_of nor hall beside it")
    for code in sources_in_force(resources.book.successions(), scope.region) if with_them else ():
        scope_of(grant_of(request), str(code), department)
    return indicators_answer(resources, scope, window, past, predecessors=with_them)


def doubts_since(plan: Plan | None, window: Window) -> date:
    """Return the day whose limits are taken as given: before the window or the plan's period, whichever is earlier."""
    before = window.start - timedelta(days=1)
    return before if plan is None else min(plan.eve, before)


def coverage_answer(coverage: Coverage) -> CoverageAnswer:
    return CoverageAnswer(coverage.halls, coverage.reporting, time_or_null(coverage.newest))


_Marks = Mapping[str, list[MarkAnswer]]


def _marks(figures: Mapping[str, Figure], doubts: Sequence[AnyDoubt], department: str | None = None) -> _Marks:
    """Return indicator → marks, for each figure that gains from a finding."""
    found = ((name, marks_on(name, figure, doubts, department)) for name, figure in figures.items())
    return {name: mark_answers(marks) for name, marks in found if marks}


def indicator_answers(
    figures: Mapping[str, Figure], known: IndicatorNames, marks: _Marks, percentiles: Percentiles | None = None
) -> list[IndicatorAnswer]:
    """Return the computed indicators in the order of `COMPUTED`, then the declared ones by id."""
    computed = [name for name in COMPUTED if name in figures]
    declared = sorted(name for name in figures if name not in COMPUTED)
    return [_answer(name, figures[name], known, marks, percentiles) for name in (*computed, *declared)]


def _answer(
    name: str, figure: Figure, known: IndicatorNames, marks: _Marks, percentiles: Percentiles | None
) -> IndicatorAnswer:
    indicator, plan = COMPUTED.get(name), known.plan
    least = plan.least_denominator(name) if plan else 1
    timed = name == "mean_elapsed_days" and percentiles is not None
    return IndicatorAnswer(
        id=name,
        numerator=figure.numerator,
        denominator=figure.denominator,
        value=number(figure.value),
        names=named(known.of(name)),
        unit=indicator.unit if indicator else declared_unit(name, figure, plan),
        kind=indicator.kind if indicator else "declared",
        enough=figure.denominator >= least,
        marks=marks.get(name, []),
        percentiles=percentiles if timed and percentiles is not None else msgspec.UNSET,
        known=figure.known.count if figure.known else msgspec.UNSET,
        known_of=figure.known.items if figure.known else msgspec.UNSET,
    )


def declared_unit(name: str, figure: Figure, plan: Plan | None) -> str:
    """Return the plan's unit. An indicator that it does not name is a count if no report has a denominator."""
    otherwise = "count" if figure.count else "share"
    return next((i.unit for i in plan.indicators if i.id == name), otherwise) if plan else otherwise


_NO_CASES = dict.fromkeys(STATES, 0)


class DepartmentAnswer(msgspec.Struct, frozen=True):
    id: str
    names: Named
    open_cases: dict[str, int]
    indicators: list[IndicatorAnswer]


class DepartmentsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The departments of the plan, of the catalogue and of cases, by id."""

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
    indicators = resources.book.indicators(region, plan)
    return DepartmentsAnswer(
        region=str(region),
        start=window.start,
        end=window.end,
        as_of=time_text(resources.now()),
        departments=[
            DepartmentAnswer(
                id=id_,
                names=named(names.get(id_) or resources.book.names("department", str(region), id_)),
                open_cases=open_cases.get(id_, _NO_CASES),
                indicators=indicator_answers(
                    table.departments.get(id_, {}),
                    indicators,
                    _marks(table.departments.get(id_, {}), doubts, id_),
                ),
            )
            for id_ in known
        ],
    )


@get(
    "/v1/departments",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getDepartments",
    summary="Every department's figures and open cases",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_departments(
    request: AnyRequest, region: RegionCode, *, from_: From = None, to: To = None, listing: NamedDependency[ListAsked]
) -> Response[DepartmentsAnswer]:
    """Returns the figures of every department. Without from and to: over the window of /v1/indicators."""
    resources, scope, _ = query_of(request, region)
    found = departments_answer(resources, scope.region, window_of(resources, scope.region, from_, to))
    return listed(resources, listing, found, DEPARTMENTS)
