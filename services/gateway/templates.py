"""GET /v1/templates: tables to fill in, made by the catalogue service."""

from __future__ import annotations

import base64
from typing import Annotated, TypeAlias

from litestar import Response, get
from litestar.params import QueryParameter

from services.gateway.access import ACTION, Action
from services.gateway.list_files import XLSX, download
from services.gateway.problems import EXPECTED, QUERY, Declined, Kind, problems
from services.gateway.request import AnyRequest, Department, MonthOfFlow, grant_of, resources_of, scope_of
from services.gateway.uploads import KindOfTable

RegionOfForm: TypeAlias = Annotated[
    str | None, QueryParameter(name="region", pattern=r"^[1-9][0-9]{5}$", description=EXPECTED["region"])
]


@get(
    "/v1/templates",
    sync_to_thread=True,
    media_type=XLSX,
    responses=problems(*QUERY),
    operation_id="getTemplate",
    summary="A table to fill in: a department's form of a month, or the template of the catalogue or of cases",
    opt={ACTION: Action.READ},
    tags=["uploads"],
)
def get_template(
    request: AnyRequest, kind: KindOfTable, *, region: RegionOfForm = None, department: Department = None,
    month: MonthOfFlow = None,
) -> Response[bytes]:  # fmt: skip
    """Returns an xlsx file to fill in. region, department and month: required for figures, not expected for others."""
    grant, services = grant_of(request), resources_of(request).services
    if kind != "figures":
        made = services.ask(str, "catalogue", "template", kind)
        return download(base64.b64decode(made), f"hallpulse-{kind}.xlsx", XLSX)
    if region is None or department is None or month is None:
        raise Declined(Kind.CONTRADICTION, "expected region, department and month", field="month")
    scope = scope_of(grant, region, department)
    made = services.ask(str, "catalogue", "form", scope.region, department, month)
    return download(base64.b64decode(made), f"{department}-{month}.xlsx", XLSX)
