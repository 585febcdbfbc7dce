"""A private RabbitMQ of this suite: separate data, ports on the loopback address, port mapper and users."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import ssl
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from hallpulse.tls import NO_FILES, TlsFiles, client_context
from services.local import programs
from services.local.files import private_directory, write_private
from services.local.ports import is_free
from services.local.probes import speaks_amqp
from services.local.process_groups import Command

HOST = "127.0.0.1"
OPERATOR = "operator"
_PLUGINS = (
    "rabbitmq_management",
    "rabbitmq_prometheus",
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_shovel_management",
    "rabbitmq_federation_management",
)
WRITTEN_AHEAD = "data/*/quorum/*/*.wal"
"""Files of the log of the quorum queues, below the server's directory."""
# RabbitMQ 3.10 asks `df` for the free space without quoting the path: this name of the same directory has no spaces.
_HERE = "/proc/self/cwd"

_CONFIGURATION = """\
# Written at every start.
{listeners}
{metrics}
load_definitions = {here}/definitions.json
# Of one machine's memory and disk the broker takes a part; full, it pushes back on publishers.
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 512MB
# What is above 4 MiB is refused and kept (the contract); what is far above is not even taken.
max_message_size = 16777216
raft.wal_max_size_bytes = 67108864
# A batch waits unacknowledged for as long as the database is away: a day, not the usual half hour.
consumer_timeout = 86400000
log.console = true
log.console.level = warning
"""


_PLAIN = """\
listeners.tcp.1 = {host}:{amqp}
management.tcp.ip = {host}
management.tcp.port = {management}"""
_ENCRYPTED = """\
listeners.tcp = none
listeners.ssl.1 = {host}:{amqp}
ssl_options.cacertfile = {here}/ca.pem
ssl_options.certfile = {here}/server.pem
ssl_options.keyfile = {here}/server.key
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
management.ssl.ip = {host}
management.ssl.port = {management}
management.ssl.cacertfile = {here}/ca.pem
management.ssl.certfile = {here}/server.pem
management.ssl.keyfile = {here}/server.key
management.ssl.versions.1 = tlsv1.3
management.ssl.versions.2 = tlsv1.2"""
_OPEN_METRICS = """\
prometheus.tcp.ip = {host}
prometheus.tcp.port = {metrics}"""
# Metrics name queues and users and ask for no password: only holders of the suite's certificate get an answer.
_GUARDED_METRICS = """\
prometheus.ssl.ip = {host}
prometheus.ssl.port = {metrics}
prometheus.ssl.cacertfile = {here}/scraping/ca.pem
prometheus.ssl.certfile = {here}/scraping/server.pem
prometheus.ssl.keyfile = {here}/scraping/server.key
prometheus.ssl.versions.1 = tlsv1.3
prometheus.ssl.versions.2 = tlsv1.2
prometheus.ssl.verify = verify_peer
prometheus.ssl.fail_if_no_peer_cert = true"""
_NO_OPEN_METRICS = "prometheus.tcp.listener = none"
"""RabbitMQ 4 would open its usual port beside it, on every address and to everybody. 3.10 does not, and does not start
with a setting that it does not know."""


@dataclass(frozen=True, slots=True)
class BrokerPorts:
    amqp: int
    management: int
    metrics: int
    distribution: int
    mapper: int


@dataclass(frozen=True, slots=True)
class User:
    """A broker user. grants: configure, write and read, as RabbitMQ's regular expressions."""

    name: str
    password: str
    grants: tuple[str, str, str] = (".*", ".*", ".*")
    tags: str = ""


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A private RabbitMQ. tls: with a certificate it accepts encrypted connections only, else plain ones only.

    metrics_tls: with a certificate it serves metrics to holders of one of the same authority, else to everybody.
    """

    directory: Path
    log: Path
    ports: BrokerPorts
    users: tuple[User, ...]
    tls: TlsFiles = NO_FILES
    metrics_tls: TlsFiles = NO_FILES

    def mapper_command(self) -> Command:
        """Return the command of the port mapper: one that Erlang starts itself would outlive the broker."""
        argv = (str(programs.epmd()), "-address", HOST, "-port", str(self.ports.mapper))
        private_directory(self.directory)
        return Command(argv, self._base_environment(), self.directory, self.log)

    def command(self) -> Command:
        """Write the configuration and return the command."""
        server = programs.rabbitmq_server()
        private_directory(self._home)
        encrypted, guarded = bool(self.tls.cert), bool(self.metrics_tls.cert)
        text = configuration(self.ports, encrypted=encrypted, guarded=guarded)
        if guarded and programs.rabbitmq_knows("rabbitmq_prometheus", "prometheus.tcp.listener"):
            text += f"{_NO_OPEN_METRICS}\n"
        write_private(self.directory / "rabbitmq.conf", text)
        _copy_certificates(self.tls, self.directory)
        _copy_certificates(self.metrics_tls, self.directory / "scraping")
        write_private(self.directory / "definitions.json", json.dumps(definitions(self.users)))
        write_private(self.directory / "enabled_plugins", f"[{','.join(_PLUGINS)}].\n")
        write_private(self.directory / "rabbitmq-env.conf", "")
        self._ensure_cookie()
        # SIGTERM stops it cleanly.
        return Command((str(server),), self._environment(), self.directory, self.log, signal.SIGTERM)

    @property
    def host(self) -> str:
        return HOST

    def mapper_is_ready(self) -> bool:
        return not is_free(self.ports.mapper)

    def is_ready(self) -> bool:
        return speaks_amqp(HOST, self.ports.amqp, self._client_context())

    def amqp_url(self, user: User | None = None, vhost: str = "%2F") -> str:
        """The AMQP address; without a user it holds no secret."""
        who = f"{user.name}:{user.password}@" if user else ""
        return f"{'amqps' if self.tls.cert else 'amqp'}://{who}{HOST}:{self.ports.amqp}/{vhost}"

    def management_url(self, user: User) -> str:
        scheme = "https" if self.tls.cert else "http"
        return f"{scheme}://{user.name}:{user.password}@{HOST}:{self.ports.management}"

    @property
    def _home(self) -> Path:
        return self.directory / "home"

    def _client_context(self) -> ssl.SSLContext | None:
        return client_context(TlsFiles(self.tls.ca)) if self.tls.cert else None

    def _ensure_cookie(self) -> None:
        cookie = self._home / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(20))

    def _base_environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(self._home),
            "ERL_EPMD_PORT": str(self.ports.mapper),
            "ERL_EPMD_ADDRESS": HOST,
        }

    def _environment(self) -> Mapping[str, str]:
        return self._base_environment() | {
            "RABBITMQ_NODENAME": "hallpulse@localhost",
            "RABBITMQ_NODE_PORT": str(self.ports.amqp),
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_MNESIA_BASE": f"{_HERE}/data",
            "RABBITMQ_LOG_BASE": _HERE,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": f"{_HERE}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{_HERE}/enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": f"{_HERE}/rabbitmq-env.conf",
            # The second: room for the queues' log is reserved. On a disk that is full to the last byte its writer would
            # end, and RabbitMQ 3.10 loses messages that it has confirmed (docs/reliability.md).
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} -ra wal_pre_allocate true"
            ),
            # The start script then becomes the broker instead of waiting beside it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _copy_certificates(tls: TlsFiles, directory: Path) -> None:
    """Copy the certificates beside the configuration, under fixed names. Raises CannotRun."""
    if not tls.cert:
        return
    client_context(tls)  # for its errors
    private_directory(directory)
    for name, source in zip(("ca.pem", "server.pem", "server.key"), astuple(tls), strict=True):
        write_private(directory / name, Path(source).read_text())


def configuration(ports: BrokerPorts, *, encrypted: bool = False, guarded: bool = False) -> str:
    """Return rabbitmq.conf. encrypted: certificates of AMQP and management; guarded: those of the metrics."""
    listeners = (_ENCRYPTED if encrypted else _PLAIN).format(
        host=HOST, amqp=ports.amqp, management=ports.management, here=_HERE
    )
    metrics = (_GUARDED_METRICS if guarded else _OPEN_METRICS).format(host=HOST, metrics=ports.metrics, here=_HERE)
    return _CONFIGURATION.format(listeners=listeners, metrics=metrics, here=_HERE)


def definitions(users: tuple[User, ...]) -> dict[str, object]:
    """Return the users as the broker imports them before it accepts connections; passwords as salted hashes."""
    return {
        "vhosts": [{"name": "/"}],
        "users": [_user_definition(user) for user in users],
        "permissions": [_permission(user) for user in users],
    }


def _user_definition(user: User) -> dict[str, str]:
    return {
        "name": user.name,
        "password_hash": password_hash(user.password, secrets.token_bytes(4)),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": user.tags,
    }


def _permission(user: User) -> dict[str, str]:
    configure, write, read = user.grants
    return {"user": user.name, "vhost": "/", "configure": configure, "write": write, "read": read}


def password_hash(password: str, salt: bytes) -> str:
    """Return RabbitMQ's password hash: base64 of a 4-byte salt and the SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
