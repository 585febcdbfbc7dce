"""From the body of POST /v1/events to messages for the broker and a result for each event. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.contract.identity import DENIED, IDENTITY, REFUSED, granted, user_name
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.store import Grant

from .courier import Message
from .problems import Declined, EventResult, Kind

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_STATUS_OF = {Reason.NOT_JSON: Kind.NOT_JSON, Reason.BAD_CONTENT_TYPE: Kind.BAD_CONTENT_TYPE}


class Intake(NamedTuple):
    """messages: all that the broker gets, refused events too; results: one an event, in the request's order."""

    messages: Sequence[Message]
    results: list[EventResult]

    @property
    def accepted(self) -> int:
        return sum(result.status == "accepted" for result in self.results)


class _Event(NamedTuple):
    body: bytes
    outcome: HallEvent | Refusal


def take_in(body: bytes, content_type: str, grant: Grant, now: int) -> Intake:
    """Check what the token may send, decode, sort by routing key. now: microseconds since 1970-01-01 UTC."""
    assert grant.region is not None, "only a hall's token sends events"
    assert grant.hall is not None
    hall = grant.region, grant.hall
    outcomes = decode_events(body, content_type=content_type, now=now, who=granted(hall, grant.families))
    if _is_of_the_whole(outcomes[0], body):
        events, kind = [_Event(body, outcomes[0])], content_type
    else:
        bodies = map(bytes, _split(body)) if _is_batch(content_type) else [body]
        events = [_Event(b, outcome) for b, outcome in zip(bodies, outcomes, strict=True)]
        kind = EVENT_TYPE
    results = [_result(index, event) for index, event in enumerate(events)]
    return Intake([*_accepted(events), *_refused(events, user_name(*hall), kind)], results)


def problem_of(intake: Intake) -> Declined:
    """For a request of which nothing was accepted."""
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
    """Whether the body was refused as a whole: one event of a batch is always shorter than the batch."""
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


def _accepted(events: Sequence[_Event]) -> list[Message]:
    groups: dict[str, list[bytes]] = {}
    for body, outcome in events:
        if isinstance(outcome, HallEvent):
            key = f"{outcome.region}.{outcome.hall}.{outcome.type.family}"
            groups.setdefault(key, []).append(body)
    return [_message(key, bodies) for key, bodies in groups.items()]


def _message(key: str, bodies: list[bytes]) -> Message:
    if len(bodies) == 1:
        return Message(key, bodies[0], EVENT_TYPE)
    return Message(key, b"[" + b",".join(bodies) + b"]", BATCH_TYPE)


def _refused(events: Sequence[_Event], hall: str, content_type: str) -> list[Message]:
    """For the ingest, which puts them into hall.refused under the hall whose token it was: one place counts it all."""
    refused = ((body, outcome.reason) for body, outcome in events if isinstance(outcome, Refusal))
    return [
        Message(f"{hall}.{DENIED if reason in IDENTITY else REFUSED}", body, content_type) for body, reason in refused
    ]
