"""This suite's private RabbitMQ: it has separate data, ports on the loopback address, a port mapper and users."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import ssl
from collections.abc import Mapping, Sequence
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
"""Pattern of the quorum queues' log files, relative to the server's directory."""
# RabbitMQ 3.10 does not quote the path when it asks `df` for free space; this name of its directory has no spaces.
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

_CLUSTERED = """\
cluster_formation.peer_discovery_backend = classic_config
# A node that is cut off from the others takes and gives nothing until it is back: its clients go to another.
cluster_partition_handling = pause_minority
# A node that has fallen silent is given up after this many seconds, and a quarter.
net_ticktime = 15
queue_leader_locator = balanced
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
# Metrics name queues and users and need no password, so that only holders of the suite's certificate get an answer.
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
"""Keeps RabbitMQ 4 from opening its usual metrics port as well, on every address and without a certificate.

RabbitMQ 3.10 does not open it, and does not start if the configuration holds a setting that it does not know.
"""


@dataclass(frozen=True, slots=True)
class BrokerPorts:
    amqp: int
    management: int
    metrics: int
    distribution: int
    mapper: int


@dataclass(frozen=True, slots=True)
class User:
    """A user of the broker. grants: RabbitMQ's regular expressions for configure, write and read."""

    name: str
    password: str
    grants: tuple[str, str, str] = (".*", ".*", ".*")
    tags: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """A node's membership of a cluster: the names of all nodes, and the secret that they share."""

    names: tuple[str, ...]
    cookie: str


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A private RabbitMQ. tls: with a certificate it accepts only encrypted connections, else only plain ones.

    metrics_tls: with a certificate it serves metrics only to clients with a certificate of the same authority, else to
    every client; name: of the node, before its host; membership: of a cluster, for a node that is not alone.
    """

    directory: Path
    log: Path
    ports: BrokerPorts
    users: tuple[User, ...]
    tls: TlsFiles = NO_FILES
    metrics_tls: TlsFiles = NO_FILES
    name: str = "hallpulse"
    membership: Membership | None = None

    def mapper_command(self) -> Command:
        """Return the command of Erlang's port mapper. One that the broker starts itself would outlive the broker."""
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
        if self.membership is not None:
            text += clustered(self.membership.names)
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

    def control(self, *arguments: str) -> Command:
        """Return a command that runs one of the broker's own tools, the first argument, on this node."""
        tool, *rest = arguments
        program = programs.rabbitmq_server().with_name(tool)
        argv = (str(program), "-n", node_name(self.name), *rest)
        return Command(argv, self._environment(), self.directory, self.log)

    def mapper_is_ready(self) -> bool:
        return not is_free(self.ports.mapper)

    def is_ready(self) -> bool:
        return speaks_amqp(HOST, self.ports.amqp, self._client_context())

    def amqp_url(self, user: User | None = None, vhost: str = "%2F") -> str:
        """Return the AMQP address. Without a user it holds no secret."""
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
            write_private(cookie, self.membership.cookie if self.membership else secrets.token_hex(20))

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
            "RABBITMQ_NODENAME": node_name(self.name),
            "RABBITMQ_NODE_PORT": str(self.ports.amqp),
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_MNESIA_BASE": f"{_HERE}/data",
            "RABBITMQ_LOG_BASE": _HERE,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": f"{_HERE}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{_HERE}/enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": f"{_HERE}/rabbitmq-env.conf",
            # The second option reserves room for the queues' log. On a full disk the log's writer would end, and
            # RabbitMQ 3.10 would lose messages that it has confirmed (docs/reliability.md).
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} -ra wal_pre_allocate true"
            ),
            # With this variable the start script becomes the broker instead of waiting beside it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _copy_certificates(tls: TlsFiles, directory: Path) -> None:
    """Copy the certificates beside the configuration, under fixed names. Raises CannotRun if they cannot be written."""
    if not tls.cert:
        return
    client_context(tls)  # for its errors
    private_directory(directory)
    for name, source in zip(("ca.pem", "server.pem", "server.key"), astuple(tls), strict=True):
        write_private(directory / name, Path(source).read_text())


def configuration(ports: BrokerPorts, *, encrypted: bool = False, guarded: bool = False) -> str:
    """Return rabbitmq.conf. encrypted: AMQP and management use TLS; guarded: the metrics use TLS, with client
    certificates.
    """
    listeners = (_ENCRYPTED if encrypted else _PLAIN).format(
        host=HOST, amqp=ports.amqp, management=ports.management, here=_HERE
    )
    metrics = (_GUARDED_METRICS if guarded else _OPEN_METRICS).format(host=HOST, metrics=ports.metrics, here=_HERE)
    return _CONFIGURATION.format(listeners=listeners, metrics=metrics, here=_HERE)


def node_name(name: str) -> str:
    return f"{name}@localhost"


def clustered(names: Sequence[str]) -> str:
    """Return the lines that a cluster's node has in rabbitmq.conf in addition, the same as in docs/deployment.md."""
    nodes = (f"cluster_formation.classic_config.nodes.{n} = {node_name(name)}\n" for n, name in enumerate(names, 1))
    return _CLUSTERED + "".join(nodes)


def definitions(users: tuple[User, ...]) -> dict[str, object]:
    """Return the users for the broker's import, which comes before it accepts connections. Passwords are salted
    hashes.
    """
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
