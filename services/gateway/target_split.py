"""GET /v1/targets/{target_id}/split: the gap of a target, split exactly by department or by item."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from hallpulse.domain.figures import Figure, FigureTable, Scope
from hallpulse.domain.gap_split import GapRow, GapSplit, PartFigure, department_parts, split_gap
from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import TargetResult, evaluate, figure_of, read_tables
from hallpulse.store import Moment, Past
from services.gateway.access import ACTION, Action
from services.gateway.figures import number
from services.gateway.list_forms import SPLIT
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import EXPECTED, QUERY, Declined, Kind, problems
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

MOST_PARTS = 1_000
"""The most parts that a split lists one by one; the others are together in its rest."""
By: TypeAlias = Literal["department", "item"]
TargetInPath: TypeAlias = Annotated[str, PathParameter(description=EXPECTED["target"])]
SplitBy: TypeAlias = Annotated[By, QueryParameter(name="by", description=EXPECTED["by"])]


class SplitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a split. share: what it adds to the gap, negative if it lowers the result; exact: as a fraction.

    kind: part; rest for what is listed nowhere else; goal for the goal of a count. department, item_code, item_name: of
    a part, null otherwise; parts: how many parts are in the rest, because the list is full. value: the row's own
    figure.
    """

    kind: Literal["part", "rest", "goal"]
    department: str | None
    item_code: str | None
    item_name: str | None
    numerator: int
    denominator: int
    value: float | None
    share: float | None
    exact: str | None
    parts: int


class SplitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A target's figure, goal and gap on a day, and the rows whose shares add up to the gap exactly.

    region, department: whose figure it is; departments see their own, or their part of the region's if they lead the
    target. gap: of this figure, null if there is no value or no goal, and then no row has a share.
    """

    region: str
    target: str
    indicator: str
    department: str | None
    on: date
    as_of: str
    by: By
    unit: str
    numerator: int
    denominator: int
    value: float | None
    goal: float | None
    gap: float | None
    exact: str | None
    rows: list[SplitRow]


@get(
    "/v1/targets/{target_id:str}/split",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY, 404),
    operation_id="getTargetSplit",
    summary="The gap of a target, split by department or by item",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_target_split(
    request: AnyRequest, target_id: TargetInPath, region: RegionCode, *, by: SplitBy = "department", on: On = None,
    department: Department = None, as_of: AsOf = None, listing: NamedDependency[ListAsked],
) -> Response[SplitAnswer]:  # fmt: skip
    """Splits the figure of /v1/targets. A part with n of d adds (n − goal × d) / denominator to the gap.

    The rest holds what belongs to no part: daily tallies, a region's own declared figure; of a department that leads
    the target, all other departments. department: as in /v1/targets. 404 if the plan has no such target for it.
    """
    resources, scope, past = query_of(request, region, department, as_of=as_of)
    day = day_of_calendar("on", on, resources.today(past))
    plan = resources.plan(scope.region, day)
    wanted = _Wanted(scope, target_id, by, day)
    with resources.read(Scope(scope.region), past) as moment:
        found = None if plan is None else _split(moment, plan, wanted)
    if found is None:
        raise Declined(Kind.NOT_FOUND, "the plan in force has no such target for them", field="target_id")
    return listed(resources, listing, _answer(resources, wanted, found, past), SPLIT)


class _Wanted(NamedTuple):
    scope: Scope
    target: str
    by: By
    on: date


class _Found(NamedTuple):
    """A result and its split. department: whose own figure it is, None for the region's."""

    result: TargetResult
    department: str | None
    split: GapSplit


def _split(moment: Moment, plan: Plan, wanted: _Wanted) -> _Found | None:
    tables = read_tables(plan, wanted.on, moment)
    of_target = [one for one in evaluate(plan, wanted.on, tables) if one.target.id == wanted.target]
    result = _whose(of_target, wanted.scope.department)
    if result is None:
        return None
    parts = _parts(moment, tables[max(tables)], result, wanted) if tables else []
    return _Found(result, result.department, split_gap(result.target, result.figure, result.goal, parts, MOST_PARTS))


def _whose(results: Sequence[TargetResult], department: str | None) -> TargetResult | None:
    """Return the region's result, or for a department its own, or the region's if it leads the target."""
    own = next((one for one in results if one.department == department), None)
    if own is not None or department is None:
        return own
    whole = next((one for one in results if one.department is None), None)
    return whole if whole is not None and department in whole.target.lead else None


def _parts(moment: Moment, table: FigureTable, result: TargetResult, wanted: _Wanted) -> list[PartFigure]:
    """Return the parts, of which each adds to the figure in the table. A department sees its own alone."""
    indicator, department = result.target.indicator, wanted.scope.department
    if wanted.by == "item":
        return moment.item_parts(wanted.scope, indicator, table.window)
    names = [department] if department is not None else table.departments
    return department_parts({name: figure_of(table, indicator, name) for name in names})


def _answer(resources: Resources, wanted: _Wanted, found: _Found, past: Past) -> SplitAnswer:
    result, split = found.result, found.split
    return SplitAnswer(
        region=str(wanted.scope.region),
        target=wanted.target,
        indicator=result.target.indicator,
        department=found.department,
        on=wanted.on,
        as_of=told_at(resources, past),
        by=wanted.by,
        unit=result.target.unit,
        numerator=split.whole.numerator,
        denominator=split.whole.denominator,
        value=number(split.whole.value),
        goal=number(split.goal),
        gap=number(split.gap),
        exact=_exact(split.gap),
        rows=[_row(one) for one in split.rows],
    )


def _row(row: GapRow) -> SplitRow:
    value = Figure(row.figure.numerator, row.figure.denominator).value if row.kind == "part" else None
    return SplitRow(
        kind=row.kind,
        department=row.key.department or None,
        item_code=row.key.item_code or None,
        item_name=row.name or None,
        numerator=row.figure.numerator,
        denominator=row.figure.denominator,
        value=number(value),
        share=number(row.share),
        exact=_exact(row.share),
        parts=row.parts,
    )


def _exact(value: Fraction | None) -> str | None:
    return None if value is None else str(value)
