"""Decode and validate the bytes of a message in one pass; refuse bad events one by one.

`decode_message` takes messages from the broker: it also checks that the publisher may send these events.
`decode_events` takes events from elsewhere, such as those that are about to be published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from hallpulse.contract.identity import PublisherIdentity, publisher_identity
from hallpulse.contract.reasons import Refusal, Refused
from hallpulse.contract.validation import hall_event, is_plain

from .envelope import AnyEnvelope, Envelope
from .events import HallEvent
from .examine import examine, not_text
from .reasons import Reason

__all__ = ["BATCH_TYPE", "EVENT_TYPE", "MAX_BATCH", "MAX_BODY", "Decoded", "Refusal", "decode_events", "decode_message"]

EVENT_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
MAX_BODY = 4 * 1024 * 1024
MAX_BATCH = 1000

_decode_envelope: Callable[[bytes], Envelope] = msgspec.json.Decoder(AnyEnvelope).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Decoded(NamedTuple):
    """The outcome of a message: each of its events is in one of the two lists."""

    events: list[HallEvent]
    refusals: list[Refusal]


def decode_message(
    body: bytes,
    *,
    content_type: str | None,
    routing_key: str,
    user_id: str | None,
    now: int,
    gateway_users: frozenset[str] = frozenset(),
) -> Decoded:
    """Check who published a delivery, and decode it; no body makes it raise.

    now: microseconds since 1970-01-01 UTC; user_id: the property that the broker checked (see `publisher_identity`);
    gateway_users: broker users that may speak for any hall.
    """
    decoded = Decoded([], [])
    for outcome in _outcomes(body, content_type, now, publisher_identity(routing_key, user_id, gateway_users)):
        if isinstance(outcome, HallEvent):
            decoded.events.append(outcome)
        else:
            decoded.refusals.append(outcome)
    return decoded


def decode_ordinary(
    body: bytes, content_type: str | None, check: Callable[[HallEvent], None], now: int
) -> HallEvent | None:
    """Return the event of a message that holds one ordinary event; None if the message needs `decode_message`.

    check: raises Refused if the publisher may not send the event.
    """
    try:
        if _is_batch(content_type) or (event := _fast(body, now)) is None:
            return None
        check(event)
    except Refused:  # `decode_message` raises it again, with all details
        return None
    return event


def decode_events(
    body: bytes, *, content_type: str | None, now: int, who: PublisherIdentity | None = None
) -> list[HallEvent | Refusal]:
    """Return an event or a refusal for each event of a body, in order; one refusal for an unreadable body.

    who: the publisher whose rights are checked; None if there is none to check, as before publication.
    """
    return list(_outcomes(body, content_type, now, who))


def _outcomes(
    body: bytes, content_type: str | None, now: int, who: PublisherIdentity | None
) -> Iterable[HallEvent | Refusal]:
    """Return each event's outcome. A forgery is refused as such, whatever else is wrong with it."""
    try:
        bodies = _bodies(body, content_type)
    except Refused as refused:
        return ((who and who.refusal(body)) or refused.refusal(body),)
    return (_decode(one, now, who) for one in bodies)


def _decode(body: bytes, now: int, who: PublisherIdentity | None) -> HallEvent | Refusal:
    event = _fast(body, now)
    if event is None:
        outcome = examine(body, now)
        if isinstance(outcome, Refusal):
            return (who and who.refusal(body)) or outcome
        event = outcome
    try:
        if who is not None:
            who.check(event)
    except Refused as refused:
        return refused.refusal(body, f"/{event.region}/{event.hall}")
    return event


def _fast(body: bytes, now: int) -> HallEvent | None:
    """Decode an ordinary event in one pass; None if it takes a closer look to accept or refuse it."""
    try:
        envelope = _decode_envelope(body)
        return hall_event(envelope, now) if is_plain(envelope, body) else None
    except (Refused, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _bodies(body: bytes, content_type: str | None) -> Iterable[bytes]:
    """Return the bytes of each event of a message. Raises Refused if the message as a whole is wrong."""
    if len(body) > MAX_BODY:
        raise Refused(Reason.TOO_LARGE, "", f"expected at most {MAX_BODY} bytes, got {len(body)}")
    if not _is_batch(content_type):
        return (body,)
    try:
        listed = _decode_array(body)
    except msgspec.ValidationError:
        raise Refused(Reason.BAD_BATCH, "", f"expected an array, or content_type {EVENT_TYPE}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(Reason.NOT_JSON, "", not_text(body) or f"expected JSON: {error}") from None
    if not 1 <= len(listed) <= MAX_BATCH:
        raise Refused(Reason.BAD_BATCH, "", f"expected 1 to {MAX_BATCH} events, got {len(listed)}")
    return map(bytes, listed)


@lru_cache(maxsize=64)
def _is_batch(content_type: str | None) -> bool:
    media_type, *parameters = (part.strip().lower() for part in (content_type or "").split(";"))
    charsets = [value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    if media_type not in (EVENT_TYPE, BATCH_TYPE) or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise Refused(Reason.BAD_CONTENT_TYPE, "", f"expected {EVENT_TYPE} or {BATCH_TYPE}, in UTF-8")
    return media_type == BATCH_TYPE
