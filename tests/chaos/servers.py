"""The broker and the database of a run: the suite's own private ones, durable, each on a small disk, to be killed."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from hallpulse.broker.management import ManagementApi
from hallpulse.domain.errors import HallpulseError
from hallpulse.nodes import joined
from services.local import ports, process_groups
from services.local.postgres import Postgres
from services.local.process_groups import Command
from services.local.rabbitmq import OPERATOR, BrokerPorts, Membership, RabbitMQ, User, node_name
from tests.chaos.disk import MIB, Disk

START_SECONDS = 90.0
DATABASE_MIB, BROKER_MIB = 640, 400
ALARM_BYTES = 60 * MIB
"""With less than this free the broker takes no more messages."""
_SMALLER_DATABASE = "max_wal_size = 192MB\nmin_wal_size = 64MB\nshared_buffers = 128MB\n"


class Server:
    """A process that is started again on the same data, as often as it takes."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.name = name
        self.disk = disk
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Until it serves; tried again while remains of the killed one are in its way."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            self.begin()
            if process_groups.wait_until(lambda: not self.alive or self.ready(), 30.0) and self.alive:
                return
            time.sleep(0.3)
        raise RuntimeError(f"{self.name} does not start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def begin(self) -> None:
        """Start it where it does not run."""
        if not self.alive:
            self._process = process_groups.spawn(self._command())
            self.starts += 1

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        process_groups.kill_group(self._process.pid)
        self._process.wait()

    def ready(self) -> bool:
        raise NotImplementedError

    def _command(self) -> Command:
        raise NotImplementedError

    @property
    def _log(self) -> Path:
        raise NotImplementedError


class Database(Server):
    def __init__(self, disk: Disk, log: Path) -> None:
        super().__init__("PostgreSQL", disk)
        self._server = Postgres(disk.directory / "postgres", log, _free_port(), secrets.token_hex(8))

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return self.url_by(self.port)

    def url_by(self, port: int) -> str:
        return self._server.url("postgres").replace(f":{self.port}/", f":{port}/")

    def ready(self) -> bool:
        return self._server.is_ready(self.pid)

    def connect(self, patience: float = 20.0) -> psycopg.Connection[tuple[object, ...]]:
        """Also while it recovers from a crash."""
        until = time.monotonic() + patience
        while True:
            try:
                return psycopg.connect(self.url, autocommit=True, connect_timeout=5)
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def backends(self, client_ports: set[int], in_transaction: bool = False) -> list[int]:
        """The pids of the server's processes for connections from these ports."""
        query = "SELECT pid, xact_start IS NOT NULL FROM pg_stat_activity WHERE client_port = ANY(%s)"
        with self.connect() as connection:
            rows = connection.execute(query, [list(client_ports)]).fetchall()
        return [int(str(pid)) for pid, busy in rows if busy or not in_transaction]

    def kill_backend(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def _command(self) -> Command:
        command = self._server.command()
        with (self._server.directory / "postgresql.conf").open("a") as configuration:
            configuration.write(_SMALLER_DATABASE)
        return command

    @property
    def _log(self) -> Path:
        return self._server.log


class BrokerNode(Server):
    """One RabbitMQ, alone or in a cluster."""

    def __init__(self, server: RabbitMQ, disk: Disk) -> None:
        super().__init__(f"RabbitMQ {server.name}", disk)
        self.server = server

    def stop_in_order(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    @property
    def node_name(self) -> str:
        return node_name(self.server.name)

    def send(self, what: signal.Signals) -> None:
        os.kill(self.pid, what)

    def ready(self) -> bool:
        return self.server.is_ready()

    def run(self, *arguments: str) -> None:
        """Run one of the broker's tools, the first argument, on the node. Raises RuntimeError with what it said."""
        command = self.server.control(*arguments)
        done = subprocess.run(
            command.argv, env=dict(command.environment), cwd=command.directory, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stdout[-500:]}{done.stderr[-500:]}")

    def _command(self) -> Command:
        command = self.server.command()
        file = self.server.directory / "rabbitmq.conf"
        text = file.read_text()
        assert "disk_free_limit.absolute = 512MB" in text
        file.write_text(text.replace("disk_free_limit.absolute = 512MB", f"disk_free_limit.absolute = {ALARM_BYTES}"))
        return command

    @property
    def _log(self) -> Path:
        return self.server.log


class Broker:
    """RabbitMQ of one node or of several, which one port mapper serves. Disks are the nodes' own."""

    def __init__(self, disks: Sequence[Disk], log: Path) -> None:
        self.operator = User(OPERATOR, secrets.token_hex(8), tags="administrator")
        servers = _servers(disks, log, self.operator)
        self.nodes = [BrokerNode(server, disk) for server, disk in zip(servers, disks, strict=True)]
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def disk(self) -> Disk:
        """Of the first node."""
        return self.nodes[0].disk

    @property
    def ports(self) -> list[int]:
        return [node.server.ports.amqp for node in self.nodes]

    @property
    def management_url(self) -> str:
        return joined([node.server.management_url(self.operator) for node in self.nodes])

    @property
    def url(self) -> str:
        return self.url_by(self.ports)

    @property
    def alive(self) -> bool:
        return all(node.alive for node in self.nodes)

    def url_by(self, by: Sequence[int], user: User | None = None) -> str:
        """The address of every node, by these ports."""
        urls = [node.server.amqp_url(user or self.operator) for node in self.nodes]
        places = zip(urls, self.ports, by, strict=True)
        return joined([url.replace(f":{mine}/", f":{port}/") for url, mine, port in places])

    def ask(self, path: str) -> Any:
        """What the management API answers; None where it does not."""
        try:
            return ManagementApi(self.management_url).read(path)
        except HallpulseError:
            return None

    def start(self) -> None:
        """Start the nodes that do not run, all at once: after a common end each waits for the others."""
        if self._mapper is None:
            self._mapper = process_groups.spawn(self.nodes[0].server.mapper_command())
            _wait(self.nodes[0].server.mapper_is_ready, "the broker's port mapper")
            self.nodes[0].start()  # the others join it
        down = [node for node in self.nodes if not node.alive]
        for node in down:
            node.begin()
        for node in down:
            node.start()

    def wait_until_whole(self) -> None:
        """Until each node serves and sees all the others run. Raises RuntimeError where they do not come together."""
        if not self.is_whole(START_SECONDS):
            raise RuntimeError(f"the cluster is not ready after {START_SECONDS:.0f} s")

    def is_whole(self, patience: float) -> bool:
        """Whether each node serves and sees all the others run, now or within some seconds."""
        every = len(self.nodes)
        return process_groups.wait_until(
            lambda: all(node.ready() for node in self.nodes) and self._running() == every, patience
        )

    def _running(self) -> int:
        """How many nodes run, as the one that sees fewest says."""
        seen = []
        for node in self.nodes:
            try:
                rows = ManagementApi(node.server.management_url(self.operator)).read("nodes?columns=running") or ()
            except HallpulseError:
                return 0
            seen.append(sum(bool(row.get("running")) for row in rows))
        return min(seen)

    def kill(self) -> None:
        for node in self.nodes:
            if node.alive:
                node.kill()

    def end(self) -> None:
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()

    def stop_in_order(self) -> None:
        for node in self.nodes:
            node.stop_in_order()


def _servers(disks: Sequence[Disk], log: Path, operator: User) -> Iterator[RabbitMQ]:
    """The nodes' servers, with logs of their own; a single one has the name that a suite gives it."""
    own = ("amqp", "management", "metrics", "distribution")
    chosen = ports.choose([*(f"{name}{n}" for n in range(len(disks)) for name in own), "mapper"])
    names = tuple(f"hallpulse-{n}" for n in range(1, len(disks) + 1)) if len(disks) > 1 else ("hallpulse",)
    membership = Membership(names, secrets.token_hex(20)) if len(disks) > 1 else None
    for n, (disk, name) in enumerate(zip(disks, names, strict=True)):
        taken = BrokerPorts(**{port: chosen[f"{port}{n}"] for port in own}, mapper=chosen["mapper"])
        file = log.with_name(f"{log.stem}-{n + 1}.log") if membership else log
        yield RabbitMQ(disk.directory / "broker", file, taken, (operator,), name=name, membership=membership)


def _free_port() -> int:
    return ports.choose(["port"])["port"]


def _wait(holds: Callable[[], bool], what: str) -> None:
    if not process_groups.wait_until(holds, START_SECONDS):
        raise RuntimeError(f"{what} is not ready after {START_SECONDS:.0f} s")
