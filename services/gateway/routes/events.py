"""POST /v1/events."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, post

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.store import Grant
from services.gateway.binary import is_binary, structured
from services.gateway.desk import Desk
from services.gateway.guards import desk_of, grant_of, needs_a_hall
from services.gateway.intake import Intake, problem_of, take_in
from services.gateway.problems import Declined, EventResult, Kind

from .documented import problems

BODY_SECONDS = 30.0
_JSON_TYPE = "application/json"
_LARGE = 64 * 1024
"""A body this large is decoded on a thread, so that no other request waits for it."""


class Receipt(msgspec.Struct):
    """What the broker has: of the refused events only the copies in hall.refused."""

    accepted: int
    refused: int
    results: list[EventResult]


@post(
    "/v1/events",
    status_code=202,
    guards=[needs_a_hall],
    responses=problems(400, 401, 403, 408, 413, 415, 422, 429, 503),
    operation_id="postEvents",
    summary="Send a CloudEvent or a batch",
    tags=["events"],
)
async def post_events(request: Request[Any, Any, Any]) -> Receipt:
    """202 once the broker has confirmed them all, with a result for each event; sending again does no harm.

    Refused events of a batch do not hold up the good ones. Whatever was refused lies in `hall.refused` too.
    """
    desk, grant = desk_of(request), grant_of(request)
    content_type = _content_type(request)
    with desk.crowds.one(f"{grant.region}/{grant.hall}"):
        intake = await _intake(request, content_type, grant, desk)
        await desk.courier.deliver(intake.messages)
    desk.metrics.events(accepted=intake.accepted, refused=len(intake.results) - intake.accepted)
    if not intake.accepted:
        raise problem_of(intake)
    return Receipt(intake.accepted, len(intake.results) - intake.accepted, intake.results)


async def _intake(request: Request[Any, Any, Any], content_type: str, grant: Grant, desk: Desk) -> Intake:
    body = await _body(request)
    if request.content_type[0] == _JSON_TYPE and is_binary(request.headers.keys()):
        body = structured(request.headers.multi_items(), body)
    if len(body) > _LARGE:
        return await asyncio.to_thread(take_in, body, content_type, grant, desk.now())
    return take_in(body, content_type, grant, desk.now())


def _content_type(request: Request[Any, Any, Any]) -> str:
    """As the contract knows it: plain JSON is taken for one event."""
    given = request.headers.get("content-type", "")
    media_type, parameters = given.partition(";")[0].strip().lower(), given.partition(";")[1:]
    expected = f"expected {EVENT_TYPE}, {BATCH_TYPE} or {_JSON_TYPE}"
    if media_type not in (EVENT_TYPE, BATCH_TYPE, _JSON_TYPE):
        raise Declined(Kind.BAD_CONTENT_TYPE, f"content-type: {expected}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Declined(Kind.BAD_CONTENT_TYPE, "content-encoding: expected none")
    return "".join((EVENT_TYPE if media_type == _JSON_TYPE else media_type, *parameters))


async def _body(request: Request[Any, Any, Any]) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise Declined(Kind.TOO_SLOW, f"expected the whole body within {BODY_SECONDS:.0f} s") from None
