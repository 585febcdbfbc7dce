"""The private servers that everything is measured on. They are durable and configured like the suite's."""

from __future__ import annotations

import contextlib
import secrets
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from bench.streams import Stream, calendars
from hallpulse.broker import GATEWAY_USER, declare, open_channel
from hallpulse.broker.topology import queue_names
from hallpulse.contract.events import HallEvent
from hallpulse.store import Store, migrate, open_store
from services.local import ports
from services.local.postgres import Postgres
from tests.servers import BrokerServer, PostgresServer, broker_server, running, scratch

PARTITIONS = 4
CATALOGUE_BATCH = 4000


@dataclass(frozen=True)
class Lane:
    """A round's virtual host with the suite's topology. publisher_url: for the user that may publish for all halls."""

    amqp_url: str
    publisher_url: str

    def waiting(self) -> int:
        """Return the number of messages in the queues that no consumer holds."""
        with open_channel(self.amqp_url) as channel:
            found = (channel.queue_declare(name, passive=True) for name in queue_names(PARTITIONS))
            return sum(int(declared.method.message_count) for declared in found)


@dataclass(frozen=True)
class Grounds:
    postgres: PostgresServer
    broker: BrokerServer
    gateway_password: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def pids(self) -> dict[str, int]:
        return {"broker": self.broker.pid, "database": self.postgres.pid}

    @contextlib.contextmanager
    def lane(self) -> Iterator[Lane]:
        with self.broker.fresh_vhost() as vhost:
            self.broker.add_user(GATEWAY_USER, self.gateway_password)
            self.broker.permit(GATEWAY_USER, vhost.name)
            with open_channel(vhost.amqp_url) as channel:
                declare(channel, PARTITIONS)
            yield Lane(vhost.amqp_url, _as_user(vhost.amqp_url, GATEWAY_USER, self.gateway_password))

    @contextlib.contextmanager
    def catalogued(self, stream: Stream) -> Iterator[str]:
        """Yield the name of a database with the calendars and the stream's catalogue, a template for others."""
        with self.postgres.fresh_database() as url:
            migrate(url)
            store = open_store(url)
            store.apply_calendars(calendars())
            merge(store, stream.catalogue)
            store.close()
            yield urlsplit(url).path.lstrip("/")


@contextlib.contextmanager
def grounds() -> Iterator[Grounds]:
    with _postgres() as postgres, broker_server() as broker:
        yield Grounds(postgres, broker)


@contextlib.contextmanager
def _postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL. Unlike the one of the tests it is durable: a commit is on the disk."""
    with scratch("bench-postgres") as directory:
        port = ports.choose(["postgres"])["postgres"]
        server = Postgres(directory / "postgres", directory / "postgres.log", port, secrets.token_hex(8))
        with running(server.command(), server.is_ready, signal.SIGINT) as pid:
            yield PostgresServer(server, pid)


def merge(store: Store, events: Sequence[HallEvent], batch: int = CATALOGUE_BATCH) -> None:
    now = datetime.now(UTC)
    for start in range(0, len(events), batch):
        store.merge(events[start : start + batch], now)


def _as_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}"))
