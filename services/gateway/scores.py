"""GET /v1/scores: the points that the plan gives each department and takes off, ranked within groups that are alike."""

from __future__ import annotations

from datetime import date

import msgspec
from litestar import get

from hallpulse.domain.figures import Scope
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.plan import Plan
from hallpulse.domain.scores import Deducted, DepartmentScore, GroupScores, ItemScore, read_scores
from services.gateway.access import ACTION, Action
from services.gateway.figures import MarkAnswer, Named, mark_answers, named, number
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    On,
    RegionCode,
    day_of_calendar,
    query_of,
    told_at,
)


class ItemScoreAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Points for one indicator. points: null if it could not be measured; reason: why, nothing_counted or too_few.

    most: the most points possible; marks: the findings that the figure gains from.
    """

    id: str
    names: Named
    indicator: str
    numerator: int
    denominator: int
    value: float | None
    points: float | None
    most: float
    reason: str
    marks: list[MarkAnswer]


class DeductedAnswer(msgspec.Struct, frozen=True):
    """Points taken off for those findings of a check that stand."""

    check: str
    names: Named
    findings: int
    points: float


class DepartmentScoreAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A department's score. possible: the most points that it could have; share: points / possible; rank: by share.

    Rank 1 is the best. marks: the findings that its scored figures gain from.
    """

    department: str
    names: Named
    rank: int | None
    points: float
    possible: float
    share: float | None
    items: list[ItemScoreAnswer]
    deductions: list[DeductedAnswer]
    marks: list[MarkAnswer]


class GroupScoresAnswer(msgspec.Struct, frozen=True):
    """A group of departments that are alike, the best first."""

    id: str
    names: Named
    departments: list[DepartmentScoreAnswer]


class ScoresAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of a plan's departments from its period's first day to a day.

    plan: null if none is in force; groups: [] if the plan gives no scores.
    """

    region: str
    on: date
    as_of: str
    plan: str | None
    groups: list[GroupScoresAnswer]


@get(
    "/v1/scores",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getScores",
    summary="The departments' scores by the plan, ranked within groups",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_scores(request: AnyRequest, region: RegionCode, on: On = None, as_of: AsOf = None) -> ScoresAnswer:
    """Returns the scores on a day (by default today), over the plan's period so far.

    as_of: count only events that had arrived by then; the default day is then the day of that moment.
    """
    resources, scope, past = query_of(request, region, as_of=as_of)
    day = day_of_calendar("on", on, resources.today(past))
    plan = resources.plan(scope.region, day)
    found: tuple[GroupScores, ...] = ()
    if plan is not None and plan.scoring is not None:
        with resources.read(Scope(scope.region), past) as moment:
            found = read_scores(plan, day, moment)
    return ScoresAnswer(
        region=region,
        on=day,
        as_of=told_at(resources, past),
        plan=plan.id if plan else None,
        groups=[_group(one, plan) for one in found] if plan else [],
    )


def _group(scores: GroupScores, plan: Plan) -> GroupScoresAnswer:
    names = {department.id: named(department.names) for department in plan.departments}
    departments = [_department(one, names[one.department]) for one in scores.departments]
    group = scores.group
    return GroupScoresAnswer(group.id, Named(group.names.zh, group.names.en), departments)


def _department(score: DepartmentScore, names: Named) -> DepartmentScoreAnswer:
    return DepartmentScoreAnswer(
        department=score.department,
        names=names,
        rank=score.rank,
        points=float(score.points),
        possible=float(score.possible),
        share=number(score.share),
        items=[_item(one) for one in score.items],
        deductions=[_deducted(one) for one in score.deducted],
        marks=mark_answers(score.marks),
    )


def _item(one: ItemScore) -> ItemScoreAnswer:
    item, figure = one.item, one.figure
    return ItemScoreAnswer(
        id=item.id,
        names=Named(item.names.zh, item.names.en),
        indicator=item.indicator,
        numerator=figure.numerator,
        denominator=figure.denominator,
        value=number(figure.value),
        points=number(one.points),
        most=float(item.most),
        reason=one.reason,
        marks=mark_answers(one.marks),
    )


_CHECKS = {check.id: Named(check.zh, check.en) for check in CHECKS}


def _deducted(one: Deducted) -> DeductedAnswer:
    check = one.deduction.check
    return DeductedAnswer(check, _CHECKS[check], one.findings, float(one.points))
