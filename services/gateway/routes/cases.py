"""The queries of cases under /v1: lists behind a number, and one case's whole story."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import unquote

from litestar import Request, get

from hallpulse.domain.figures import Scope
from hallpulse.store import CaseFilter, Grant, Moment
from services.gateway.answers.cases import Asked, CasesAnswer, cases_answer
from services.gateway.answers.history import CaseHistoryAnswer, history_answer
from services.gateway.guards import desk_of, grant_of
from services.gateway.parameters import (
    CaseIdInPath,
    CaseKey,
    CountyInPath,
    Cursor,
    Department,
    From,
    Hall,
    HallInPath,
    IndicatorId,
    Limit,
    PartName,
    RegionCode,
    State,
    To,
    case_key,
    scope_of,
    window_of,
)
from services.gateway.problems import Declined, Kind
from services.gateway.records import READS
from services.gateway.rights import may_read, reach

from .documented import QUERY, problems

AnyRequest = Request[Any, Any, Any]
_PREFIX = "/v1/cases/"


@get(
    "/v1/cases",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="listCases",
    summary="The cases behind a number",
    opt={READS: "list"},
    tags=["cases"],
)
def list_cases(
    request: AnyRequest,
    region: RegionCode,
    *,
    state_: State = None,
    indicator: IndicatorId = None,
    part: PartName = None,
    from_: From = None,
    to: To = None,
    department: Department = None,
    hall: Hall = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CasesAnswer:
    """Either state, today; or indicator and part (numerator, if it is left out) over a window.

    `total` equals the number that /v1/indicators (or its open_cases) gives for the same question. Overdue cases come
    first where a state is asked. Without from and to: the same window as /v1/indicators.
    """
    desk, scope = desk_of(request), scope_of(grant_of(request), region, department, hall)
    if (state_ is None) == (indicator is None):
        raise Declined(Kind.CONTRADICTION, "expected either state or indicator", field="state")
    if state_ is not None:
        _refuse_beside_state(part=part, **{"from": from_, "to": to})
        wanted = CaseFilter(scope, state=state_)
    else:
        window = window_of(desk, scope.region, from_, to)
        wanted = CaseFilter(scope, indicator=indicator, part=part or "numerator", window=window)
    return cases_answer(desk, Asked(wanted, cursor, limit))


def _refuse_beside_state(**given: str | date | None) -> None:
    for name, value in given.items():
        if value is not None:
            detail = f"{name}: expected with indicator only: a state is that of today"
            raise Declined(Kind.CONTRADICTION, detail, field=name)


@get(
    "/v1/cases/{region:str}/{hall:str}/{case_id:path}",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getCase",
    summary="One case: its events and its clock, day by day",
    opt={READS: "case"},
    tags=["cases"],
)
def get_case(request: AnyRequest, region: CountyInPath, hall: HallInPath, case_id: CaseIdInPath) -> CaseHistoryAnswer:
    """The days that counted and those that did not and why, the limits and where they come from, and the flags."""
    del region, hall, case_id  # documented; an id may hold a slash, which only the raw path tells from a separator
    path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
    key = case_key(unquote(path[len(_PREFIX) :]))
    if key is None:
        raise Declined(Kind.NOT_FOUND, "expected /v1/cases/REGION/HALL/CASE_ID, REGION a county's code")
    desk, grant = desk_of(request), grant_of(request)
    with desk.store.read() as moment:
        _check_may_read(moment, grant, key)
        history = moment.case_history(*key, desk.today())
    if history is None:
        raise Declined(Kind.NOT_FOUND, f"no event of /{key.region}/{key.hall} names this case")
    return history_answer(desk, history)


def _check_may_read(moment: Moment, grant: Grant, key: CaseKey) -> None:
    """403 before the case is looked up: a case is its hall's and its department's.

    The department is asked for by one look-up, which is the same work for a case of another and for none at all.
    """
    department = grant.department
    scope = Scope(key.region, department, key.hall if department is None else None)
    if not may_read(grant, scope) or (department is not None and not moment.is_of(*key, department)):
        raise Declined(Kind.FORBIDDEN, f"this token reads {reach(grant)}")
