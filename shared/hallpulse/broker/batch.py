"""A batch knows how much it holds and how old it is; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from hallpulse.contract.decode import Decoded
from hallpulse.contract.events import HallEvent

from .refused import Letter

MANY = 64
GATHER_SECONDS = 0.025


class Delivery(NamedTuple):
    """A message as the broker delivered it; user_id is the property that the broker checked."""

    tag: int
    body: bytes
    content_type: str | None
    routing_key: str
    user_id: str | None


@dataclass(slots=True, eq=False)
class Batch:
    """Deliveries of one channel in their order, decoded, up to and with delivery tag `last_tag`.

    opened: when its first delivery came (seconds of a monotonic clock); generation: the connection it came by.
    """

    generation: int
    opened: float = 0.0
    last_tag: int = 0
    messages: int = 0
    bytes: int = 0
    events: list[HallEvent] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Events and refusals."""
        return len(self.events) + len(self.letters)

    def add(self, delivery: Delivery, decoded: Decoded, now: float) -> None:
        if not self.messages:
            self.opened = now
        self.messages += 1
        self.bytes += len(delivery.body)
        self.last_tag = delivery.tag
        self.events.extend(decoded.events)
        for refusal in decoded.refusals:
            self.letters.append(Letter(refusal, delivery.routing_key, delivery.user_id or ""))

    def is_due(self, now: float, *, most_events: int, most_seconds: float, idle: bool) -> bool:
        """Whether to hand it on: when full or old, and soon when the database has nothing to do.

        idle: nothing is being committed. A few events then go at once; where many come, more are waited for, since
        every batch costs the broker and the database the same however small it is.
        """
        if not self.messages:
            return False
        age = now - self.opened
        return self.size >= most_events or age >= most_seconds or (idle and (self.size < MANY or age >= GATHER_SECONDS))
