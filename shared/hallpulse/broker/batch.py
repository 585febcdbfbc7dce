"""A batch knows how much it holds and how old it is; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

MANY = 64
GATHER_SECONDS = 0.025


class Delivery(NamedTuple):
    """A message as the broker delivered it.

    user_id: the property that the broker checked, and behind it which hall it speaks for, if it says so (`scanner`).
    """

    tag: int
    body: bytes
    content_type: str | None
    routing_key: str
    user_id: str | None


@dataclass(slots=True, eq=False)
class Batch:
    """Deliveries of one channel in their order, up to and with delivery tag `last_tag`.

    opened: when its first delivery came (seconds of a monotonic clock); generation: the connection it came by;
    size: about how many events there are, the broken ones among them.
    """

    generation: int
    opened: float = 0.0
    last_tag: int = 0
    bytes: int = 0
    size: int = 0
    deliveries: list[Delivery] = field(default_factory=list)

    def add(self, delivery: Delivery, now: float) -> None:
        if not self.deliveries:
            self.opened = now
        self.deliveries.append(delivery)
        self.bytes += len(delivery.body)
        self.size += _events_in(delivery)
        self.last_tag = delivery.tag

    def is_due(self, now: float, *, most_events: int, most_seconds: float, idle: bool) -> bool:
        """Whether to hand it on: when full or old, and soon when the database has nothing to do.

        idle: nothing is being committed. A few events then go at once; where many come, more are waited for, since
        every batch costs the broker and the database the same however small it is.
        """
        if not self.deliveries:
            return False
        age = now - self.opened
        return self.size >= most_events or age >= most_seconds or (idle and (self.size < MANY or age >= GATHER_SECONDS))


def _events_in(delivery: Delivery) -> int:
    """Each event names the version of its specification once; whoever decodes it will count exactly."""
    if delivery.content_type is None or "batch" not in delivery.content_type:
        return 1
    return delivery.body.count(b'"specversion"') or 1
