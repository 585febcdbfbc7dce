"""Between the handlers and the broker: many messages in flight, each answered for by the broker itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """routing_key: REGION.HALL.FAMILY; content_type: of one CloudEvent or of a batch."""

    routing_key: str
    body: bytes
    content_type: str


class Courier(Protocol):
    @property
    def connected(self) -> bool: ...

    async def deliver(self, messages: Sequence[Message]) -> None:
        """Returns once the broker has confirmed every message.

        Raises Unavailable where it does not have one of them: it cannot be reached, a queue is full, or no
        confirmation came in time. Delivering all of them again does no harm.
        """
        ...
