"""The batch consumer: from quorum queues to committed batches, acknowledged after the commit and not before.

One thread talks to the broker and decodes, one commits (`committing`), so that the next batch is decoded while the
database works. Messages are acknowledged with one multiple-ack a batch, in order, once the batch is committed and the
broker has confirmed the copies of its refused events. A lost connection is opened again; what was not acknowledged
comes again and is known to the store.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pika import BasicProperties, SelectConnection, spec
from pika.channel import Channel

from hallpulse.contract.decode import Decoded
from hallpulse.domain.errors import Unavailable

from .batch import Batch, Delivery
from .committing import FIRST_WAIT, LONGEST_WAIT, Commit, Committer
from .connection import fault_line, open_channel, parameters
from .letterbox import Letterbox
from .refused import Letter
from .topology import declare, queue_names

TICK_SECONDS = 0.01
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """How much is taken at once.

    most_events and most_seconds: a batch is handed on when it holds so many events or is so old, or when the database
    has nothing to do; prefetch: unacknowledged messages a queue; most_bytes: what may be held in memory before the
    consumer asks for no more.
    """

    partitions: int = 4
    most_events: int = 4000
    most_seconds: float = 0.2
    prefetch: int = 4000
    most_bytes: int = 96 * 1024**2


class Consumer:
    """Consumes every partition until `stop` is called, from any thread or a signal handler."""

    def __init__(
        self,
        amqp_url: str,
        decode: Callable[[Delivery], Decoded],
        commit: Commit,
        limits: ConsumerLimits,
        say: Callable[[str], None],
    ) -> None:
        self._url = amqp_url
        self._decode = decode
        self._limits = limits
        self._say = say
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._committer = Committer(commit, self._committed, self._fail, self._retrying)
        self._session: _Session | None = None
        self._generation = 0

    def run(self) -> None:
        """Consume until stopped. Raises Halt, or whatever else made going on impossible; nothing is lost then."""
        self._committer.start()
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._one_connection()
                fault = "the connection was closed"
            except Unavailable as error:
                fault = str(error)
            if self._stopping.is_set():
                break
            wait = FIRST_WAIT if time.monotonic() - began > 60 else min(wait * 2, LONGEST_WAIT)
            self._say(f"{fault}; trying again in {wait:.1f} s")
            self._stopping.wait(wait)
        self._committer.stop(STOP_SECONDS)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop taking messages, finish the batch in the database, acknowledge it, leave the rest to come again."""
        self._stopping.set()
        session = self._session
        if session is not None:
            session.call(session.finish)

    def _one_connection(self) -> None:
        with open_channel(self._url) as channel:
            declare(channel, self._limits.partitions)
        self._generation += 1
        self._session = _Session(self._url, self._generation, self._decode, self._committer, self._limits)
        if self._stopping.is_set():
            return
        self._session.run()

    def _committed(self, batch: Batch, letters: Sequence[Letter]) -> None:
        session = self._session
        if session is not None and session.generation == batch.generation:
            session.call(functools.partial(session.committed, batch, [*batch.letters, *letters]))

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._stopping.set()
        if self._session is not None:
            self._session.call(self._session.abandon)

    def _retrying(self, error: Unavailable, wait: float) -> None:
        self._say(f"{error}; trying again in {wait:.1f} s")


class _Session:
    """One connection: from its first delivery to its close."""

    def __init__(
        self,
        amqp_url: str,
        generation: int,
        decode: Callable[[Delivery], Decoded],
        committer: Committer,
        limits: ConsumerLimits,
    ) -> None:
        self.generation = generation
        self._decode = decode
        self._committer = committer
        self._limits = limits
        self._fault = ""
        self._finishing = False
        self._closed = False
        self._paused = False
        self._channel: Channel | None = None
        self._letterbox: Letterbox | None = None
        self._consumer_tags: list[str] = []
        self._batch = Batch(generation)
        self._in_flight = 0
        self._held_bytes = 0
        self._unacked: deque[_Unacked] = deque()
        self._connection = SelectConnection(
            parameters(amqp_url),
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_lost,
            on_close_callback=self._on_lost,
        )

    def run(self) -> None:
        """Serve the connection until it is closed. Raises Unavailable where that was not our wish."""
        try:
            self._connection.ioloop.start()
        finally:
            self._closed = True
            self._connection.ioloop.close()
        if not self._finishing:
            raise Unavailable(f"broker: {self._fault or 'the connection was closed'}")

    def call(self, work: Callable[[], None]) -> None:
        """Have work done on the connection's thread; nothing happens once it is closed."""
        if not self._closed:
            self._connection.ioloop.add_callback_threadsafe(work)

    def finish(self) -> None:
        """Take no more; close once what is being committed is acknowledged."""
        if self._finishing:
            return
        self._finishing = True
        self._batch = Batch(self.generation)
        self._cancel()
        self._connection.ioloop.call_later(STOP_SECONDS, self._close)
        self._close_when_done()

    def abandon(self) -> None:
        """Close at once: what is not acknowledged comes again."""
        self._finishing = True
        self._close()

    def committed(self, batch: Batch, letters: Sequence[Letter]) -> None:
        """A batch is in the database: see to its refused events, then acknowledge it."""
        self._in_flight -= 1
        unacked = _Unacked(batch)
        self._unacked.append(unacked)
        if self._letterbox is not None:
            self._letterbox.post(letters, functools.partial(self._safe, unacked))
        self._hand_on()

    def _on_open(self, connection: SelectConnection) -> None:
        connection.channel(on_open_callback=self._on_letter_channel)

    def _on_letter_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        self._letterbox = Letterbox(channel, self._close)
        self._connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(lambda _frame: self._close())
        channel.basic_qos(prefetch_count=self._limits.prefetch)
        self._consume()
        self._tick()

    def _consume(self) -> None:
        if self._channel is not None and self._channel.is_open:
            names = queue_names(self._limits.partitions)
            self._consumer_tags = [self._channel.basic_consume(name, self._on_message) for name in names]

    def _cancel(self) -> None:
        if self._channel is not None and self._channel.is_open:
            for tag in self._consumer_tags:
                self._channel.basic_cancel(tag)
        self._consumer_tags = []

    def _on_message(
        self, _channel: Channel, method: spec.Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        if self._finishing:
            return
        delivery = Delivery(method.delivery_tag, body, properties.content_type, method.routing_key, properties.user_id)
        self._batch.add(delivery, self._decode(delivery), time.monotonic())
        self._held_bytes += len(body)
        if self._batch.size >= self._limits.most_events:
            self._hand_on()
        if self._held_bytes > self._limits.most_bytes and not self._paused:
            self._paused = True
            self._cancel()

    def _tick(self) -> None:
        if self._connection.is_open and not self._finishing:
            self._hand_on()
            self._connection.ioloop.call_later(TICK_SECONDS, self._tick)

    def _hand_on(self) -> None:
        """Give the batch to the committer: one is being committed and one more waits, never three."""
        due = self._batch.is_due(
            time.monotonic(),
            most_events=self._limits.most_events,
            most_seconds=self._limits.most_seconds,
            idle=self._in_flight == 0,
        )
        if due and self._in_flight < 2 and not self._finishing:
            self._in_flight += 1
            batch, self._batch = self._batch, Batch(self.generation)
            self._committer.put(batch)

    def _safe(self, unacked: _Unacked) -> None:
        """The copies of a batch's refused events are confirmed: acknowledge as many batches as are ready, in order."""
        unacked.safe = True
        last = 0
        while self._unacked and self._unacked[0].safe:
            done = self._unacked.popleft().batch
            last = done.last_tag
            self._held_bytes -= done.bytes
        if last and self._channel is not None and self._channel.is_open:
            self._channel.basic_ack(last, multiple=True)
        if self._paused and self._held_bytes < self._limits.most_bytes // 2 and not self._finishing:
            self._paused = False
            self._consume()
        if self._finishing:
            self._close_when_done()

    def _close_when_done(self) -> None:
        if self._in_flight == 0 and not self._unacked:
            self._close()

    def _close(self) -> None:
        if self._connection.is_open:
            self._connection.close()
        elif not self._connection.is_closing:
            self._connection.ioloop.stop()

    def _on_channel_closed(self, _channel: Channel, reason: BaseException) -> None:
        self._fault = self._fault or fault_line(reason)
        self._close()

    def _on_lost(self, _connection: SelectConnection, reason: BaseException) -> None:
        self._fault = self._fault or fault_line(reason)
        self._connection.ioloop.stop()


@dataclass(slots=True)
class _Unacked:
    batch: Batch
    safe: bool = False
