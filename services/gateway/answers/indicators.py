"""GET /v1/indicators: every figure of a scope over a window, with its coverage and freshness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from hallpulse.contract.encode import time_text
from hallpulse.domain.figures import Coverage, Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.plan import Names, Plan
from services.gateway.desk import Desk

from .common import Named, named, number, told


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

    kind: case, catalogue or declared; enough: whether the denominator is large enough to rank and to judge.
    """

    id: str
    numerator: int
    denominator: int
    value: float | None
    names: Named
    unit: str
    kind: str
    enough: bool
    percentiles: Percentiles | msgspec.UnsetType = msgspec.UNSET


class IndicatorsAnswer(msgspec.Struct, frozen=True):
    """provisional: the window lies in a year whose official holidays are not known yet."""

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


def indicators_answer(desk: Desk, scope: Scope, window: Window) -> IndicatorsAnswer:
    plan = desk.plan(scope.region, window.end)
    with desk.store.read() as moment:
        found = moment.overview(scope, window, desk.today())
    return IndicatorsAnswer(
        region=str(scope.region),
        department=scope.department,
        hall=scope.hall,
        start=window.start,
        end=window.end,
        as_of=time_text(desk.now()),
        coverage=coverage_answer(found.coverage),
        provisional=found.provisional,
        plan=plan.id if plan else None,
        open_cases=dict(found.open_cases),
        indicators=indicator_answers(found.figures, plan, Percentiles(**found.percentiles)),
    )


def coverage_answer(coverage: Coverage) -> CoverageAnswer:
    return CoverageAnswer(coverage.halls, coverage.reporting, told(coverage.newest))


def indicator_answers(
    figures: Mapping[str, Figure], plan: Plan | None, percentiles: Percentiles | None = None
) -> list[IndicatorAnswer]:
    """The computed ones first, in the catalogue's order, then the declared ones by name."""
    computed = [name for name in COMPUTED if name in figures]
    declared = sorted(name for name in figures if name not in COMPUTED)
    return [_answer(name, figures[name], plan, percentiles) for name in (*computed, *declared)]


def _answer(name: str, figure: Figure, plan: Plan | None, percentiles: Percentiles | None) -> IndicatorAnswer:
    indicator = COMPUTED.get(name)
    least = plan.least_denominator(name) if plan else 1
    timed = name == "mean_elapsed_days" and percentiles is not None
    return IndicatorAnswer(
        id=name,
        numerator=figure.numerator,
        denominator=figure.denominator,
        value=number(figure.value),
        names=named(_names(name, plan)),
        unit=indicator.unit if indicator else _declared_unit(name, figure, plan),
        kind=indicator.kind if indicator else "declared",
        enough=figure.denominator >= least,
        percentiles=percentiles if timed and percentiles is not None else msgspec.UNSET,
    )


def _names(name: str, plan: Plan | None) -> Names:
    if plan is not None and name in plan.indicator_names:
        return plan.indicator_names[name]
    indicator = COMPUTED.get(name)
    return Names(indicator.zh, indicator.en) if indicator else Names(name, name)


def _declared_unit(name: str, figure: Figure, plan: Plan | None) -> str:
    """As the plan in force says; what it does not name is a count where nobody reported a denominator."""
    otherwise = "count" if figure.count else "share"
    return next((i.unit for i in plan.indicators if i.id == name), otherwise) if plan else otherwise
