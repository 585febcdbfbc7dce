"""Refused events: the event's own bytes and why, on a queue that loses nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import pika

from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.contract.refusal import Refusal

REASON, DETAIL, FIELD, SOURCE, REFUSED_AT = "x-reason", "x-detail", "x-field", "x-source", "x-refused-at"
ROUTING_KEY, USER = "x-routing-key", "x-user"


class Letter(NamedTuple):
    """A refusal and how its message came: what `hall.refused` keeps."""

    refusal: Refusal
    routing_key: str
    user_id: str


def properties_of(letter: Letter, at: datetime) -> pika.BasicProperties:
    """The message properties of a refused event: persistent, its reason in headers."""
    refusal = letter.refusal
    return pika.BasicProperties(
        content_type=EVENT_TYPE,
        delivery_mode=2,
        timestamp=int(at.timestamp()),
        headers={
            REASON: str(refusal.reason),
            DETAIL: refusal.detail,
            FIELD: refusal.field,
            SOURCE: refusal.source,
            REFUSED_AT: at.astimezone(UTC).isoformat(timespec="milliseconds"),
            ROUTING_KEY: letter.routing_key,
            USER: letter.user_id,
        },
    )
