"""The batch consumer alone on a real broker: a commit that records instead of a database, and faults when asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from hallpulse.broker import Batch, Consumer, ConsumerLimits, Delivery, Rejection
from hallpulse.contract.decode import Decoded, decode_message
from tests.ingesting import strain
from tests.servers import Vhost

NOW = 1_790_000_000_000_000


@dataclass
class Running:
    """said: what the operator was told; batches: what was committed, the ids of its events."""

    consumer: Consumer
    said: list[str]
    batches: list[list[str]]
    failures: list[BaseException] = field(default_factory=list)
    thread: threading.Thread = field(default_factory=threading.Thread)

    @property
    def ids(self) -> list[str]:
        return [id_ for batch in list(self.batches) for id_ in batch]

    def stop(self) -> None:
        self.consumer.stop()
        self.thread.join(30 * strain())
        assert not self.thread.is_alive(), "it did not stop"


Before = Callable[[Batch], Sequence[Rejection] | None]


@contextlib.contextmanager
def consuming(
    vhost: Vhost,
    limits: ConsumerLimits | None = None,
    before: Before = lambda _: None,
    decode: Callable[[Delivery], Decoded] | None = None,
    slow: Set[str] = frozenset(),
) -> Iterator[Running]:
    """Consume until the block ends. `before` runs before each commit, and may raise or return rejections."""
    decoded = decode or decoder(vhost.user)
    said: list[str] = []
    batches: list[list[str]] = []

    def commit(batch: Batch) -> Sequence[Rejection]:
        rejections = list(before(batch) or ())
        ids = []
        for delivery in batch.deliveries:
            events, refusals = decoded(delivery)
            ids += [event.id for event in events]
            rejections += [Rejection(refusal, delivery.routing_key, delivery.user_id or "") for refusal in refusals]
        batches.append(ids)
        return rejections

    consumer = Consumer(vhost.amqp_url, commit, limits or ConsumerLimits(2), said.append, slow=slow)
    running = Running(consumer, said, batches)
    running.thread = threading.Thread(target=lambda: _run(running))
    running.thread.start()
    try:
        yield running
    finally:
        running.stop()


def decoder(gateway_user: str) -> Callable[[Delivery], Decoded]:
    return lambda delivery: decode_message(
        delivery.body,
        content_type=delivery.content_type,
        routing_key=delivery.routing_key,
        user_id=delivery.user_id,
        now=NOW,
        gateway_users=frozenset({gateway_user}),
    )


def _run(running: Running) -> None:
    try:
        running.consumer.run()
    except BaseException as error:
        running.failures.append(error)
