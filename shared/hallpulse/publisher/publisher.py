"""The publisher of hall systems: every event is kept until the broker has confirmed it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType

from hallpulse.domain.errors import Halt, Unavailable

from .message import Event, Message, envelopes, message_of
from .pipeline import Pipeline

MOST_WAITING, MOST_BYTES = 5000, 32 * 1024 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Publisher:
    """Publishes a hall's events as the broker user that its URL names.

        with Publisher("amqp://222424.hall-1:PASSWORD@broker.example/") as publisher:
            publisher.send({"specversion": "1.0", "type": "hall.case.accepted.v1", ...})

    `send` returns at once, and waits only while 5,000 messages or 32 MiB are not yet confirmed. What the broker does
    not take (it is away, a queue is full) is sent again until it does; an event may thus arrive twice, and counts
    once. Leaving the block waits for every confirmation. What waits is kept in memory: a program that is killed
    sends again what `flush` had not confirmed.

    refused: told of each message that the broker turns away for good, and why (a family that the hall was not
    granted); without it the next `send` or `flush` raises Halt. Methods may be called from several threads.
    """

    def __init__(self, amqp_url: str, refused: Callable[[Message, str], None] | None = None) -> None:
        self._pipeline = Pipeline(amqp_url)
        self._refused = refused or self._stop_at
        self._changed = threading.Condition()
        self._waiting = 0
        self._bytes = 0
        self._confirmed = 0
        self._full = False
        self._again: list[Message] = []
        self._fault = ""
        self._halt: Halt | None = None
        self._closing = False
        self._repeater = threading.Thread(target=self._repeat, name="publisher", daemon=True)

    def __enter__(self) -> Publisher:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    @property
    def confirmed(self) -> int:
        """How many events the broker has confirmed."""
        return self._confirmed

    @property
    def waiting(self) -> int:
        """How many messages it has not."""
        return self._waiting

    def start(self) -> None:
        """Connect as soon as the broker can be reached."""
        self._pipeline.begin()
        self._repeater.start()

    def send(self, event: Event) -> None:
        """Publish one event. Raises Refused where it breaks the contract, Halt where the broker turned one away."""
        self._keep(message_of(event, _now()))

    def send_batch(self, events: Iterable[Event]) -> None:
        """Publish events in envelopes of up to 100 that share a routing key, which is faster. Raises as `send` does.

        One that breaks the contract is raised before any of the batch is sent.
        """
        now = _now()
        for envelope in envelopes([message_of(event, now) for event in events]):
            self._keep(envelope)

    def flush(self, seconds: float | None = None) -> None:
        """Wait until the broker has confirmed everything. Raises Unavailable where it has not in time, or Halt."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._waiting or self._halt, seconds)
            if self._halt:
                raise self._halt
            if not done:
                raise Unavailable(f"{self._waiting} messages are not confirmed: {self._fault or 'no answer yet'}")

    def close(self) -> None:
        """End the connection without waiting."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._pipeline.close()
        self._repeater.join(_LONGEST_PAUSE)

    def _keep(self, message: Message) -> None:
        with self._changed:
            self._changed.wait_for(self._has_room)
            if self._halt:
                raise self._halt
            if self._closing:
                raise Unavailable("the publisher is closed")
            self._waiting += 1
            self._bytes += len(message.body)
        self._post(message)

    def _has_room(self) -> bool:
        room = self._waiting < MOST_WAITING and self._bytes < MOST_BYTES
        self._full = self._full or not room
        return room or self._closing or self._halt is not None

    def _post(self, message: Message) -> None:
        self._pipeline.hand_over(*message[:3], partial(self._answered, message))

    def _answered(self, message: Message, error: Unavailable | Halt | None) -> None:
        """On the pipeline's thread, or at once on the sender's where there is no connection."""
        if isinstance(error, Halt):
            self._turn_away(message, str(error))
        with self._changed:
            if isinstance(error, Unavailable):
                self._fault = str(error)
                self._again.append(message)
                self._changed.notify_all()
            else:
                self._forget(message, 0 if error else message.events)

    def _turn_away(self, message: Message, why: str) -> None:
        """A fault of whoever is told must not end the thread that publishes: it is raised where events are sent."""
        try:
            self._refused(message, why)
        except Exception as error:
            self._halt = Halt(f"{type(error).__name__} in the function told of refused messages: {error}")

    def _forget(self, message: Message, confirmed: int) -> None:
        """Wakes those who wait only where there is something to do for them: waking costs more than all else here."""
        self._waiting -= 1
        self._bytes -= len(message.body)
        self._confirmed += confirmed
        ample = self._waiting <= MOST_WAITING // 2 and self._bytes <= MOST_BYTES // 2
        if (self._full and ample) or not self._waiting or self._halt:
            self._full = False
            self._changed.notify_all()

    def _stop_at(self, message: Message, why: str) -> None:
        del message
        self._halt = Halt(why)

    def _repeat(self) -> None:
        """Send again what was not taken, after a pause that grows while nothing is."""
        pause = _FIRST_PAUSE
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._again or self._closing)
                before = self._confirmed
                if self._changed.wait_for(lambda: self._closing, pause):
                    return
                messages, self._again = self._again, []
            pause = _FIRST_PAUSE if self._confirmed > before else min(pause * 2, _LONGEST_PAUSE)
            for message in messages:
                self._post(message)


def _now() -> int:
    return time.time_ns() // 1000
