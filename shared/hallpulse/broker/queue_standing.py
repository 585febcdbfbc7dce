"""How ingest stands, as the broker knows it: what waits in its queues, who consumes, whether it was stopped."""

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
    """How ingest stands.

    waiting: messages in the partitions that no worker holds yet; workers: how many consume; stopped: ingest waits for
    a person.
    """

    waiting: int
    workers: int
    stopped: bool


class StandingLook:
    """Looks again and again over one connection; not for several threads at once."""

    def __init__(self, amqp_url: str, partitions: int) -> None:
        self._amqp_url = amqp_url
        self._partitions = queue_names(partitions)
        self._open = ExitStack()
        self._channel: BlockingChannel | None = None

    def look(self) -> QueueStanding:
        """Raise Unavailable if the broker cannot be reached; the next look then connects again."""
        try:
            with broker_faults():
                waiting = sum(self._counts(name)[0] for name in self._partitions)
                return QueueStanding(waiting, self._counts(WORKERS)[1], self._counts(STOPPED)[0] > 0)
        except HallpulseError as error:
            self.close()
            raise error if isinstance(error, Unavailable) else Unavailable(str(error)) from None

    def close(self) -> None:
        """Close the connection, if there is one; one that is lost already ends quietly."""
        self._channel = None
        with suppress(Unavailable, Halt):
            self._open.close()

    def _counts(self, queue: str) -> tuple[int, int]:
        """Return the messages that wait in a queue and its consumers; none of either where the queue is not there."""
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
