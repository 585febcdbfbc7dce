"""The publisher of hall systems: every event is kept until the broker has confirmed it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.publisher.confirmed_channel import ConfirmedChannel
from hallpulse.tracing import tracing_from

from .disk import MOST_BYTES, DiskOutbox
from .memory import MemoryOutbox
from .message import Event, Message, message_of
from .outbox import Outbox, OutboxFull
from .sender import LONGEST_PAUSE, OutboxSender

_LOOK_AGAIN = 0.2
"""Seconds between two looks at a shared outbox: other programs give no sign of what they send."""
_LAST_SECONDS = 5.0
_FIRST_SECONDS = 3.0
"""Seconds that entering the block waits to learn whether the broker knows the user and the password."""
_log = logging.getLogger("hallpulse.publisher")


class Publisher:
    """Publishes a hall's events as the broker user that its URL names.

        with Publisher("amqp://222424.hall-1:PASSWORD@broker/%2F", outbox="/var/lib/hall/outbox.sqlite") as publisher:
            publisher.send({"specversion": "1.0", "type": "hall.case.accepted.v1", ...})

    `send` returns once the event is in the outbox. An event that the broker does not take (it is down, a queue is full)
    is sent again until the broker takes it, for days if need be; it may arrive twice, and counts once. The events of a
    case arrive in the order in which they were sent. Methods may be called from several threads.

    outbox: a file on a local disk, where events survive a killed program and a power cut; the next Publisher with that
    file sends the events that are left. Several programs may share a file. When it has reached `outbox_bytes`, `send`
    raises OutboxFull. Leaving the block waits some seconds for confirmations and raises Unavailable if events are left;
    they stay in the file. Without an outbox, events are kept in memory: `send` waits while 5,000 events or 32 MiB are
    not yet confirmed, and leaving the block waits for every confirmation.

    A wrong user or password raises Halt when the block is entered; `flush` raises it too, also if the password becomes
    wrong later. A broker that is down is no error.

    refused: a function called with each event that the broker turns away for good, and with the reason (such as a
    family that the hall was not granted). An outbox file keeps these events apart (`DiskOutbox.refused`); without a
    file and without `refused`, the next `send` or `flush` raises Halt. patience: seconds that `send` waits for room
    before it raises OutboxFull; by default 0 with a file, without limit otherwise.
    """

    def __init__(
        self,
        amqp_url: str,
        refused: Callable[[Message, str], None] | None = None,
        *,
        outbox: str | Path | None = None,
        outbox_bytes: int = MOST_BYTES,
        patience: float | None = None,
    ) -> None:
        self._pipeline = ConfirmedChannel(amqp_url, longest_pause=LONGEST_PAUSE, became_ready=self._wake)
        self._file = None if outbox is None else Path(outbox)
        self._outbox: Outbox = MemoryOutbox() if outbox is None else DiskOutbox(outbox, outbox_bytes)
        self._sender = OutboxSender(self._pipeline, self._outbox, self._turn_away, self._notify, self._stop_at)
        self._refused = refused
        self._tracing = tracing_from(os.environ, "publisher")
        self._patience = patience if patience is not None else 0.0 if self._file is not None else threading.TIMEOUT_MAX
        self._changed = threading.Condition()
        self._halt: Halt | None = None
        self._closing = False

    def __enter__(self) -> Publisher:
        self.start()
        self._pipeline.first_attempt(_FIRST_SECONDS)
        if self._pipeline.denied:
            fault = self._denied()
            self.close()
            raise fault
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush_last()
        finally:
            self.close()

    def _flush_last(self) -> None:
        if self._file is None:
            self.flush()
            return
        try:
            self.flush(_LAST_SECONDS)
        except Unavailable as error:
            raise Unavailable(f"{error}; they are kept in {self._file} and sent when it is opened next") from None

    @property
    def connected(self) -> bool:
        """Return whether the broker is connected now."""
        return self._pipeline.connected

    @property
    def confirmed(self) -> int:
        """The number of events that the broker has confirmed to this publisher."""
        return self._sender.confirmed

    @property
    def waiting(self) -> int:
        """The number of unconfirmed events in the outbox, from all programs."""
        return self._outbox.count()

    def start(self) -> None:
        """Connect as soon as the broker can be reached, and send the events in the outbox."""
        self._pipeline.begin()
        self._sender.start()

    def send(self, event: Event) -> None:
        """Publish one event. Raises Refused if it breaks the contract, OutboxFull if there is no room for it."""
        self._keep([self._message(event, _now())])

    def send_batch(self, events: Iterable[Event]) -> None:
        """Publish all of the events or none, faster than one by one: an outbox writes them to the disk at once.

        Raises as `send` does; if one event breaks the contract, none is sent.
        """
        now = _now()
        self._keep([self._message(event, now) for event in events])

    def _message(self, event: Event, now: int) -> Message:
        message = message_of(event, now)
        if self._tracing is None:
            return message
        return message._replace(body=self._tracing.publish(message.body, message.routing_key))

    def flush(self, seconds: float | None = None) -> None:
        """Wait until the broker has confirmed all events that are in the outbox now.

        Raises Unavailable if that takes longer than `seconds` (None: no limit), Halt if sending has stopped for good or
        the broker refuses the user or the password.
        """
        last = self._outbox.last()
        deadline = time.monotonic() + (threading.TIMEOUT_MAX if seconds is None else seconds)
        with self._changed:
            while not self._halt and (first := self._outbox.first()) is not None and first <= last:
                left = deadline - time.monotonic()
                if self._pipeline.denied:
                    raise self._denied()
                if left <= 0:
                    fault = self._sender.fault or "no answer yet"
                    raise Unavailable(f"{self._outbox.count()} events are not confirmed: {fault}")
                self._changed.wait(min(left, _LOOK_AGAIN))
            if self._halt:
                raise self._halt

    def _denied(self) -> Halt:
        kept = f"; {self._outbox.count()} events are kept in {self._file}" if self._file is not None else ""
        return Halt(f"broker: the user or the password is wrong: {self._pipeline.fault}{kept}")

    def close(self) -> None:
        """End the connection without waiting."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._sender.stop()
        self._pipeline.close()
        self._outbox.close()

    def _keep(self, messages: Sequence[Message]) -> None:
        deadline = time.monotonic() + self._patience
        while not self._add(messages, deadline):
            with self._changed:
                self._changed.wait(_LOOK_AGAIN)
        self._sender.wake()

    def _add(self, messages: Sequence[Message], deadline: float) -> bool:
        if self._halt:
            raise self._halt
        if self._closing:
            raise Unavailable("the publisher is closed")
        try:
            self._outbox.add(messages)
        except OutboxFull:
            if time.monotonic() >= deadline:
                raise
            return False
        return True

    def _turn_away(self, message: Message, why: str) -> None:
        """Report a refused event. `send` raises an exception of the callback, so that it does not end this thread."""
        if self._refused:
            try:
                self._refused(message, why)
            except Exception as error:
                self._stop_at(Halt(f"{type(error).__name__} in the function told of refused messages: {error}"))
        elif self._file is not None:
            _log.warning("%s: turned away, kept in the outbox: %s", message.routing_key, why)
        else:
            self._stop_at(Halt(why))

    def _stop_at(self, halt: Halt) -> None:
        with self._changed:
            self._halt = halt
            self._changed.notify_all()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wake(self) -> None:
        self._sender.wake()


def _now() -> int:
    return time.time_ns() // 1000
