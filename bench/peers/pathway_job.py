"""Pathway for the peers' job: `python -m bench.peers.pathway_job AMQP_URL DATABASE_URL PREFETCH QUEUE…`;
with FILE instead, in memory.

It runs in `.venv-pathway`. Without a licence Pathway has no connector for RabbitMQ, and with one only for its streams;
what its guide advises instead is a ConnectorSubject, and a subscription for a sink of one's own. Its persistence tells
a subject nothing about what is safe, so that it could not acknowledge by it: instead the job begins with the events
that are stored, and acknowledges what a transaction of all three tables holds.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import pathway as pw  # type: ignore[import-not-found, unused-ignore]
import pika
import psycopg
from msgspec.json import decode
from pika.adapters.select_connection import SelectConnection

from bench.peers.pathway_graph import Event, changes, columns_of
from bench.peers.pathway_tables import EventRow, Tables, row_of, stored_events

MINIBATCH_MS = 300


class Deliveries(pw.io.python.ConnectorSubject):  # type: ignore[misc, unused-ignore]
    """The queues' events, after those that are stored already."""

    def __init__(self, amqp_url: str, database_url: str, prefetch: int, queues: tuple[str, ...]) -> None:
        super().__init__()
        self._amqp_url, self._database_url = amqp_url, database_url
        self._prefetch, self._queues = prefetch, queues
        self.rows: dict[int, EventRow] = {}
        self._ends: deque[tuple[int, int]] = deque()
        self._received = 0

    @property
    def _deletions_enabled(self) -> bool:
        return False

    def run(self) -> None:
        with psycopg.connect(self._database_url) as connection:
            for event in stored_events(connection):
                self.next(**columns_of(event, 0))
        self.commit()
        parameters = pika.URLParameters(self._amqp_url)
        self._connection = SelectConnection(parameters, on_open_callback=self._on_open)
        self._connection.ioloop.start()

    def acknowledge(self, upto: int) -> None:
        """Acknowledge the messages whose events all have numbers up to this one."""
        delivery = 0
        while self._ends and self._ends[0][0] <= upto:
            delivery = self._ends.popleft()[1]
        if delivery:
            self._connection.ioloop.add_callback_threadsafe(lambda: self._channel.basic_ack(delivery, multiple=True))

    def _on_open(self, connection: SelectConnection) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.basic_qos(prefetch_count=self._prefetch)
        for queue in self._queues:
            channel.basic_consume(queue, self._on_message)

    def _on_message(self, _channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        found = decode(body)
        for event in found if isinstance(found, list) else (found,):
            self._received += 1
            self.rows[self._received] = row_of(event)
            self.next(**columns_of(event, self._received))
        self._ends.append((self._received, method.delivery_tag))


class Remembered(pw.io.python.ConnectorSubject):  # type: ignore[misc, unused-ignore]
    """The events of a file, read before the time begins."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.bodies = file.read_bytes().splitlines()
        self.began = 0.0

    @property
    def _deletions_enabled(self) -> bool:
        return False

    def run(self) -> None:
        self.began = time.monotonic()
        for number, body in enumerate(self.bodies, 1):
            self.next(**columns_of(decode(body), number))


def durable(amqp_url: str, database_url: str, prefetch: str, *queues: str) -> None:
    subject = Deliveries(amqp_url, database_url, int(prefetch), queues)
    raw = pw.io.python.read(subject, schema=Event, autocommit_duration_ms=MINIBATCH_MS)
    with psycopg.connect(database_url) as connection:
        tables = Tables(connection, subject.rows, subject.acknowledge)
        pw.io.subscribe(changes(raw), on_change=tables.note, on_time_end=tables.store)
        pw.run(monitoring_level=pw.MonitoringLevel.NONE)


def in_memory(file: str) -> None:
    """Print how many events a second the graph alone folds."""
    subject, changed = Remembered(Path(file)), deque[Any](maxlen=1)
    raw = pw.io.python.read(subject, schema=Event, autocommit_duration_ms=MINIBATCH_MS)
    pw.io.subscribe(changes(raw), on_change=lambda key, row, time, is_addition: changed.append(row))  # noqa: ARG005
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    print(len(subject.bodies) / (time.monotonic() - subject.began))


if __name__ == "__main__":
    in_memory(sys.argv[1]) if len(sys.argv) == 2 else durable(*sys.argv[1:])
