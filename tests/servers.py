"""Real servers for tests, started by the suite's own code: private, on free ports, ended with the session."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from hallpulse.tls import NO_FILES, TlsFiles, client_context
from services.local import ports, process_groups
from services.local.postgres import Postgres, for_tests
from services.local.process_groups import Command
from services.local.rabbitmq import OPERATOR, BrokerPorts, RabbitMQ, User

_START_SECONDS = 60.0
DISCONNECT_ATTEMPTS = 10


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A directory that is gone afterwards, whoever owns what lies in it."""
    directory = Path(tempfile.mkdtemp(prefix=f"hallpulse-{prefix}-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def running(command: Command, ready: Callable[[int], bool], by: signal.Signals) -> Iterator[int]:
    """Run until the block ends; the error shows the end of the log where it does not become ready."""
    process = process_groups.spawn(command)
    try:
        if not process_groups.wait_until(lambda: process.poll() is not None or ready(process.pid), _START_SECONDS):
            raise RuntimeError(f"{command.argv[0]} is not ready after {_START_SECONDS:.0f} s")
        if process.poll() is not None:
            raise RuntimeError(f"{command.argv[0]} ended at once:\n{command.log.read_text()[-2000:]}")
        yield process.pid
    finally:
        _stop(process, by)


def _stop(process: subprocess.Popen[bytes], by: signal.Signals) -> None:
    process.send_signal(by)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process_groups.kill_group(process.pid)


@dataclass(frozen=True)
class PostgresServer:
    server: Postgres
    pid: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _templates: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.server.url("postgres")

    @contextlib.contextmanager
    def fresh_database(self, template: str = "template1") -> Iterator[str]:
        name = f"test_{next(self._numbers)}_{secrets.token_hex(3)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        try:
            yield self.server.url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def template(self, name: str, fill: Callable[[str], object], base: str = "template1") -> str:
        """Return the name, now of a database that `fill` filled: `fresh_database` copies it in a tenth of a second."""
        if name not in self._templates:
            self._execute(f"CREATE DATABASE {name} TEMPLATE {base} STRATEGY wal_log")
            fill(self.server.url(name))
            self._templates.add(name)
        return name

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    with scratch("postgres") as directory:
        chosen = ports.choose(["postgres"])
        durable = Postgres(directory / "postgres", directory / "postgres.log", chosen["postgres"], secrets.token_hex(8))
        server = for_tests(durable)
        with running(server.command(), server.is_ready, signal.SIGINT) as pid:
            yield PostgresServer(server, pid)


@dataclass(frozen=True)
class Vhost:
    """One test's own broker: nothing that it declares meets another test. Its user may do everything in it."""

    name: str
    amqp_url: str
    user: str
    password: str
    management_url: str


@dataclass(frozen=True)
class BrokerServer:
    server: RabbitMQ
    operator: User
    pid: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def management_url(self) -> str:
        """With the administrator's user and password."""
        return self.server.management_url(self.operator)

    @contextlib.contextmanager
    def fresh_vhost(self) -> Iterator[Vhost]:
        name = f"test-{next(self._numbers)}-{secrets.token_hex(3)}"
        user = User(name, secrets.token_hex(8))
        self.manage("PUT", f"vhosts/{name}", {})
        self.add_user(name, user.password, tags="administrator")
        self.permit(name, name)
        try:
            yield Vhost(name, self.server.amqp_url(user, name), name, user.password, self.server.management_url(user))
        finally:
            self.manage("DELETE", f"vhosts/{name}")
            self.manage("DELETE", f"users/{name}")

    def add_user(self, name: str, password: str, tags: str = "") -> None:
        self.manage("PUT", f"users/{name}", {"password": password, "tags": tags})

    def permit(self, name: str, vhost: str, configure: str = ".*", write: str = ".*", read: str = ".*") -> None:
        grants = {"configure": configure, "write": write, "read": read}
        self.manage("PUT", f"permissions/{urllib.parse.quote(vhost, safe='')}/{name}", grants)

    def manage(self, method: str, path: str, body: object = None) -> bytes:
        """Ask RabbitMQ's HTTP API as its administrator; urllib raises what is refused."""
        scheme = "https" if self.server.tls.cert else "http"
        url = f"{scheme}://127.0.0.1:{self.server.ports.management}/api/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
        keys = urllib.request.HTTPPasswordMgrWithPriorAuth()
        keys.add_password(None, url, self.operator.name, self.operator.password, is_authenticated=True)
        https = urllib.request.HTTPSHandler(context=client_context(TlsFiles(self.server.tls.ca)))
        past_proxies, login = urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(keys)
        opener = urllib.request.build_opener(past_proxies, login, https)
        with opener.open(request, timeout=30) as answer:
            body_read: bytes = answer.read()
            return body_read

    def disconnect(self, user: str) -> None:
        """Close a user's connections. RabbitMQ answers 500 if one ends by itself meanwhile: then it is asked again."""
        for attempt in itertools.count(1):
            try:
                self.manage("DELETE", f"connections/username/{urllib.parse.quote(user, safe='')}")
                return
            except urllib.error.HTTPError as error:
                if error.code < 500 or attempt == DISCONNECT_ATTEMPTS:
                    raise


@contextlib.contextmanager
def broker_server(tls: TlsFiles = NO_FILES) -> Iterator[BrokerServer]:
    names = ("amqp", "management", "metrics", "distribution", "mapper")
    with scratch("broker") as directory:
        operator = User(OPERATOR, secrets.token_hex(8), tags="administrator")
        log = directory / "broker.log"
        server = RabbitMQ(directory / "broker", log, BrokerPorts(**ports.choose(names)), (operator,), tls)
        # Its data is thrown away, so it needs no orderly end, which takes seconds.
        with (
            running(server.mapper_command(), lambda _: server.mapper_is_ready(), signal.SIGTERM),
            running(server.command(), lambda _: server.is_ready(), signal.SIGKILL) as pid,
        ):
            yield BrokerServer(server, operator, pid)
