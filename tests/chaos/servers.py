"""The broker and the database of a run: the suite's own private ones, durable, each on a small disk, to be killed."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from services.local import ports, process_groups
from services.local.postgres import Postgres
from services.local.process_groups import Command
from services.local.rabbitmq import OPERATOR, BrokerPorts, RabbitMQ, User
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
            if not self.alive:
                self._process = process_groups.spawn(self._command())
                self.starts += 1
            if process_groups.wait_until(lambda: not self.alive or self.ready(), 30.0) and self.alive:
                return
            time.sleep(0.3)
        raise RuntimeError(f"{self.name} does not start:\n{self._log.read_text(errors='replace')[-2000:]}")

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


class Broker(Server):
    def __init__(self, disk: Disk, log: Path) -> None:
        super().__init__("RabbitMQ", disk)
        names = ("amqp", "management", "metrics", "distribution", "mapper")
        self.operator = User(OPERATOR, secrets.token_hex(8), tags="administrator")
        self._server = RabbitMQ(disk.directory / "broker", log, BrokerPorts(**ports.choose(names)), (self.operator,))
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._server.ports.amqp

    @property
    def management_url(self) -> str:
        return self._server.management_url(self.operator)

    @property
    def url(self) -> str:
        return self.url_by(self.port)

    def url_by(self, port: int, user: User | None = None) -> str:
        return self._server.amqp_url(user or self.operator).replace(f":{self.port}/", f":{port}/")

    def ask(self, path: str) -> Any:
        """What the management API answers; None where it does not."""
        parts = urlsplit(self.management_url)
        base = f"http://{parts.hostname}:{parts.port}"
        keys = urllib.request.HTTPPasswordMgrWithPriorAuth()
        keys.add_password(None, base, parts.username or "", parts.password or "", is_authenticated=True)
        basic = urllib.request.HTTPBasicAuthHandler(keys)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), basic)
        try:
            with opener.open(f"{base}/api/{path}", timeout=5) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError):
            return None

    def start(self) -> None:
        if self._mapper is None:
            self._mapper = process_groups.spawn(self._server.mapper_command())
            _wait(self._server.mapper_is_ready, "the broker's port mapper")
        super().start()

    def end(self) -> None:
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()

    def stop_in_order(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def ready(self) -> bool:
        return self._server.is_ready()

    def _command(self) -> Command:
        command = self._server.command()
        file = self._server.directory / "rabbitmq.conf"
        text = file.read_text()
        assert "disk_free_limit.absolute = 512MB" in text
        file.write_text(text.replace("disk_free_limit.absolute = 512MB", f"disk_free_limit.absolute = {ALARM_BYTES}"))
        return command

    @property
    def _log(self) -> Path:
        return self._server.log


def _free_port() -> int:
    return ports.choose(["port"])["port"]


def _wait(holds: Callable[[], bool], what: str) -> None:
    if not process_groups.wait_until(holds, START_SECONDS):
        raise RuntimeError(f"{what} is not ready after {START_SECONDS:.0f} s")
