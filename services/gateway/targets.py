"""GET /v1/targets: the results of a plan's targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from hallpulse.domain.compression import CAUSE_NAMES, CauseShare
from hallpulse.domain.figures import Scope
from hallpulse.domain.indicators import AnyDoubt
from hallpulse.domain.plan import Names, Plan, Target
from hallpulse.domain.reporting import MONTHLY_REPORT, DepartmentMonth, Reports, Timeliness
from hallpulse.domain.rules import Linear, Raised, Step
from hallpulse.domain.targets import TargetResult, evaluate, read_arrivals, read_origin, read_tables
from hallpulse.store import Moment, Past
from services.gateway.access import ACTION, Action
from services.gateway.figures import MarkAnswer, Named, mark_answers, named, number
from services.gateway.list_forms import TARGETS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Department,
    On,
    RegionCode,
    Resources,
    day_of_calendar,
    query_of,
    told_at,
)


class DepartmentName(msgspec.Struct, frozen=True):
    id: str
    names: Named


class PhaseAnswer(msgspec.Struct, frozen=True):
    id: str
    names: Named
    start: date
    end: date | None


class PlanAnswer(msgspec.Struct, frozen=True):
    """The plan in force on the day."""

    id: str
    region: str
    names: Named
    document: str
    start: date
    end: date
    min_denominator: int
    phase: PhaseAnswer | None
    note: Named | None


class CauseGain(msgspec.Struct, frozen=True):
    """A cause of a change of the compression. exact: its share as a fraction."""

    id: str
    names: Named
    share: float
    exact: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A target's result. All values are parts of 1, days or counts, never percentages.

    gap: from the value to the goal, negative if short. met, on_pace: null if not known; reason then says why.
    forecast: the value at the period's end if it goes on as during forecast_from, most likely between forecast_low and
    forecast_high; forecast_reason: why there is none (too_short, no_past, step, corrected, outside). marks: the
    findings that the figure gains from, each with the figure without them. causes: what changed the compression of
    promised limits since the day before the period; they add up to the change.
    """

    state: str
    value: float | None
    numerator: int
    denominator: int
    required: float | None
    goal: float | None
    gap: float | None
    met: bool | None
    on_pace: bool | None
    forecast: float | None
    forecast_low: float | None
    forecast_high: float | None
    forecast_from: list[date] | None
    forecast_reason: str | None
    reason: str
    marks: list[MarkAnswer]
    causes: list[CauseGain]


class LateReport(msgspec.Struct, frozen=True):
    """A monthly report that is due and was not in time. month: YYYY-MM; by: the last day for it.

    state: late or missing; days: by how many days it was complete too late, null while a figure is missing; late,
    missing: the indicators that came late or have not come; names: of these indicators.
    """

    month: str
    by: date
    state: str
    days: int | None
    late: list[str]
    missing: list[str]
    names: dict[str, Named]


class DepartmentTarget(Reading, frozen=True, kw_only=True):
    """A department's result. reports: for monthly_report, each month that is due and was not reported in time."""

    department: str
    names: Named
    reports: list[LateReport] = []


class RuleAnswer(msgspec.Struct, frozen=True):
    """A target's rule.

    kind: at_least, at_most, below or base; direction: whether more is better (up) or less is (down).

    base, increase, reading (points, relative, remaining): for a raised base; reference: the declared indicator that
    holds the limit.
    """

    kind: str
    direction: str
    base: float | None = None
    increase: float | None = None
    reading: str | None = None
    reference: str | None = None
    reference_names: Named | None = None


class PathAnswer(msgspec.Struct, frozen=True):
    """A target's path.

    kind: linear, from `start` on the period's first day; step, the whole goal from the day `first`; or none.
    """

    kind: str
    start: float | None = None
    first: date | None = None


class TargetAnswer(Reading, frozen=True, kw_only=True):
    """A target. readings: the goal by each reading of "a further 10 %"; lead: the departments that answer for it.

    bound: how many departments it binds; judged: how many of them could be judged; departments: their results.
    """

    id: str
    names: Named
    indicator: str
    unit: str
    scope: str
    severity: str
    source: list[str]
    lead: list[DepartmentName]
    rule: RuleAnswer
    path: PathAnswer
    readings: dict[str, float]
    judged: int
    bound: int
    departments: list[DepartmentTarget]


class TargetsAnswer(msgspec.Struct, frozen=True):
    """The results of a region's targets. plan: null, with no targets, if no plan is in force on the day."""

    region: str
    on: date
    as_of: str
    plan: PlanAnswer | None
    targets: list[TargetAnswer]


def targets_answer(resources: Resources, scope: Scope, on: date, past: Past) -> TargetsAnswer:
    region = scope.region
    plan = resources.plan(region, on)
    found = _evaluated(resources, plan, on, past) if plan else None
    return TargetsAnswer(
        region=str(region),
        on=on,
        as_of=told_at(resources, past),
        plan=plan_answer(plan, on) if plan else None,
        targets=target_answers(found, plan, scope.department) if plan and found else [],
    )


@get(
    "/v1/targets",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getTargets",
    summary="The result of each target of the plan in force",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_targets(
    request: AnyRequest, region: RegionCode, *, on: On = None, department: Department = None, as_of: AsOf = None,
    listing: NamedDependency[ListAsked],
) -> Response[TargetsAnswer]:  # fmt: skip
    """Returns the plan's targets on a day, by default today. Targets that bind each department list the departments.

    department: only the targets that it leads, and those that bind it, with its own reading. as_of: use only events
    that had arrived by then; the default day is then the day of that moment.
    """
    resources, scope, past = query_of(request, region, department, as_of=as_of)
    found = targets_answer(resources, scope, day_of_calendar("on", on, resources.today(past)), past)
    return listed(resources, listing, found, TARGETS)


class Judged(NamedTuple):
    """The judged targets and monthly reports of a plan on a day."""

    results: Sequence[TargetResult]
    reports: Reports


def judged(moment: Moment, plan: Plan, on: date) -> Judged:
    """Judge the plan by the data in a moment of the database."""
    scope = Scope(plan.region)
    tables = read_tables(plan, on, moment)
    doubts: list[AnyDoubt] = [*moment.doubts(scope, plan.eve, on)]
    if (window := plan.window(on)) is not None:
        doubts += moment.case_doubts(scope, window)
    origin = read_origin(plan, on, moment)
    arrivals = read_arrivals(plan, moment)
    return Judged(evaluate(plan, on, tables, doubts, origin), plan.reports(arrivals, on))


def _evaluated(resources: Resources, plan: Plan, on: date, past: Past) -> Judged:
    with resources.read(Scope(plan.region), past) as moment:
        return judged(moment, plan, on)


def target_answers(found: Judged, plan: Plan, department: str | None) -> list[TargetAnswer]:
    """Return the region's targets; for a department its own results of targets that bind it, and targets it leads."""
    results, reports = found
    whole = [one for one in results if one.department is None]
    if department is None:
        return [_target(one, results, reports, plan) for one in whole]
    own = {one.target.id: one for one in results if one.department == department}
    mine = [own.get(one.target.id) or (one if department in one.target.lead else None) for one in whole]
    return [_target(one, [*own.values()], reports, plan) for one in mine if one is not None]


def _target(own: TargetResult, results: Sequence[TargetResult], reports: Reports, plan: Plan) -> TargetAnswer:
    target = own.target
    names = {d.id: d.names for d in plan.departments}
    bound = [r for r in results if r.target.id == target.id and r.department is not None]
    return TargetAnswer(
        **_reading(own),
        id=target.id,
        names=named(target.names),
        indicator=target.indicator,
        unit=target.unit,
        scope=target.scope.value,
        severity=target.severity.value,
        source=list(target.source),
        lead=[DepartmentName(id_, _name(id_, names)) for id_ in target.lead],
        rule=_rule(target, plan),
        path=_path(target, plan),
        readings={name: float(goal) for name, goal in own.readings.items()},
        judged=own.judged,
        bound=own.bound,
        departments=[
            DepartmentTarget(
                **_reading(r),
                department=r.department or "",
                names=_name(r.department or "", names),
                reports=_late(reports.of(r.department or ""), plan) if target.indicator == MONTHLY_REPORT else [],
            )
            for r in bound
        ],
    )


def _late(months: Sequence[DepartmentMonth], plan: Plan) -> list[LateReport]:
    named_there = plan.indicator_names
    return [
        LateReport(
            month=f"{m.month:%Y-%m}",
            by=m.last_day,
            state=m.timeliness.value,
            days=m.days,
            late=list(m.late),
            missing=list(m.missing),
            names={id_: _name(id_, named_there) for id_ in (*m.late, *m.missing)},
        )
        for m in months
        if m.timeliness is not Timeliness.ON_TIME
    ]


def _reading(result: TargetResult) -> dict[str, Any]:
    forecast = result.forecast
    return {
        "state": result.state.value,
        "value": number(result.value),
        "numerator": result.figure.numerator,
        "denominator": result.figure.denominator,
        "required": number(result.required),
        "goal": number(result.goal),
        "gap": number(result.gap),
        "met": result.met,
        "on_pace": result.on_pace,
        "forecast": number(forecast.value) if forecast else None,
        "forecast_low": number(forecast.low) if forecast else None,
        "forecast_high": number(forecast.high) if forecast else None,
        "forecast_from": [forecast.since, forecast.until] if forecast else None,
        "forecast_reason": result.unforeseen.value if result.unforeseen else None,
        "reason": result.reason,
        "marks": mark_answers(result.marks),
        "causes": [_gain(one) for one in result.causes],
    }


def _gain(one: CauseShare) -> CauseGain:
    return CauseGain(one.cause.value, Named(*CAUSE_NAMES[one.cause]), float(one.share), str(one.share))


def _name(id_: str, names: Mapping[str, Names]) -> Named:
    return named(names[id_]) if id_ in names else Named(id_, id_)


def _rule(target: Target, plan: Plan) -> RuleAnswer:
    rule = target.rule
    direction = "down" if rule.less_is_better else "up"
    if isinstance(rule, Raised):
        return RuleAnswer(rule.kind, direction, float(rule.base), float(rule.increase), rule.reading.value)
    reference = target.reference_indicator
    return RuleAnswer(
        rule.kind,
        direction,
        reference=reference,
        reference_names=None if reference is None else _name(reference, plan.indicator_names),
    )


def _path(target: Target, plan: Plan) -> PathAnswer:
    path = target.path
    if isinstance(path, Linear):
        return PathAnswer("linear", start=float(path.start))
    if isinstance(path, Step):
        return PathAnswer("step", first=path.first or plan.period.start)
    return PathAnswer("none")


def plan_answer(plan: Plan, on: date) -> PlanAnswer:
    phase = plan.phase_on(on)
    return PlanAnswer(
        id=plan.id,
        region=str(plan.region),
        names=named(plan.names),
        document=plan.document,
        start=plan.period.start,
        end=plan.period.end,
        min_denominator=plan.min_denominator,
        phase=PhaseAnswer(phase.id, named(phase.names), phase.start, phase.end) if phase else None,
        note=named(plan.note) if plan.note else None,
    )
