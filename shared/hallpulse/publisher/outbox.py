"""Where events wait until the broker has confirmed them: what every outbox does, whatever keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from hallpulse.domain.errors import Unavailable

from .message import MOST_BYTES, MOST_EVENTS, Message


class OutboxFull(Unavailable):
    """There is no room for what was to be added, and nothing of it was: try again once events have been confirmed."""


class Waiting(NamedTuple):
    """An event in an outbox; of two, the one that was added later has the higher number."""

    number: int
    body: bytes


class RefusedEvent(NamedTuple):
    """An event that the broker turned away for good, and why."""

    number: int
    routing_key: str
    body: bytes
    reason: str


class Outbox(Protocol):
    """Events in the order in which they were added, apart by routing key.

    The first group of methods may be called from any thread, the second from that of the sender alone. All of them
    raise Unavailable where the outbox cannot do it now, Halt where it never will.
    """

    def add(self, messages: Sequence[Message]) -> None:
        """Keep messages of one event each: all of them once this returns, none where it raises OutboxFull."""

    def first(self) -> int | None:
        """The lowest number that waits."""

    def last(self) -> int:
        """The highest number that was ever given."""

    def count(self) -> int:
        """How many events wait."""

    def close(self) -> None:
        """What waits is kept where the outbox outlives the program."""

    # --- the sender's

    def lease(self) -> bool:
        """Whether this sender may send: of all programs that have the same outbox open, one."""

    def keys(self) -> list[str]:
        """The routing keys under which something waits, sorted."""

    def head(self, routing_key: str, after: int = 0) -> list[Waiting]:
        """The events that have waited longest of those numbered above `after`, as many as fit an envelope."""

    def confirm(self, upto: Iterable[tuple[str, int]]) -> None:
        """Forget what the broker has: of each routing key, all up to a number."""

    def refuse(self, routing_key: str, upto: int, reason: str) -> None:
        """No longer send what the broker turned away for good."""

    def let_go(self) -> None:
        """The sender has ended."""


def fits(events: int, size: int) -> bool:
    """Whether so many events, so many bytes with their commas, make one envelope; one event always does."""
    return events <= 1 or (events <= MOST_EVENTS and size <= MOST_BYTES)
