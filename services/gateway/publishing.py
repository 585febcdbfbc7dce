"""Publish to the broker from asyncio: many messages at once, each confirmed by the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from hallpulse.domain.errors import Unavailable
from hallpulse.publisher.confirmed_channel import ConfirmedChannel

CONFIRM_SECONDS = 10.0
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message for the broker. routing_key: REGION.HALL.FAMILY; content_type: of one CloudEvent or of a batch."""

    routing_key: str
    body: bytes
    content_type: str


class EventPublisher(Protocol):
    @property
    def connected(self) -> bool: ...

    async def deliver(self, messages: Sequence[OutgoingMessage]) -> None:
        """Return once the broker has confirmed every message.

        Raises Unavailable if it has not confirmed one of them: it cannot be reached, a queue is full, or the
        confirmation did not come in time. Delivering all of them again does no harm.
        """
        ...


class ConfirmedPublisher:
    """Publishes over a channel with publisher confirms."""

    def __init__(self, channel: ConfirmedChannel) -> None:
        self._channel = channel

    @property
    def connected(self) -> bool:
        return self._channel.connected

    async def deliver(self, messages: Sequence[OutgoingMessage]) -> None:
        waiting = [asyncio.wrap_future(self._channel.publish(m.routing_key, m.body, m.content_type)) for m in messages]
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        except TimeoutError:
            raise Unavailable(f"broker: no confirmation within {CONFIRM_SECONDS:.0f} s") from None
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


@contextmanager
def open_publisher(amqp_url: str) -> Iterator[ConfirmedPublisher]:
    """Open a publisher for the block. Raises Unavailable if the broker cannot be reached."""
    channel = ConfirmedChannel(amqp_url)
    channel.start(CONNECT_SECONDS)
    try:
        yield ConfirmedPublisher(channel)
    finally:
        channel.close()
