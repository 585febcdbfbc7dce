"""Everything that a run consists of, put together: servers, workers, halls, the links between them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from hallpulse.broker import declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.topology import REFUSED, queue_names
from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.errors import HallpulseError
from hallpulse.store import migrate, open_store
from services.local.process_groups import wait_until
from services.local.rabbitmq import User
from tests.chaos.disk import Disk
from tests.chaos.halls import Careless, HallProgram
from tests.chaos.history import CARELESS, History
from tests.chaos.proxy import Proxy
from tests.chaos.servers import BROKER_MIB, DATABASE_MIB, Broker, Database
from tests.chaos.workers import CHECKOUT, PARTITIONS, Worker

OUTBOX_MIB = 96
WORKERS = 2
PROBE = "chaos.probe"
"""A queue by which one sees whether the broker works."""
FAMILIES = ("case", "figure", "heartbeat", "item", "tally")


class Missed(Exception):
    """A fault found nothing to strike: it does not count."""


class _Sender(Protocol):
    @property
    def size(self) -> int: ...
    def release(self, upto: int) -> None: ...


class Ground:
    """small_disks: whether disks can be filled. to_broker: the way of all halls to the broker."""

    def __init__(self, directory: Path, history: History, *, small_disks: bool, nodes: int = 1) -> None:
        self.history = history
        self.small_disks = small_disks
        self.database = Database(self._disk(directory / "database", DATABASE_MIB), directory / "database.log")
        disks = [self._disk(directory / f"broker-{n}", BROKER_MIB) for n in range(1, nodes + 1)]
        self.broker = Broker(disks, directory / "broker.log")
        self.outboxes = self._disk(directory / "outboxes", OUTBOX_MIB)
        self.to_broker = Proxy("halls to the broker", *self.broker.ports)
        self.workers = [Worker(number, directory, self.broker, self.database) for number in range(1, WORKERS + 1)]
        self.halls: list[HallProgram] = []
        self.careless: Careless | None = None
        self.directory = directory
        self._released = 0.0
        self._releasing = threading.Lock()

    def _disk(self, directory: Path, mebibytes: int) -> Disk:
        return Disk(directory, mebibytes if self.small_disks else None)

    @property
    def links(self) -> list[Proxy]:
        return [self.to_broker, *(link for worker in self.workers for link in (worker.to_broker, worker.to_database))]

    @property
    def senders(self) -> Sequence[_Sender]:
        return [*self.halls, *([self.careless] if self.careless else [])]

    def begin(self) -> None:
        """Servers, tables, calendars, queues and keys, as a deployment has them; then workers and halls."""
        self.database.start()
        self.broker.start()
        migrate(self.database.url)
        store = open_store(self.database.url, pool_size=1)
        store.apply_calendars([national_calendar(), *load_overrides(CHECKOUT / "calendars")])
        store.close()
        with open_channel(self.broker.url) as channel:
            declare(channel, PARTITIONS)
            channel.queue_declare(PROBE, durable=True, arguments={"x-queue-type": "quorum"})
        for worker in self.workers:
            worker.start()
        self._let_the_broker_note_its_queues()
        for source, events in sorted(self.history.good.items()):
            region, hall = source.strip("/").split("/")
            url = self._keys(region, hall)
            self.halls.append(HallProgram(source, self.directory, self.outboxes, url, events))
        self.careless = Careless(self._keys(*CARELESS), self.history.rough)
        for hall in self.halls:
            hall.start()
        self.careless.start()

    def _let_the_broker_note_its_queues(self) -> None:
        """RabbitMQ 3.10 writes down half a second later that there is a new quorum queue: killed before, it has lost
        the way to that queue for good. It happens once in a queue's life, so it is not what is tested here."""
        if not wait_until(lambda: self.all_ready, 30.0):
            raise RuntimeError("ingest is not ready after 30 s")
        time.sleep(2.0)

    def _keys(self, region: str, hall: str) -> str:
        """A hall's own broker user, by the way of all halls."""
        password = BrokerUsers(self.broker.management_url).put(int(region), hall, FAMILIES)
        return self.broker.url_by(self.to_broker.ports, User(f"{region}.{hall}", password))

    def release(self, share: float) -> None:
        """Let the halls send this share of their events."""
        with self._releasing:
            self._released = max(self._released, min(share, 1.0))
            for sender in self.senders:
                sender.release(int(sender.size * self._released + 0.5))

    def feed(self, events: int = 150) -> bool:
        """Let the halls send so many more at once, for a fault that needs traffic; whether there were any left."""
        left = self._released < 1.0
        self.release(self._released + events / self.history.size)
        return left

    def busy_worker(self, seconds: float = 20.0) -> Worker:
        """A worker that is committing right now. Raises Missed where none does."""
        before = {worker.name: worker.counted() for worker in self.workers}
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.feed()
            for _ in range(10):
                for worker in self.workers:
                    if worker.alive and worker.counted() > before[worker.name]:
                        return worker
                time.sleep(0.02)
        raise Missed("no worker commits anything")

    def look_after(self) -> None:
        """What a supervisor does: start again what has ended, but what a fault holds down."""
        if not self.database.alive:
            self.database.start()
        if not self.broker.alive:
            self.broker.start()
        for worker in self.workers:
            worker.look_after()
        for hall in self.halls:
            hall.look_after()

    @property
    def all_ready(self) -> bool:
        """Workers that are still starting know nothing of an orderly end yet."""
        return all(worker.alive and worker.was_ready() for worker in self.workers)

    @property
    def all_sent(self) -> bool:
        return all(hall.done for hall in self.halls) and (self.careless is None or self.careless.done)

    def queued(self) -> int | None:
        """Messages that no worker holds; None where the broker cannot say."""
        try:
            with open_channel(self.broker.url) as channel:
                found = (channel.queue_declare(name, passive=True) for name in queue_names(PARTITIONS))
                return sum(int(declared.method.message_count) for declared in found)
        except HallpulseError:
            return None

    def take_refused(self) -> list[tuple[str, bytes]]:
        """Reason and body of every refused event."""
        taken = []
        with open_channel(self.broker.url) as channel:
            while True:
                method, properties, body = channel.basic_get(REFUSED, auto_ack=True)
                if method is None or properties is None or body is None:
                    return taken
                taken.append((str((properties.headers or {}).get("x-reason")), body))

    def ended_by_itself(self) -> list[str]:
        """Last words of workers and halls that no fault had killed."""
        return [words for one in (*self.workers, *self.halls) for words in one.ended_by_itself]

    def close(self) -> None:
        for hall in self.halls:
            hall.close()
        if self.careless is not None:
            self.careless.close()
        for worker in self.workers:
            worker.close()
        self.to_broker.close()
        self.broker.end()
        if self.database.alive:
            self.database.kill()
        for disk in (self.database.disk, *(node.disk for node in self.broker.nodes), self.outboxes):
            disk.release()


@contextlib.contextmanager
def ground(directory: Path, history: History, *, small_disks: bool, nodes: int = 1) -> Iterator[Ground]:
    made = Ground(directory, history, small_disks=small_disks, nodes=nodes)
    try:
        made.begin()
        yield made
    finally:
        made.close()
