"""Full disks: of PostgreSQL, of the broker, of the halls' outboxes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pika
import psycopg
from pika.exceptions import AMQPError

from hallpulse.broker import open_channel
from hallpulse.domain.errors import HallpulseError
from services.local.process_groups import wait_until
from tests.chaos.disk import MIB
from tests.chaos.ground import PROBE, Ground
from tests.chaos.servers import ALARM_BYTES, Broker

_SECONDS = 12.0
"""The broker looks at its disk every ten seconds."""


@dataclass
class FullDatabaseDisk:
    """Not a byte is left. wal: the server is made to need a new file for its log at once, which ends it (PANIC)."""

    lasts: float
    wal: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"PostgreSQL: disk full{', its log needs a new file' if self.wal else ''}"

    def strike(self, ground: Ground) -> str:
        with ground.database.connect() as connection:
            taken = ground.database.disk.fill()
            ground.feed(400)
            if self.wal:
                self._switch(connection)
        return f"{taken // MIB} MiB taken"

    def heal(self, ground: Ground) -> None:
        ground.database.disk.empty()
        time.sleep(0.2)  # one that is on its way down is no longer there to be asked
        if not ground.database.alive or not ground.database.ready():
            ground.database.start()

    def _switch(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        try:
            for _ in range(40):
                connection.execute("SELECT pg_switch_wal()")
                connection.execute("SELECT pg_logical_emit_message(false, 'chaos', 'x')")
        except psycopg.Error:
            return


@dataclass
class FullBrokerDisk:
    """Below the broker's limit, where it takes nothing more, or not a byte left."""

    lasts: float
    wholly: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"RabbitMQ: disk {'full' if self.wholly else 'below its limit'}"

    def strike(self, ground: Ground) -> str:
        ground.feed(300)
        taken = ground.broker.disk.fill(0 if self.wholly else ALARM_BYTES // 2)
        alarmed = wait_until(lambda: _alarmed(ground.broker), _SECONDS)
        ground.feed(300)
        return f"{taken // MIB} MiB taken, {'it blocks publishers' if alarmed else 'no alarm was seen'}"

    def heal(self, ground: Ground) -> None:
        ground.broker.disk.empty()
        if not wait_until(lambda: ground.broker.alive and _takes_messages(ground.broker), _SECONDS):
            if ground.broker.alive:
                ground.broker.kill()
            ground.broker.start()


@dataclass
class FullOutboxDisk:
    """The disk on which the halls keep their outboxes."""

    lasts: float
    name: str = "publisher: disk of the outbox full"

    def strike(self, ground: Ground) -> str:
        taken = ground.outboxes.fill()
        ground.feed(400)
        return f"{taken // 1024} KiB taken"

    def heal(self, ground: Ground) -> None:
        ground.outboxes.empty()


def _alarmed(broker: Broker) -> bool:
    nodes = broker.ask("nodes?columns=disk_free_alarm") or ()
    return any(isinstance(node, dict) and node.get("disk_free_alarm") for node in nodes)


def _takes_messages(broker: Broker) -> bool:
    """Whether a message to a quorum queue is confirmed and delivered: a disk that is full can end its log's writer."""
    if _alarmed(broker):
        return False
    try:
        with open_channel(broker.url) as channel:
            channel.connection.call_later(3, channel.connection.close)
            channel.confirm_delivery()
            channel.basic_publish("", PROBE, b"", pika.BasicProperties(delivery_mode=2), mandatory=True)
            return channel.basic_get(PROBE, auto_ack=True)[0] is not None
    except (AMQPError, HallpulseError, OSError):
        return False
