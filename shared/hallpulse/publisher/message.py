"""What a publisher hands to the broker: one event, or an envelope of events that share a routing key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, decode_events
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent
from hallpulse.contract.refusal import Refusal, Refused

MOST_EVENTS = 100
MOST_BYTES = 1024 * 1024
"""Of an envelope: a quarter of what the contract allows."""

Event = HallEvent | Mapping[str, Any] | bytes
"""An event, or a CloudEvent as a dictionary or as JSON."""


class Message(NamedTuple):
    """events: how many the body holds."""

    routing_key: str
    body: bytes
    content_type: str = EVENT_TYPE
    events: int = 1


def message_of(event: Event, now: int) -> Message:
    """One event as a message; its JSON is sent as it was given. now: microseconds since 1970-01-01 UTC.

    Raises Refused where the event breaks the contract: the bureau would refuse it too.
    """
    body = _body(event)
    known = event if isinstance(event, HallEvent) else _checked(body, now)
    return Message(f"{known.region}.{known.hall}.{known.type.family}", body)


def envelopes(messages: Iterable[Message]) -> Iterator[Message]:
    """Messages of one event each, put together by routing key; an envelope of one is that event."""
    open_ones: dict[str, list[bytes]] = {}
    sizes: dict[str, int] = {}
    for message in messages:
        key, size = message.routing_key, len(message.body) + 1
        held = open_ones.setdefault(key, [])
        if held and (len(held) >= MOST_EVENTS or sizes[key] + size > MOST_BYTES):
            yield _envelope(key, held)
            held = open_ones[key] = []
        sizes[key] = size + (sizes[key] if held else 0)
        held.append(message.body)
    for key, held in open_ones.items():
        yield _envelope(key, held)


def _envelope(key: str, bodies: list[bytes]) -> Message:
    if len(bodies) == 1:
        return Message(key, bodies[0])
    return Message(key, b"[" + b",".join(bodies) + b"]", BATCH_TYPE, len(bodies))


def _body(event: Event) -> bytes:
    if isinstance(event, bytes):
        return event
    return encode_event(event) if isinstance(event, HallEvent) else msgspec.json.encode(event)


def _checked(body: bytes, now: int) -> HallEvent:
    (outcome,) = decode_events(body, content_type=EVENT_TYPE, now=now)
    if isinstance(outcome, Refusal):
        raise Refused(outcome.reason, outcome.field, outcome.detail)
    return outcome
