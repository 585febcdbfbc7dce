"""The ingest on a real broker and database, in a thread of the test; and what a test publishes to it and reads back."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import text

from hallpulse.broker import EVENTS, REFUSED, Consumer, ConsumerLimits, declare, open_channel
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.metrics import IngestMetrics, new_registry
from hallpulse.store import Store, open_store
from services.ingest.merging import Merging
from services.ingest.worker import IngestWorker, RefusalLimit
from tests.servers import Vhost

PARTITIONS = 2


@dataclass
class Ingest:
    """A running consumer; `said` is what it told its operator."""

    consumer: Consumer
    thread: threading.Thread
    said: list[str]
    failures: list[BaseException] = field(default_factory=list)

    def stop(self) -> None:
        self.consumer.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def ingest(
    vhost: Vhost, store_url: str, *, speaks_for_all: bool = True, wrap: Callable[[IngestWorker], Any] = lambda p: p
) -> Iterator[Ingest]:
    """Consume until the block ends. `wrap` may put something around the pipeline, such as a fault."""
    store = open_store(store_url)
    users = frozenset({vhost.user} if speaks_for_all else ())
    merging = Merging(store, users)
    pipeline = wrap(IngestWorker(merging, store.halls, IngestMetrics(new_registry()), RefusalLimit(0, 1)))
    said: list[str] = []
    limits = ConsumerLimits(PARTITIONS, most_events=500)
    consumer = Consumer(vhost.amqp_url, pipeline.commit, limits, said.append)
    running = Ingest(consumer, threading.Thread(target=lambda: _run(running)), said)
    running.thread.start()
    try:
        yield running
    finally:
        running.stop()
        store.close()


def _run(running: Ingest) -> None:
    try:
        running.consumer.run()
    except BaseException as error:
        running.failures.append(error)


@contextlib.contextmanager
def publishing(vhost: Vhost) -> Iterator[BlockingChannel]:
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, PARTITIONS)
        channel.confirm_delivery()
        yield channel


def publish(
    channel: BlockingChannel,
    body: object,
    routing_key: str,
    *,
    user_id: str | None = None,
    content_type: str | None = None,
) -> None:
    """Publish an event, a list of events or plain bytes, and wait for the broker's confirm."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    default = BATCH_TYPE if isinstance(body, list) else EVENT_TYPE
    properties = pika.BasicProperties(content_type=content_type or default, delivery_mode=2, user_id=user_id)
    channel.basic_publish(EVENTS, routing_key, raw, properties, mandatory=True)


def routing_key(event: dict[str, Any]) -> str:
    _, region, hall = event["source"].split("/")
    return f"{region}.{hall}.{event['type'].split('.')[1]}"


@dataclass(frozen=True)
class RefusedCopy:
    headers: dict[str, Any]
    body: bytes
    properties: pika.BasicProperties


def take_refused(vhost: Vhost, count: int, seconds: float = 20) -> list[RefusedCopy]:
    """The next refused events; fails the test when they do not come, or when there are more than that."""
    copies: list[RefusedCopy] = []
    with open_channel(vhost.amqp_url) as channel:
        began = time.monotonic()
        while len(copies) < count and time.monotonic() - began < seconds * strain():
            method, properties, body = channel.basic_get(REFUSED, auto_ack=True)
            if method is None:
                channel.connection.sleep(0.05)
                continue
            copies.append(RefusedCopy(dict(properties.headers or {}), body, properties))
        assert len(copies) == count
        assert channel.basic_get(REFUSED)[0] is None
    return copies


def strain() -> float:
    """How many times over the machine's processors are asked for, at least 1: what limits of time are multiplied by.

    Each limit then holds on a machine that has room, and a busy one fails no test.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds * strain(), "it did not come true in time"
        threading.Event().wait(0.05)


def stored(store: Store) -> int:
    """How many events the database holds."""
    with store._reading.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM events")).scalar_one())
