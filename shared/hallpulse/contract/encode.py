"""Encode events as CloudEvents JSON, to publish them or to show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hallpulse.domain.workdays import time_text

from .events import HallEvent, Heartbeat

_encode = msgspec.json.Encoder().encode


def event_json(event: HallEvent) -> dict[str, Any]:
    """Return the CloudEvent as JSON values, with its time at +08:00; decoding it gives an equal event."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/{event.region}/{event.hall}",
        "type": event.type.wire_name,
        "time": time_text(event.time),
        **(msgspec.json.decode(event.extra) if event.extra else {}),
        **({} if isinstance(event.data, Heartbeat) else {"data": msgspec.to_builtins(event.data)}),
    }


def encode_event(event: HallEvent) -> bytes:
    """Encode one event, for content type application/cloudevents+json."""
    return _encode(event_json(event))


def encode_batch(events: Iterable[HallEvent]) -> bytes:
    """Encode 1 to 1,000 events, for content type application/cloudevents-batch+json."""
    return _encode([event_json(event) for event in events])
