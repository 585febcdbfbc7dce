"""The queries under /v1, but for those of cases. Each runs on a thread: the store's calls wait for the database."""

from __future__ import annotations

from typing import Any

from litestar import Request, get

from services.gateway.answers.departments import DepartmentsAnswer, departments_answer
from services.gateway.answers.indicators import IndicatorsAnswer, indicators_answer
from services.gateway.answers.integrity import IntegrityAnswer, integrity_answer
from services.gateway.answers.regions import RegionsAnswer, regions_answer
from services.gateway.answers.targets import TargetsAnswer, targets_answer
from services.gateway.answers.trend import TrendAnswer, trend_answer
from services.gateway.guards import desk_of, grant_of
from services.gateway.parameters import (
    Department,
    From,
    Hall,
    On,
    RegionCode,
    To,
    day_of_calendar,
    scope_of,
    window_of,
)
from services.gateway.records import READS

from .documented import QUERY, problems

AnyRequest = Request[Any, Any, Any]


@get(
    "/v1/indicators",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getIndicators",
    summary="Every indicator of a region, a department or a hall",
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
) -> IndicatorsAnswer:
    """Without from and to: the period so far of the plan in force, or the year so far where there is none.

    A region without data answers with zeros and no values: its coverage says that nobody reports.
    """
    scope = scope_of(grant_of(request), region, department, hall)
    desk = desk_of(request)
    return indicators_answer(desk, scope, window_of(desk, scope.region, from_, to))


@get(
    "/v1/targets",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getTargets",
    summary="What each target of the plan in force comes to",
    tags=["figures"],
)
def get_targets(request: AnyRequest, region: RegionCode, on: On = None) -> TargetsAnswer:
    """On a day, today if it is left out. Targets that bind each department list the departments."""
    scope = scope_of(grant_of(request), region)
    desk = desk_of(request)
    return targets_answer(desk, scope.region, day_of_calendar("on", on, desk.today()))


@get(
    "/v1/trend",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getTrend",
    summary="The indicators of the plan's targets, month by month",
    tags=["figures"],
)
def get_trend(request: AnyRequest, region: RegionCode, on: On = None) -> TrendAnswer:
    """From the period's first day to the end of each month, and to the day asked."""
    scope = scope_of(grant_of(request), region)
    desk = desk_of(request)
    return trend_answer(desk, scope.region, day_of_calendar("on", on, desk.today()))


@get(
    "/v1/departments",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getDepartments",
    summary="Every department's figures and open cases",
    tags=["figures"],
)
def get_departments(request: AnyRequest, region: RegionCode, from_: From = None, to: To = None) -> DepartmentsAnswer:
    """The same defaults as /v1/indicators."""
    scope = scope_of(grant_of(request), region)
    desk = desk_of(request)
    return departments_answer(desk, scope.region, window_of(desk, scope.region, from_, to))


@get(
    "/v1/regions",
    sync_to_thread=True,
    responses=problems(401, 429, 500, 503),
    operation_id="getRegions",
    summary="The regions that this token reads",
    tags=["figures"],
)
def get_regions(request: AnyRequest) -> RegionsAnswer:
    """Counties with data, halls or a plan, and the prefectures and provinces above them."""
    return regions_answer(desk_of(request), grant_of(request))


@get(
    "/v1/integrity",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getIntegrity",
    summary="What the integrity checks found",
    opt={READS: "integrity"},
    tags=["figures"],
)
def get_integrity(
    request: AnyRequest,
    region: RegionCode,
    *,
    from_: From = None,
    to: To = None,
    department: Department = None,
    hall: Hall = None,
) -> IntegrityAnswer:
    """Each check with its count and its first findings. They question figures, they do not change them."""
    scope = scope_of(grant_of(request), region, department, hall)
    desk = desk_of(request)
    return integrity_answer(desk, scope, window_of(desk, scope.region, from_, to))
