"""The parameters of the queries: their types for the OpenAPI document, and what they mean together."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, NamedTuple, TypeAlias

from litestar.params import PathParameter, QueryParameter

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.workdays import FIRST_DAY, LAST_DAY, date_of
from hallpulse.store import Grant

from .desk import Desk
from .expectations import EXPECTED, MOST_ROWS, expected_of
from .problems import Declined, Kind
from .rights import may_read, reach

_CODE_PATTERN = r"^[^\x00-\x1f\x7f]{1,64}$"
_CODE = re.compile(r"[^\x00-\x1f\x7f]{1,64}").fullmatch
_HALL = re.compile(r"[a-z0-9-]{1,40}").fullmatch
_COUNTY = re.compile(r"[1-9][0-9]{3}(?!00)[0-9]{2}").fullmatch
_EARLIEST, _LATEST = date_of(FIRST_DAY), date_of(LAST_DAY)

RegionCode: TypeAlias = Annotated[
    str, QueryParameter(name="region", pattern=r"^(?:1[1-9]|[2-8][0-9]|9[01])[0-9]{4}$", description=EXPECTED["region"])
]
Department: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="department", pattern=_CODE_PATTERN, description=EXPECTED["department"]),
]
Hall: TypeAlias = Annotated[
    str | None, QueryParameter(name="hall", pattern=r"^[a-z0-9-]{1,40}$", description=EXPECTED["hall"])
]
From: TypeAlias = Annotated[date | None, QueryParameter(name="from", description=EXPECTED["from"])]
To: TypeAlias = Annotated[date | None, QueryParameter(name="to", description=EXPECTED["to"])]
On: TypeAlias = Annotated[date | None, QueryParameter(name="on", description=EXPECTED["on"])]
State: TypeAlias = Annotated[
    Literal["on_time", "due_soon", "overdue", "suspended", "unaccepted_late", "open", "pending", "flagged"] | None,
    QueryParameter(name="state", description=EXPECTED["state"]),
]
IndicatorId: TypeAlias = Annotated[
    str | None, QueryParameter(name="indicator", pattern=r"^[a-z][a-z0-9_]{0,63}$", description=EXPECTED["indicator"])
]
PartName: TypeAlias = Annotated[
    Literal["numerator", "denominator"] | None, QueryParameter(name="part", description=EXPECTED["part"])
]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="cursor", pattern=r"^[A-Za-z0-9_-]{1,1000}$", description=EXPECTED["cursor"]),
]
Limit: TypeAlias = Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_ROWS, description=EXPECTED["limit"])]
CountyInPath: TypeAlias = Annotated[str, PathParameter(description="a county's code of 6 digits")]
HallInPath: TypeAlias = Annotated[str, PathParameter(description=EXPECTED["hall"])]
CaseIdInPath: TypeAlias = Annotated[str, PathParameter(description=EXPECTED["case_id"])]


class CaseKey(NamedTuple):
    region: int
    hall: str
    case_id: str


def scope_of(grant: Grant, region: str, department: str | None = None, hall: str | None = None) -> Scope:
    """Whose figures are asked for; 422 for two things at once, 403 where the token does not read them."""
    if department is not None and hall is not None:
        raise Declined(Kind.CONTRADICTION, "department and hall: expected one of them, or neither", field="hall")
    scope = Scope(int(region), department, hall)
    if not may_read(grant, scope):
        raise Declined(Kind.FORBIDDEN, f"this token reads {reach(grant)}")
    return scope


def window_of(desk: Desk, region: int, start: date | None, end: date | None) -> Window:
    """The days asked for; without them the plan's period so far, or the year so far where there is no plan."""
    last = day_of_calendar("to", end, desk.today())
    plan = desk.plan(region, last)
    so_far = plan.window(last) if plan else None
    if end is None and so_far is not None:
        last = so_far.end
    first = day_of_calendar("from", start, so_far.start if so_far else last.replace(month=1, day=1))
    if last < first:
        given = "to" if end is not None else "to (today, since it is left out)"
        raise Declined(Kind.CONTRADICTION, f"from: expected a day not after {given}: {first} > {last}", field="from")
    return Window(first, last)


def day_of_calendar(field: str, given: date | None, otherwise: date) -> date:
    """422 for days that no calendar reaches."""
    day = given or otherwise
    if not _EARLIEST <= day <= _LATEST:
        raise Declined(Kind.CONTRADICTION, f"{field}: expected {expected_of(field)}", field=field)
    return day


def case_key(path: str) -> CaseKey | None:
    """Region, hall and case id of /v1/cases/REGION/HALL/CASE_ID; the id itself may hold any character."""
    region, _, rest = path.partition("/")
    hall, _, case_id = rest.partition("/")
    found = _COUNTY(region) and _HALL(hall) and _CODE(case_id)
    return CaseKey(int(region), hall, case_id) if found else None
