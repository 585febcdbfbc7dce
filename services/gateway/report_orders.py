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
"""How long a report may take; the service makes one at a time."""
COUNTY = r"(?:1[1-9]|[2-8][0-9]|9[01])[0-9]{2}(?!00)[0-9]{2}"


class ReportOrder(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A report to make, of a region, or of a department or a hall of it.

    month: YYYY-MM, a quarter (2026-Q2) or a year (2026); language: zh, Chinese alone, or both, with English; publish:
    to freeze it for good; without it a draft is kept, which no list shows; again: to publish what was published
    already, once more.
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
    summary="Make the report of a month, and publish it if that is asked",
    opt={ACTION: Action.REPORT},
    tags=["reports"],
)
async def post_report(request: AnyRequest) -> Response[ReportAnswer]:
    """For the bureau's token, of the regions that it reaches. The file is had from GET /v1/reports/ID?format=.

    What is published is frozen with its figures and its files. 503 after two minutes: it may have been made all the
    same, and is then in the list.
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
    """The order of a body. Raise Declined: 400 for no JSON, 422 for what is no order, with the field."""
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
    """The field is named where the decoder names it: "… - at `$.month`", "… required field `region`"."""
    named = re.search(r"\$\.([a-z_]{1,40})|field `([^`]{1,60})", said)
    field = named[1] or named[2] if named else None
    return Declined(Kind.CONTRADICTION, f"{field}: {said}" if field else said, field=field)
