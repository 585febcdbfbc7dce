"""Refused events looked at, sent again or dropped: bounded, filtered, and nothing leaves the queue before it is safe.

A pass takes the queue's messages once, unacknowledged; what the caller does not finish with goes back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError, UnroutableError

from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.domain.errors import Unavailable

from .connection import broker_faults, open_channel, user_of
from .refused import DETAIL, FIELD, ON_BEHALF, REASON, REFUSED_AT, ROUTING_KEY, SOURCE, USER
from .topology import EVENTS, REFUSED


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """One message of the refused queue. id: short, of its content and the moment of its refusal; tag: of this pass."""

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


class RefusedQueue:
    """One pass over the queue, by `open_refused`."""

    def __init__(self, channel: BlockingChannel, user: str) -> None:
        self._channel = channel
        self._user = user

    def __iter__(self) -> Iterator[RefusedEvent]:
        """Every message, oldest first, until the queue is empty; what an earlier pass gave back may be on its way."""
        with broker_faults():
            empty = 0
            while empty < 2:
                method, properties, body = self._channel.basic_get(REFUSED)
                if method is None or properties is None or body is None:
                    empty += 1
                    self._channel.connection.sleep(_GIVEN_BACK_SECONDS)
                    continue
                yield _event(method.delivery_tag, properties, body)

    def drop(self, event: RefusedEvent) -> None:
        """Take it off the queue for good."""
        with broker_faults():
            self._channel.basic_ack(event.tag)

    def send_again(self, event: RefusedEvent, routing_key: str, sender: str) -> None:
        """Publish it on behalf of its sender and take it off once the broker has it. Raises Unavailable if it has not.

        sender: REGION.HALL, which whoever consumes holds the event to.
        """
        properties = pika.BasicProperties(
            content_type=EVENT_TYPE, delivery_mode=2, user_id=self._user, app_id=ON_BEHALF + sender
        )
        with broker_faults():
            try:
                self._channel.basic_publish(EVENTS, routing_key, event.body, properties, mandatory=True)
            except (NackError, UnroutableError):
                raise Unavailable("broker: it does not take the event now: its queue is full") from None
            self._channel.basic_ack(event.tag)


@contextmanager
def open_refused(amqp_url: str) -> Iterator[RefusedQueue]:
    """A pass over `hall.refused`; what was neither dropped nor sent again is back in the queue afterwards."""
    with open_channel(amqp_url) as channel:
        channel.confirm_delivery()
        yield RefusedQueue(channel, user_of(amqp_url))


def _event(tag: int, properties: pika.BasicProperties, body: bytes) -> RefusedEvent:
    headers = {name: str(value) for name, value in (properties.headers or {}).items()}
    at = headers.get(REFUSED_AT, "")
    return RefusedEvent(
        id=hashlib.sha256(at.encode() + body).hexdigest()[:10],
        tag=tag,
        body=body,
        reason=headers.get(REASON, ""),
        field=headers.get(FIELD, ""),
        detail=headers.get(DETAIL, ""),
        source=headers.get(SOURCE, ""),
        refused_at=at,
        routing_key=headers.get(ROUTING_KEY, ""),
        user=headers.get(USER, ""),
    )
