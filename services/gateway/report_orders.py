"""POST /v1/reports: the `reports` service makes a report and keeps it, as a draft or published."""

from __future__ import annotations

import asyncio
import re
from typing import Literal

import msgspec
from litestar import Response, post

from services.gateway.access import ACTION, Action, may_report, reach, whose
from services.gateway.problems import WRITES, Declined, Kind, problems
from services.gateway.published import ReportAnswer, report_answer
from services.gateway.request import AnyRequest, grant_of, resources_of

SECONDS = 120.0
"""The most seconds that a report may take; the service makes one at a time."""
COUNTY = r"(?:1[1-9]|[2-8][0-9]|9[01])[0-9]{2}(?!00)[0-9]{2}"


class ReportOrder(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A report to make, of a region, or of one of its departments or halls.

    month: YYYY-MM, a quarter (2026-Q2) or a year (2026); language: zh for Chinese only, both for Chinese and English;
    publish: freeze it for good; without it a draft is kept, which no list shows; again: publish once more a report that
    was published already.
    """

    region: str
    month: str
    department: str | None = None
    hall: str | None = None
    language: Literal["zh", "both"] = "zh"
    publish: bool = False
    again: bool = False


@post(
    "/v1/reports",
    status_code=201,
    responses=problems(*WRITES, 409),
    operation_id="postReport",
    summary="Make a report, and publish it if requested",
    opt={ACTION: Action.REPORT},
    tags=["reports"],
)
async def post_report(request: AnyRequest) -> Response[ReportAnswer]:
    """Makes a report, for the bureau's token and its regions. GET /v1/reports/ID?format= returns the file.

    A published report is frozen with its figures and files. 503 after two minutes: the report may have been made
    nevertheless, and is then in the list.
    """
    resources, grant = resources_of(request), grant_of(request)
    if request.content_type[0] != "application/json":
        raise Declined(Kind.BAD_CONTENT_TYPE, "content-type: expected application/json")
    order = order_of(await request.body())
    if not may_report(grant, int(order.region)):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} makes no reports of {order.region}: it is of {reach(grant)}")
    with resources.concurrency.slot(f"reports/{grant.name}"):
        asked = msgspec.to_builtins(order), grant.name
        number = await asyncio.to_thread(
            lambda: resources.services.ask(int, "reports", "keep", *asked, seconds=SECONDS)
        )
        kept = await asyncio.to_thread(resources.archive.list, int(order.region), drafts=True)
    answer = report_answer(next(one for one in kept if one.id == number))
    return Response(answer, status_code=201, headers={"location": f"/v1/reports/{number}"})


def order_of(body: bytes) -> ReportOrder:
    """Return the order in a body. Raises Declined: 400 if it is not JSON, 422 with the field if it is no order."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Declined(Kind.NOT_JSON, f"expected JSON: {error}") from None
    try:
        order = msgspec.convert(parsed, ReportOrder)
    except msgspec.ValidationError as error:
        raise _declined(str(error)) from None
    if not re.fullmatch(COUNTY, order.region):
        raise Declined(Kind.CONTRADICTION, "region: expected a county's code of 6 digits", field="region")
    return order


def _declined(said: str) -> Declined:
    """Return the problem, with the field if the decoder names it: "… - at `$.month`", "… required field `region`"."""
    named = re.search(r"\$\.([a-z_]{1,40})|field `([^`]{1,60})", said)
    field = named[1] or named[2] if named else None
    return Declined(Kind.CONTRADICTION, f"{field}: {said}" if field else said, field=field)
