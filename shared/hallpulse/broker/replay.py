"""Refused events taken from the queue to be sent again or dropped; none leaves the queue before it is safe.

A pass takes each of the queue's messages once, unacknowledged; those that the caller neither sends nor drops go back.
Brokers may drop messages that were given back often, so a message that comes near that limit is first replaced by a
copy. To look at refused events without taking them, use the store.

A message that the broker itself took off a partition is turned into a rejection like the others: the broker keeps it as
the hall sent it, perhaps as a batch, with its way in the header x-death and without a reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pika
from pika import SelectConnection
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError, UnroutableError

from hallpulse.broker.connection import broker_faults, open_channel, user_of
from hallpulse.broker.deliveries import decoded_without_headers, header_end, publisher_of
from hallpulse.broker.rejections import (
    DEAD_LETTERED,
    DETAIL,
    FIELD,
    ON_BEHALF,
    REASON,
    REFUSED_AT,
    ROUTING_KEY,
    SOURCE,
    USER,
    id_from,
)
from hallpulse.broker.topology import EVENTS, REFUSED
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, MAX_BATCH, MAX_BODY
from hallpulse.contract.identity import county_of, hall_of
from hallpulse.contract.reasons import printable
from hallpulse.domain.errors import Unavailable

_X_DEATH = "x-death"
_UNREADABLE = "x-unreadable"
"""The only header of a message whose headers cannot be decoded."""
_WHY = {
    "delivery_limit": "given out and back more often than the broker's delivery limit allows",
    "expired": "older than a message may grow on this broker, or than its sender allowed",
    "rejected": "rejected without a reason",
    "maxlen": "more than the queue may hold",
}
_events_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
Copy = tuple[pika.BasicProperties, bytes]


class _ForgivingConnection(SelectConnection):  # type: ignore[misc]  # pika is not typed to the end
    """A SelectConnection that replaces headers which it cannot decode by _UNREADABLE, and goes on."""

    def _read_frame(self) -> tuple[int, Any]:
        try:
            read: tuple[int, Any] = super()._read_frame()
            return read
        except Exception:  # pika does not catch the errors of reading a table
            last = header_end(self._frame_buffer)
            if last is None:
                raise
        size, header = decoded_without_headers(self._frame_buffer, last)
        if header is not None:
            header.properties.headers = {_UNREADABLE: True}
        return size, header


def copies_of(properties: pika.BasicProperties, body: bytes) -> list[Copy]:
    """Return the copies that replace a message that no ingest refused, one for each event; none for any other message.

    The broker writes x-death into every message that it takes off, and no ingest does; other headers prove nothing.
    """
    headers = properties.headers or {}
    if _X_DEATH not in headers and _UNREADABLE not in headers:
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
    """Return the last entry of x-death; an empty one if none can be read."""
    return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}


def _text(given: Any) -> str:
    return given if isinstance(given, str) else ""


def _events(content_type: object, body: bytes) -> list[bytes]:
    """Return the events of a batch one by one; the whole body if it is no batch, unreadable or too large."""
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
    """Return the first routing key if it is the user's own, since the sender may have written it; else `USER.?`."""
    key = _text(keys[0]) if isinstance(keys, list) and keys else ""
    if county_of(user) is not None:  # a county's suite passes on headers that any of its halls may have written
        return f"{user}.?"
    if hall_of(user) is None:  # a gateway's user writes no x-death; a message without a user is not believed
        return key if user else ""
    return key if key.rpartition(".")[0] == user else f"{user}.?"


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """One message of the refused queue. id: see `id_of`, it does not depend on refused_at; tag: valid in this pass."""

    id: str
    tag: int
    body: bytes
    reason: str
    field: str
    detail: str
    source: str
    refused_at: str
    routing_key: str
    user: str


_GIVEN_BACK_SECONDS = 0.2
_GIVEN_BACK_OFTEN = 10
"""Well below the twenty times after which RabbitMQ 4 drops a message, unless the queue or a policy says otherwise."""
_DELIVERY_COUNT = "x-delivery-count"


class RefusedQueue:
    """One pass over the refused queue, opened by `open_refused`."""

    def __init__(self, channel: BlockingChannel, user: str) -> None:
        self._channel = channel
        self._user = user

    def __iter__(self) -> Iterator[RefusedMessage]:
        """Yield every message, oldest first, until the queue is empty.

        It looks twice: messages that an earlier pass gave back may still be on their way.
        """
        with broker_faults():
            empty = 0
            while empty < 2:
                method, properties, body = self._channel.basic_get(REFUSED)
                if method is None or properties is None or body is None:
                    empty += 1
                    self._channel.connection.sleep(_GIVEN_BACK_SECONDS)
                elif (rejections := copies_of(properties, body)) or _is_worn(properties):
                    self._replace(method.delivery_tag, rejections or [(_unworn(properties), body)])
                else:
                    yield _event(method.delivery_tag, properties, body)

    def those(self, ids: Collection[str]) -> Iterator[RefusedMessage]:
        """Yield every copy of the refusals with these ids; the rest of the queue is passed over."""
        return (event for event in self if event.id in ids)

    def waiting(self) -> int:
        """Return the number of messages in the queue, without those that a pass has taken; take none."""
        with broker_faults():
            count: int = self._channel.queue_declare(REFUSED, passive=True).method.message_count
            return count

    def _replace(self, tag: int, copies: list[tuple[pika.BasicProperties, bytes]]) -> None:
        """Put copies at the end of the queue, where the pass meets them later; then take the message off."""
        for properties, body in copies:
            self._publish("", REFUSED, body, properties)
        self._channel.basic_ack(tag)

    def _publish(self, exchange: str, routing_key: str, body: bytes, properties: pika.BasicProperties) -> None:
        try:
            self._channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)
        except (NackError, UnroutableError):
            raise Unavailable("broker: it does not take the event now: its queue is full") from None

    def drop(self, event: RefusedMessage) -> None:
        """Take an event off the queue for good."""
        with broker_faults():
            self._channel.basic_ack(event.tag)

    def send_again(self, event: RefusedMessage, routing_key: str, sender: str) -> None:
        """Publish an event on behalf of its sender, and take it off once the broker has it. Raises Unavailable if not.

        sender: REGION.HALL; a consumer accepts the event only as that hall's.
        """
        properties = pika.BasicProperties(
            content_type=EVENT_TYPE, delivery_mode=2, user_id=self._user, app_id=ON_BEHALF + sender
        )
        with broker_faults():
            self._publish(EVENTS, routing_key, event.body, properties)
            self._channel.basic_ack(event.tag)


@contextmanager
def open_refused(amqp_url: str) -> Iterator[RefusedQueue]:
    """Open a pass over `hall.refused`; messages neither dropped nor sent again are back in the queue afterwards."""
    with open_channel(amqp_url, _ForgivingConnection) as channel:
        channel.confirm_delivery()
        yield RefusedQueue(channel, user_of(amqp_url))


def _is_worn(properties: pika.BasicProperties) -> bool:
    """Return whether a message was given back so often that a broker may drop it soon."""
    count = (properties.headers or {}).get(_DELIVERY_COUNT)
    return isinstance(count, int) and count >= _GIVEN_BACK_OFTEN


def _unworn(properties: pika.BasicProperties) -> pika.BasicProperties:
    """Return the properties of a fresh copy: without the number of deliveries, and without the user."""
    properties.headers = {name: value for name, value in (properties.headers or {}).items() if name != _DELIVERY_COUNT}
    properties.user_id = None  # the broker lets a user name only itself
    return properties


def _event(tag: int, properties: pika.BasicProperties, body: bytes) -> RefusedMessage:
    headers = {name: str(value) for name, value in (properties.headers or {}).items()}
    reason, routing_key, user = (headers.get(name, "") for name in (REASON, ROUTING_KEY, USER))
    return RefusedMessage(
        id=id_from(reason, routing_key, user, body),
        tag=tag,
        body=body,
        reason=reason,
        field=headers.get(FIELD, ""),
        detail=headers.get(DETAIL, ""),
        source=headers.get(SOURCE, ""),
        refused_at=headers.get(REFUSED_AT, ""),
        routing_key=routing_key,
        user=user,
    )
