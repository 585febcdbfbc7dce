"""The state of ingest as the broker knows it: waiting messages, consuming workers, and whether it was stopped."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from hallpulse.domain.errors import HallpulseError, Halt, Unavailable

from .connection import broker_faults, open_channel
from .topology import STOPPED, WORKERS, queue_names

PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class QueueStanding:
    """The state of ingest.

    waiting: messages in the partitions that no worker holds yet; workers: the number of consuming workers; stopped:
    whether ingest waits for a person.
    """

    waiting: int
    workers: int
    stopped: bool


class StandingLook:
    """Looks at the state of ingest repeatedly over one connection; for one thread at a time."""

    def __init__(self, amqp_url: str, partitions: int) -> None:
        self._amqp_url = amqp_url
        self._partitions = queue_names(partitions)
        self._open = ExitStack()
        self._channel: BlockingChannel | None = None

    def look(self) -> QueueStanding:
        """Return the state of ingest. Raises Unavailable if the broker cannot be reached; the next call reconnects."""
        try:
            with broker_faults():
                waiting = sum(self._counts(name)[0] for name in self._partitions)
                return QueueStanding(waiting, self._counts(WORKERS)[1], self._counts(STOPPED)[0] > 0)
        except HallpulseError as error:
            self.close()
            raise error if isinstance(error, Unavailable) else Unavailable(str(error)) from None

    def close(self) -> None:
        """Close the connection, if there is one; raise no error if it is already lost."""
        self._channel = None
        with suppress(Unavailable, Halt):
            self._open.close()

    def _counts(self, queue: str) -> tuple[int, int]:
        """Return the numbers of a queue's waiting messages and consumers; 0 and 0 if there is no such queue."""
        channel = self._channel
        if channel is None or not channel.is_open:
            self.close()
            channel = self._channel = self._open.enter_context(open_channel(self._amqp_url, seconds=PATIENCE_SECONDS))
        try:
            told = channel.queue_declare(queue, passive=True).method
        except ChannelClosedByBroker as error:
            if error.reply_code != 404:
                raise
            return 0, 0
        return int(told.message_count), int(told.consumer_count)
