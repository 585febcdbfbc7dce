"""Messages for the broker: one event, or an envelope of events that share a routing key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, decode_events
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import Refusal, Refused

MOST_EVENTS = 100
MOST_BYTES = 1024 * 1024
"""Bytes of an envelope: a quarter of the contract's limit."""


class Message(NamedTuple):
    """A message for the broker. events: number of events in the body."""

    routing_key: str
    body: bytes
    content_type: str = EVENT_TYPE
    events: int = 1


Event = HallEvent | Mapping[str, Any] | bytes | Message
"""An event, or a CloudEvent as a dictionary or as JSON, or a message made by `message_of`."""


def message_of(event: Event, now: int) -> Message:
    """Return one event as a message; JSON is sent as it was given.

    now: microseconds since 1970-01-01 UTC. Raises Refused if the event breaks the contract: the bureau would refuse it
    too.
    """
    if isinstance(event, Message):
        return event
    body = _body(event)
    known = event if isinstance(event, HallEvent) else _checked(body, now)
    return Message(f"{known.region}.{known.hall}.{known.type.family}", body)


def envelope(routing_key: str, bodies: Sequence[bytes]) -> Message:
    """Return events that share a routing key as one message; a single event without an envelope."""
    if len(bodies) == 1:
        return Message(routing_key, bodies[0])
    return Message(routing_key, b"[" + b",".join(bodies) + b"]", BATCH_TYPE, len(bodies))


def _body(event: HallEvent | Mapping[str, Any] | bytes) -> bytes:
    if isinstance(event, bytes):
        return event
    return encode_event(event) if isinstance(event, HallEvent) else msgspec.json.encode(event)


def _checked(body: bytes, now: int) -> HallEvent:
    (outcome,) = decode_events(body, content_type=EVENT_TYPE, now=now)
    if isinstance(outcome, Refusal):
        raise Refused(outcome.reason, outcome.field, outcome.detail)
    return outcome
