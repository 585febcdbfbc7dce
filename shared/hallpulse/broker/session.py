"""One connection of the consumer, from its first delivery to its close; all of it runs on the connection's thread.

Workers share the partitions without talking to each other. Every worker consumes every partition, and the broker makes
one of them active on each: so another takes over at once when a worker goes. But the first worker would keep them all.
So each also consumes `hall.workers`, an empty queue whose number of consumers is the number of workers, and lets go of
the partitions beyond its share; the broker gives those to the worker that has waited longest. Shares are rounded up, so
let the number of partitions be a multiple of the number of workers.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from pika import BasicProperties, URLParameters, spec
from pika.channel import Channel
from pika.connection import Connection
from pika.frame import Method

from hallpulse.broker.batches import GATHER_SECONDS, Batch, Gathering, Unacknowledged, by_halls, set_apart, slow_keys
from hallpulse.broker.connection import fault_line, lost_at_once
from hallpulse.broker.deliveries import Delivery, DirectConnection, Scanner, origin_of
from hallpulse.broker.rejections import Rejection, RejectionPublisher
from hallpulse.broker.topology import WORKERS, ConsumerLimits, slow_names
from hallpulse.domain.errors import Unavailable


def surplus(active: Collection[str], partitions: int, workers: int) -> list[str]:
    """Return the partitions to let go of, beyond a worker's share. active: those that messages came from lately."""
    return sorted(active)[math.ceil(partitions / max(workers, 1)) :]


BURST_SECONDS = 0.005
"""Seconds after a batch's first message: by then the messages that came with it have been taken too."""
TICK_SECONDS = 0.1
STOP_SECONDS, CLOSE_SECONDS = 6.0, 2.0
_SLOW = frozenset(slow_names())


@dataclass(slots=True)
class _Seen:
    """The number and size of recent messages."""

    count: int = 0
    bytes: int = 0

    def add(self, count: int, size: int) -> None:
        self.count += count
        self.bytes += size

    def fitting(self, room: int) -> int:
        """Return how many such messages fit into a number of bytes; 0 if none was seen."""
        return room * self.count // self.bytes if self.bytes else 0


class BatchTaker(Protocol):
    """Commits batches on other threads, and calls `Session.committed` or `divided` for each."""

    def put(self, batch: Batch) -> None: ...

    def begin_no_more(self) -> None:
        """Finish the commits under way, and leave the rest."""
        ...


class Session:
    """One connection to a node of the broker, from its opening to its end.

    queues: those to consume; stopping: returns whether to stop, called many times a second;
    slow: the halls, as REGION.HALL, that are served more slowly at present: their deliveries hold up no others;
    waiting_since: when the oldest uncommitted delivery came (seconds of a monotonic clock), None if there is none.
    """

    def __init__(
        self,
        node: URLParameters,
        generation: int,
        *,
        queues: Sequence[str],
        committer: BatchTaker,
        limits: ConsumerLimits,
        stopping: Callable[[], bool],
        slow: Set[str] = frozenset(),
    ) -> None:
        self.generation = generation
        self.waiting_since: float | None = None
        self._queues = queues
        self._committer = committer
        self._limits = limits
        self._stopping = stopping
        self._slow = slow
        self._fault = ""
        self._failure: BaseException | None = None
        self._finishing = False
        self._closed = False
        self._paused = False
        self._channel: Channel | None = None
        self._rejections: RejectionPublisher | None = None
        self._queue_of: dict[bytes, str] = {}
        self._active: set[str] = set()
        self._gathering = Gathering(generation, limits.most_events, self._begun)
        self._aside = Gathering(generation, limits.aside_events, self._begun, aside=True)
        self._outstanding: list[Batch] = []
        self._aside_outstanding: Batch | None = None
        self._held_bytes = 0
        self._prefetch = limits.prefetch
        self._seen = _Seen()
        self._leaving: set[bytes] = set()
        self._unacknowledged = Unacknowledged()
        self._scanner: Scanner | None = None
        self._connection = DirectConnection(node, self._on_open, self._on_lost, self._on_lost)
        self._ioloop = self._connection.ioloop

    def run(self) -> None:
        """Serve the connection until it is closed. Raises Unavailable if it was lost."""
        try:
            self._tick()
            with lost_at_once():
                self._ioloop.start()
        finally:
            self._closed = True
            self.waiting_since = None
            self._ioloop.close()
        if self._failure is not None:
            raise self._failure
        if not self._finishing:
            raise Unavailable(f"broker: {self._fault or 'the connection was closed'}")

    def call(self, work: Callable[[], None]) -> None:
        """Have work done on the connection's thread; do nothing once the connection is closed."""
        if not self._closed:
            self._ioloop.add_callback_threadsafe(work)

    def abandon(self) -> None:
        """Close at once: unacknowledged messages come again."""
        self._finishing = True
        self._close()

    def committed(self, batch: Batch, rejections: Sequence[Rejection] | None) -> None:
        """Publish a committed batch's rejections, then acknowledge it. rejections: None if it was not committed."""
        self._outstanding.remove(batch)
        if batch is self._aside_outstanding:
            self._aside_outstanding = None
        batch.left = rejections is None
        if rejections is not None and self._rejections is not None and self._is_open:
            safe = functools.partial(self._safe, batch)
            self._rejections.post(rejections, safe) if rejections else safe()
        self._hand_on()
        self._note_oldest()
        self._close_when_done()

    def divided(self, batch: Batch) -> None:
        """Divide an uncommitted batch with halls that have become slow: the other halls' deliveries go first."""
        self._outstanding.remove(batch)
        batch.left = self._finishing
        if not batch.left:
            self._divide(batch)
        self._hand_on()
        self._note_oldest()
        self._close_when_done()

    def _divide(self, batch: Batch) -> None:
        self._unacknowledged.divide(batch)
        others, aside = set_apart(batch.deliveries, self._slow)
        self._gathering.take_again(others, batch.opened)
        self._aside.take_again(aside, batch.opened)

    def _note_oldest(self) -> None:
        """Note, for other threads, when the oldest uncommitted delivery came."""
        waiting = chain(self._outstanding, self._gathering, self._aside)
        self.waiting_since = min((batch.opened for batch in waiting), default=None)

    @property
    def _is_open(self) -> bool:
        """Return whether both channels are open: they are closed together."""
        return self._channel is not None and self._channel.is_open and self._connection.is_open

    def _on_open(self, connection: Connection) -> None:
        if self._finishing:
            self._close()
            return
        connection.channel(on_open_callback=self._on_rejections_channel)

    def _on_rejections_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        self._rejections = RejectionPublisher(channel, self._reconnect)
        channel.basic_consume(WORKERS, lambda *_: None)
        self._ioloop.call_later(self._limits.share_seconds, functools.partial(self._count_workers, channel))
        self._connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(lambda _frame: self._reconnect("a queue was removed"))
        self._scanner = Scanner(channel.channel_number)
        self._connection.deliver(self._scanner, self._on_deliveries)
        self._consume(self._queues)

    def _consume(self, queues: Sequence[str]) -> None:
        if self._channel is not None and self._channel.is_open:
            for name in sorted(queues, key=self._prefetch_of):
                self._channel.basic_qos(prefetch_count=self._prefetch_of(name))  # for the consumers that follow
                self._queue_of[self._channel.basic_consume(name, self._on_message).encode()] = name
            self._want()

    def _prefetch_of(self, queue: str) -> int:
        """Return how many messages of a queue may be unacknowledged: few of a slow lane."""
        return min(self._limits.slow_prefetch, self._prefetch) if queue in _SLOW else self._prefetch

    def _cancel(self, queues: Sequence[str]) -> None:
        if self._channel is not None and self._channel.is_open:
            self._leaving = {tag for tag, name in self._queue_of.items() if name in queues}
            for tag in self._leaving:
                self._channel.basic_cancel(tag.decode())
                del self._queue_of[tag]
            self._want()

    def _want(self) -> None:
        """Take also messages on their way to cancelled consumers, if memory allows: brokers drop what returns often."""
        if self._scanner is not None:
            if self._held_bytes > 2 * self._limits.most_bytes:
                self._leaving.clear()  # for good: they would take the room of later consumers
            self._scanner.consumers = {*self._queue_of, *self._leaving}

    def _count_workers(self, channel: Channel) -> None:
        if channel.is_open and not self._finishing:
            channel.queue_declare(WORKERS, passive=True, callback=self._share)
            self._ioloop.call_later(self._limits.share_seconds, functools.partial(self._count_workers, channel))

    def _share(self, workers: Method) -> None:
        """Let go of the partitions beyond our share, and wait for them again behind other workers."""
        queues = []
        for group in ({*self._queues} - _SLOW, _SLOW):  # apart: slow lanes are mostly empty and would distort the share
            queues += surplus(self._active & group, len(group), workers.method.consumer_count)
        self._active.clear()
        if self._fit_prefetch() and self._prefetch == self._limits.prefetch:  # messages are small again
            queues = list(self._queues)
        if queues and not self._paused and not self._finishing:
            self._cancel(queues)
            self._consume(queues)

    def _on_message(
        self, _channel: Channel, method: spec.Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        """Take a delivery that came in many frames, or otherwise was not taken from the bytes."""
        origin = origin_of(method.routing_key, properties)
        self._on_deliveries([Delivery(method.delivery_tag, body, *origin)], {method.consumer_tag.encode()})

    def _on_deliveries(self, deliveries: Sequence[Delivery], tags: set[bytes]) -> None:
        self._active.update(self._queue_of[tag] for tag in tags if tag in self._queue_of)
        if self._finishing:
            return
        try:
            self._take(deliveries)
        except Exception as error:  # pika would treat it as a fault of the connection: we would reconnect forever
            self._failure = error
            self.abandon()

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        now = time.monotonic()
        others, aside = set_apart(deliveries, self._slow)
        self._gathering.take(others, now)
        self._aside.take(aside, now)
        if self._gathering.has_full:
            self._hand_on()
        self._note_oldest()
        size = sum(len(delivery.body) for delivery in deliveries)
        self._held_bytes += size
        self._seen.add(len(deliveries), size)
        if self._held_bytes > self._limits.most_bytes:
            self._pause()

    def _begun(self, batch: Batch) -> None:
        self._unacknowledged.add(batch)
        self._ioloop.call_later(BURST_SECONDS, self._hand_on)
        self._ioloop.call_later(GATHER_SECONDS, self._hand_on)

    def _pause(self) -> None:
        if self._paused:
            self._want()
            return
        self._paused = True
        self._fit_prefetch()
        self._cancel(self._queues)

    def _fit_prefetch(self) -> bool:
        """Fit the prefetch of later consumers to memory, by the size of recent messages; return whether it changed."""
        before, limits = self._prefetch, self._limits
        # Consumers begin when half of the memory is in use: their prefetch must fit into the other half.
        fitting = self._seen.fitting(limits.most_bytes // 2 // max(1, len(self._queues)))
        self._prefetch = max(1, min(limits.prefetch, fitting or before))
        self._seen = _Seen()
        return self._prefetch != before

    def _tick(self) -> None:
        if self._stopping() and not self._finishing:
            self._finish()
        self._hand_on()
        self._ioloop.call_later(TICK_SECONDS, self._tick)

    def _hand_on(self) -> None:
        """Give batches to the committer: as many as it commits at once, and one more to wait."""
        while len(self._outstanding) <= self._limits.committers and not self._finishing:
            if (batch := self._next_batch()) is None:
                return
            self._outstanding.append(batch)
            self._committer.put(batch)

    def _share_out(self, batch: Batch) -> Batch:
        """Return the batch, or its first part if it is large: parts of separate halls, one for each committer.

        Merges wait for each other's halls: two large batches of many halls would be folded one after the other.
        """
        if batch.part or batch.size < self._limits.divided_events:
            return batch
        first, *others = by_halls(batch.deliveries, self._limits.committers)
        if not others:
            return batch
        self._unacknowledged.divide(batch)
        for part in reversed([first, *others]):
            self._gathering.take_again(part, batch.opened)
        again = self._gathering.next(self._is_due)
        assert again is not None
        return again

    def _next_batch(self) -> Batch | None:
        """Return the oldest batch that is full or due; one of slow halls only if a committer stays free for others."""
        while (batch := self._gathering.next(self._is_due)) is not None and slow_keys(batch.deliveries, self._slow):
            self._divide(batch)  # gathered before its halls were known to be slow
        if batch is not None:
            return self._share_out(batch)
        if self._aside_outstanding is None and len(self._outstanding) < self._limits.committers:
            batch = self._aside_outstanding = self._aside.next(lambda waiting: bool(waiting.deliveries))
        return batch

    def _is_due(self, batch: Batch) -> bool:
        return batch.is_due(
            time.monotonic(),
            most_events=self._limits.most_events,
            most_seconds=self._limits.most_seconds,
            free=len(self._outstanding) < self._limits.committers,
            idle=all(outstanding is self._aside_outstanding for outstanding in self._outstanding),
        )

    def _safe(self, batch: Batch) -> None:
        """Mark a batch safe, since the copies of its refused events are confirmed; acknowledge all that is ready."""
        batch.safe = True
        if done := self._unacknowledged.take_safe():
            self._held_bytes -= sum(one.bytes for one in done)
            if self._channel is not None and self._channel.is_open:
                self._channel.basic_ack(max(one.last_tag for one in done), multiple=True)
        if self._paused and self._held_bytes < self._limits.most_bytes // 2 and not self._finishing:
            self._paused = False
            self._consume(self._queues)
        self._close_when_done()

    def _finish(self) -> None:
        """Take no more messages; close once the batches under way are acknowledged."""
        self._finishing = True
        self._gathering.leave()
        self._aside.leave()
        self._cancel(self._queues)
        self._committer.begin_no_more()
        self._ioloop.call_later(STOP_SECONDS, self._close)
        self._close_when_done()

    def _close_when_done(self) -> None:
        if self._finishing and self._unacknowledged.is_settled:
            self._close()

    def _reconnect(self, fault: str) -> None:
        self._fault = self._fault or fault
        self._close()

    def _close(self) -> None:
        """Close in order if the broker answers in time, else without its answer."""
        self._ioloop.call_later(CLOSE_SECONDS, self._ioloop.stop)
        if self._connection.is_closed:
            self._ioloop.stop()
        elif self._connection.is_open:
            self._connection.close()

    def _on_channel_closed(self, _channel: Channel, reason: BaseException) -> None:
        self._reconnect(fault_line(reason))

    def _on_lost(self, _connection: Connection, reason: BaseException) -> None:
        self._fault = self._fault or fault_line(reason)
        self._ioloop.stop()
