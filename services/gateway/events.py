"""POST /v1/events: turn a body into messages for the broker and a result for each event.

`take_in` and the functions that it calls use neither I/O nor a clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, decode_events
from hallpulse.contract.ended import refusal_of
from hallpulse.contract.events import HallEvent
from hallpulse.contract.identity import DENIED, IDENTITY, REFUSED, granted, user_name
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.succession import NO_ENDS, Ended, ended_codes
from hallpulse.store import Grant
from services.gateway.access import ACTION, Action
from services.gateway.access_audit import READS
from services.gateway.dry_run import CaseForeseen, ItemForeseen, foresee
from services.gateway.problems import Declined, EventResult, Kind, problems
from services.gateway.publishing import OutgoingMessage
from services.gateway.request import AnyRequest, DryRun, Resources, grant_of, resources_of

BODY_SECONDS = 30.0
_JSON_TYPE = "application/json"
_LARGE = 64 * 1024
"""A body this large is decoded on a thread, so that no other request waits for it."""


class Receipt(msgspec.Struct):
    """The receipt for events that the broker has confirmed. Copies of refused events are in hall.refused.

    For a dry run nothing was sent: accepted counts the events that would be taken, duplicates included; cases and items
    are shown as they are and as they would be.
    """

    accepted: int
    refused: int
    results: list[EventResult]
    dry_run: bool = False
    cases: list[CaseForeseen] | None = None
    items: list[ItemForeseen] | None = None


@post(
    "/v1/events",
    status_code=202,
    responses={
        **problems(400, 401, 403, 408, 413, 415, 422, 429, 503),
        200: ResponseSpec(Receipt, description="A dry run: nothing was sent", generate_examples=False),
    },
    operation_id="postEvents",
    summary="Send a CloudEvent or a batch",
    opt={ACTION: Action.PUBLISH, READS: "list"},
    tags=["events"],
)
async def post_events(request: AnyRequest, *, dry_run: DryRun = "false") -> Response[Receipt]:
    """Answers 202 once the broker has confirmed all events, with a result for each. Sending again does no harm.

    Refused events of a batch do not hold up the good ones; they are kept in `hall.refused`.
    With dry_run=true nothing is sent: 200 tells which events would be refused or flagged, also by the catalogue, and
    how the cases would stand.
    """
    resources, grant = resources_of(request), grant_of(request)
    content_type = _content_type(request)
    with resources.concurrency.slot(f"{grant.region}/{grant.hall}"):
        intake = await _intake(request, content_type, grant, resources)
        if dry_run == "true":
            return Response(await asyncio.to_thread(_foreseen, intake, resources), status_code=200)
        await resources.publisher.deliver(intake.messages)
    resources.metrics.events(accepted=intake.accepted, refused=len(intake.results) - intake.accepted)
    if not intake.accepted:
        raise problem_of(intake)
    return Response(Receipt(intake.accepted, len(intake.results) - intake.accepted, intake.results))


def _foreseen(intake: Intake, resources: Resources) -> Receipt:
    with resources.store.read() as moment:
        found = foresee(moment, intake.results, intake.events, resources.today())
    refused = sum(result.status == "refused" for result in found.results)
    return Receipt(
        accepted=len(found.results) - refused,
        refused=refused,
        results=found.results,
        dry_run=True,
        cases=found.cases,
        items=found.items,
    )


async def _intake(request: AnyRequest, content_type: str, grant: Grant, resources: Resources) -> Intake:
    body = await _body(request)
    if content_type.partition(";")[0] == EVENT_TYPE and _is_plain(request) and is_binary(request.headers.keys()):
        body = structured(request.headers.multi_items(), body)
    ended = ended_codes(await asyncio.to_thread(resources.book.successions))
    if len(body) > _LARGE:
        return await asyncio.to_thread(take_in, body, content_type, grant, resources.now(), ended)
    return take_in(body, content_type, grant, resources.now(), ended)


def _content_type(request: AnyRequest) -> str:
    """Return the content type in the contract's terms. Plain JSON counts as one event, and so does binary mode without
    a content type. Raises Declined for any other type.
    """
    given = request.headers.get("content-type", _JSON_TYPE if is_binary(request.headers.keys()) else "")
    media_type, parameters = given.partition(";")[0].strip().lower(), given.partition(";")[1:]
    expected = f"expected {EVENT_TYPE}, {BATCH_TYPE} or {_JSON_TYPE}"
    if media_type not in (EVENT_TYPE, BATCH_TYPE, _JSON_TYPE):
        got = "" if given else ", got none: the header is missing"
        raise Declined(Kind.BAD_CONTENT_TYPE, f"content-type: {expected}{got}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Declined(Kind.BAD_CONTENT_TYPE, "content-encoding: expected none")
    return "".join((EVENT_TYPE if media_type == _JSON_TYPE else media_type, *parameters))


def _is_plain(request: AnyRequest) -> bool:
    """Return whether the body is plain JSON, which is the form of the data in binary mode."""
    return request.headers.get("content-type", _JSON_TYPE).partition(";")[0].strip().lower() == _JSON_TYPE


async def _body(request: AnyRequest) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise Declined(Kind.TOO_SLOW, f"expected the whole body within {BODY_SECONDS:.0f} s") from None


_PREFIX = "ce-"
"""The prefix of headers in binary mode, where attributes are in headers and the body is the data.

Source: CloudEvents HTTP binding 1.0.2, section 3.1.
"""


def is_binary(names: Iterable[str]) -> bool:
    return f"{_PREFIX}specversion" in names


def structured(headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return an event of binary mode as one JSON object. Its faults are found later, when the object is decoded."""
    members = [
        _member(name[len(_PREFIX) :], msgspec.json.encode(unquote(value.strip('"'))))
        for name, value in headers
        if name.startswith(_PREFIX)
    ]
    if body.strip():
        members.append(_member("data", body))
    return b"{" + b",".join(members) + b"}"


def _member(name: str, value: bytes) -> bytes:
    return msgspec.json.encode(name) + b":" + value


_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_STATUS_OF = {Reason.NOT_JSON: Kind.NOT_JSON, Reason.BAD_CONTENT_TYPE: Kind.BAD_CONTENT_TYPE}


class Intake(NamedTuple):
    """The messages and results of a request.

    messages: all messages for the broker, also of refused events; results: one for each event, in the request's order;
    events: index among the results → event that keeps the contract.
    """

    messages: Sequence[OutgoingMessage]
    results: list[EventResult]
    events: Mapping[int, HallEvent]

    @property
    def accepted(self) -> int:
        return sum(result.status == "accepted" for result in self.results)


class _Event(NamedTuple):
    body: bytes
    outcome: HallEvent | Refusal


def take_in(body: bytes, content_type: str, grant: Grant, now: int, ended: Mapping[int, Ended] = NO_ENDS) -> Intake:
    """Decode the events, check what the token may send, and group them by routing key.

    now: microseconds since 1970-01-01 UTC; ended: region codes that have ended, under which nothing new begins.
    """
    assert grant.region is not None, "only a hall's token sends events"
    assert grant.hall is not None
    hall = grant.region, grant.hall
    outcomes = decode_events(body, content_type=content_type, now=now, who=granted(hall, grant.families))
    if hall[0] in ended:
        outcomes = [refusal_of(one, ended) or one if isinstance(one, HallEvent) else one for one in outcomes]
    if _is_of_the_whole(outcomes[0], body):
        events, kind = [_Event(body, outcomes[0])], content_type
    else:
        bodies = map(bytes, _split(body)) if _is_batch(content_type) else [body]
        events = [_Event(b, outcome) for b, outcome in zip(bodies, outcomes, strict=True)]
        kind = EVENT_TYPE
    results = [_result(index, event) for index, event in enumerate(events)]
    taken = {index: event.outcome for index, event in enumerate(events) if isinstance(event.outcome, HallEvent)}
    return Intake([*_accepted(events), *_refused(events, user_name(*hall), kind)], results, taken)


def problem_of(intake: Intake) -> Declined:
    """Return the problem for a request in which no event was accepted."""
    results = intake.results
    first = results[0]
    detail = f"{first.field}: {first.detail}" if first.field else first.detail or ""
    if len(results) > 1:
        detail = f"all {len(results)} events are refused; the first: {first.reason}: {detail}"
    kind = _kind({result.reason for result in results})
    return Declined(kind, detail, field=first.field, reason=first.reason, results=results)


def _kind(reasons: set[str | None]) -> Kind:
    if reasons <= {Reason.SOURCE_MISMATCH, Reason.ROUTING_MISMATCH}:
        return Kind.FORBIDDEN
    (reason, *others) = reasons
    return Kind.REFUSED if others else _STATUS_OF.get(Reason(reason or ""), Kind.REFUSED)


def _is_of_the_whole(outcome: HallEvent | Refusal, body: bytes) -> bool:
    """Return whether the body was refused as a whole; a single event of a batch is always shorter than the batch."""
    return isinstance(outcome, Refusal) and outcome.body == body


def _is_batch(content_type: str) -> bool:
    return content_type.startswith(BATCH_TYPE)


def _result(index: int, event: _Event) -> EventResult:
    outcome = event.outcome
    if isinstance(outcome, HallEvent):
        return EventResult(index, outcome.id, "accepted")
    return EventResult(
        index, _id_in(event.body), "refused", outcome.reason.value, outcome.field or None, outcome.detail
    )


def _id_in(body: bytes) -> str | None:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    id_ = found.get("id") if isinstance(found, dict) else None
    return id_[:64] if isinstance(id_, str) else None


def _accepted(events: Sequence[_Event]) -> list[OutgoingMessage]:
    groups: dict[str, list[bytes]] = {}
    for body, outcome in events:
        if isinstance(outcome, HallEvent):
            key = f"{outcome.region}.{outcome.hall}.{outcome.type.family}"
            groups.setdefault(key, []).append(body)
    return [_message(key, bodies) for key, bodies in groups.items()]


def _message(key: str, bodies: list[bytes]) -> OutgoingMessage:
    if len(bodies) == 1:
        return OutgoingMessage(key, bodies[0], EVENT_TYPE)
    return OutgoingMessage(key, b"[" + b",".join(bodies) + b"]", BATCH_TYPE)


def _refused(events: Sequence[_Event], hall: str, content_type: str) -> list[OutgoingMessage]:
    """Return messages with the refused events for ingest, which counts all refusals in one place.

    It puts them into hall.refused under the hall whose token was used.
    """
    refused = ((body, outcome.reason) for body, outcome in events if isinstance(outcome, Refusal))
    return [
        OutgoingMessage(f"{hall}.{DENIED if reason in IDENTITY else REFUSED}", body, content_type)
        for body, reason in refused
    ]
