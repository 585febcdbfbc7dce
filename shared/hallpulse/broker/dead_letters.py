"""What the broker itself took off a partition, made a refusal like the others.

It keeps the message as the hall sent it, with its way in the header x-death: perhaps a batch, and without a reason. A
hall brings that about where it lets its own message expire: nothing that its headers say is believed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pika

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, MAX_BATCH, MAX_BODY
from hallpulse.contract.refusal import printable
from hallpulse.contract.speaker import hall_of

from .headless import UNREADABLE
from .refused import DEAD_LETTERED, DETAIL, FIELD, REASON, REFUSED_AT, ROUTING_KEY, SOURCE, USER
from .scanner import publisher_of

_X_DEATH = "x-death"
_WHY = {
    "delivery_limit": "given out and back more often than the broker's delivery limit allows",
    "expired": "older than a message may grow on this broker, or than its sender allowed",
    "rejected": "rejected without a reason",
    "maxlen": "more than the queue may hold",
}
_events_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
Copy = tuple[pika.BasicProperties, bytes]


def letters_of(properties: pika.BasicProperties, body: bytes) -> list[Copy]:
    """The copies to put in the place of a message that no ingest refused, one for each event; none where one did.

    The broker writes x-death into all that it takes off, and no ingest does: other headers prove nothing.
    """
    headers = properties.headers or {}
    if _X_DEATH not in headers and UNREADABLE not in headers:
        return []
    death = _death(headers.get(_X_DEATH))
    said = printable(_text(death.get("reason")))
    why = f"dead-lettered from {printable(_text(death.get('queue'))) or '?'}: {_WHY.get(said, said or 'no reason')}"
    user = publisher_of(_text(properties.user_id), _text(properties.app_id)) or ""
    names = {
        REASON: DEAD_LETTERED,
        DETAIL: why,
        FIELD: "",
        SOURCE: "",
        REFUSED_AT: _moment(death.get("time")),
        ROUTING_KEY: _routing_key(death.get("routing-keys"), user),
        USER: user,
    }
    kept = pika.BasicProperties(content_type=EVENT_TYPE, delivery_mode=2, headers=names)
    return [(kept, event) for event in _events(properties.content_type, body)]


def _death(deaths: Any) -> dict[str, Any]:
    """The last one; nothing where none can be read."""
    return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}


def _text(given: Any) -> str:
    return given if isinstance(given, str) else ""


def _events(content_type: object, body: bytes) -> list[bytes]:
    """A batch's events by themselves, where it is one that can be read and no larger than one may be."""
    if not str(content_type).startswith(BATCH_TYPE) or len(body) > MAX_BODY:
        return [body]
    try:
        events = [bytes(event) for event in _events_of(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [body]
    return events if 1 <= len(events) <= MAX_BATCH else [body]


def _moment(given: Any) -> str:
    now = datetime.now(UTC)
    at = min(given.replace(tzinfo=UTC), now) if isinstance(given, datetime) else now
    return at.isoformat(timespec="milliseconds")


def _routing_key(keys: Any, user: str) -> str:
    """The first one, where it is the user's own: the sender may have written it."""
    key = _text(keys[0]) if isinstance(keys, list) and keys else ""
    if hall_of(user) is None:  # one that speaks for others writes no x-death; nobody is not believed at all
        return key if user else ""
    return key if key.rpartition(".")[0] == user else f"{user}.?"
