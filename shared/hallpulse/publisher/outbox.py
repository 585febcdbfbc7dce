"""The interface of an outbox, which keeps events until the broker has confirmed them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from hallpulse.domain.errors import Unavailable

from .message import MOST_BYTES, MOST_EVENTS, Message


class OutboxFull(Unavailable):
    """The outbox has no room for the events, and took none of them: try again once others have been confirmed."""


class Waiting(NamedTuple):
    """An event in an outbox; events added later have higher numbers."""

    number: int
    body: bytes


class RefusedEvent(NamedTuple):
    """An event that the broker turned away for good, with the reason."""

    number: int
    routing_key: str
    body: bytes
    reason: str


class Outbox(Protocol):
    """Events in the order in which they were added, separate by routing key.

    The first group of methods may be called from any thread, the second from the sender's thread only. All of them
    raise Unavailable if the outbox cannot do it now, Halt if it never will.
    """

    def add(self, messages: Sequence[Message]) -> None:
        """Keep messages of one event each: all of them once this returns, none if it raises OutboxFull."""

    def first(self) -> int | None:
        """Return the lowest number of a waiting event; None if none waits."""

    def last(self) -> int:
        """Return the highest number that was ever given."""

    def count(self) -> int:
        """Return the number of waiting events."""

    def close(self) -> None:
        """Close the outbox; one in a file keeps its waiting events."""

    # --- for the sender

    def lease(self) -> bool:
        """Return whether this sender may send: only one of the programs with the outbox open may."""

    def keys(self) -> list[str]:
        """Return the routing keys of waiting events, sorted."""

    def head(self, routing_key: str, after: int = 0) -> list[Waiting]:
        """Return the oldest waiting events numbered above `after`, as many as fit an envelope."""

    def confirm(self, upto: Iterable[tuple[str, int]]) -> None:
        """Delete confirmed events. upto: routing keys, each with the highest number to delete."""

    def refuse(self, routing_key: str, upto: int, reason: str) -> None:
        """Stop sending a routing key's events up to a number: the broker turned them away for good."""

    def let_go(self) -> None:
        """Release the lease at the sender's end."""


def fits(events: int, size: int) -> bool:
    """Return whether a number of events and of bytes, commas included, fits one envelope; one event always does."""
    return events <= 1 or (events <= MOST_EVENTS and size <= MOST_BYTES)
