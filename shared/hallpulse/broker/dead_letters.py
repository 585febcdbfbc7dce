"""What the broker itself took off a partition, made a refusal like the others.

It keeps the message as the hall sent it, with its way in the header x-death: perhaps a batch, and without a reason.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pika

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE

from .refused import DEAD_LETTERED, DETAIL, FIELD, REASON, REFUSED_AT, ROUTING_KEY, SOURCE, USER

_X_DEATH = "x-death"
_WHY = {
    "delivery_limit": "given out and back more often than the broker's delivery limit allows",
    "expired": "older than a message may grow on this broker",
    "rejected": "rejected without a reason",
    "maxlen": "more than the queue may hold",
}
_events_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
Copy = tuple[pika.BasicProperties, bytes]


def letters_of(properties: pika.BasicProperties, body: bytes) -> list[Copy]:
    """The copies to put in the place of a message that no ingest refused, one for each event; none where one did."""
    headers = properties.headers or {}
    deaths = headers.get(_X_DEATH)
    if REASON in headers or not isinstance(deaths, list) or not deaths or not isinstance(deaths[0], dict):
        return []
    death = deaths[0]
    said = str(death.get("reason", ""))
    why = f"dead-lettered from {death.get('queue', '?')}: {_WHY.get(said, said or 'without a reason')}"
    names = {
        REASON: DEAD_LETTERED,
        DETAIL: why,
        FIELD: "",
        SOURCE: "",
        REFUSED_AT: _moment(death.get("time")),
        ROUTING_KEY: _first(death.get("routing-keys")),
        USER: str(properties.user_id or ""),
    }
    kept = pika.BasicProperties(content_type=EVENT_TYPE, delivery_mode=2, headers=names)
    return [(kept, event) for event in _events(properties.content_type, body)]


def _events(content_type: object, body: bytes) -> list[bytes]:
    """A batch's events by themselves, where it is one that can be read."""
    if not str(content_type).startswith(BATCH_TYPE):
        return [body]
    try:
        return [bytes(event) for event in _events_of(body)] or [body]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [body]


def _moment(given: Any) -> str:
    at = given.replace(tzinfo=UTC) if isinstance(given, datetime) else datetime.now(UTC)
    return at.isoformat(timespec="milliseconds")


def _first(keys: Any) -> str:
    return str(keys[0]) if isinstance(keys, list) and keys else ""
