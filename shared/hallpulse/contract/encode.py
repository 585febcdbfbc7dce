"""From an event back to CloudEvents JSON: for those who publish, and to show what was published."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec

from .events import HallEvent, Heartbeat

SHANGHAI = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


def event_json(event: HallEvent) -> dict[str, Any]:
    """The CloudEvent as JSON values, its time at +08:00; decoding it gives an equal event."""
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
    """One event, for content type application/cloudevents+json."""
    return _encode(event_json(event))


def encode_batch(events: Iterable[HallEvent]) -> bytes:
    """1 to 1,000 events, for content type application/cloudevents-batch+json."""
    return _encode([event_json(event) for event in events])


def time_text(time: int) -> str:
    """Microseconds since 1970-01-01 UTC as RFC 3339 at +08:00, to the second, millisecond or microsecond as needed."""
    moment = (_EPOCH + timedelta(microseconds=time)).astimezone(SHANGHAI)
    if not time % 1_000_000:
        return moment.isoformat(timespec="seconds")
    return moment.isoformat(timespec="microseconds" if time % 1000 else "milliseconds")
