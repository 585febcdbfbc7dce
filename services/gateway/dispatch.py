"""The courier that runs: hallpulse's pipeline of confirmed messages, awaited from asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hallpulse.domain.errors import Unavailable
from hallpulse.publisher.confirmed_channel import ConfirmedChannel

from .courier import Message

CONFIRM_SECONDS = 10.0
CONNECT_SECONDS = 10.0


class PipelineCourier:
    def __init__(self, pipeline: ConfirmedChannel) -> None:
        self._pipeline = pipeline

    @property
    def connected(self) -> bool:
        return self._pipeline.connected

    async def deliver(self, messages: Sequence[Message]) -> None:
        waiting = [asyncio.wrap_future(self._pipeline.publish(m.routing_key, m.body, m.content_type)) for m in messages]
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        except TimeoutError:
            raise Unavailable(f"broker: no confirmation within {CONFIRM_SECONDS:.0f} s") from None
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


@contextmanager
def open_courier(amqp_url: str) -> Iterator[PipelineCourier]:
    """Raises Unavailable where the broker cannot be reached."""
    pipeline = ConfirmedChannel(amqp_url)
    pipeline.start(CONNECT_SECONDS)
    try:
        yield PipelineCourier(pipeline)
    finally:
        pipeline.close()
