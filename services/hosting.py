"""Run a nameko service as a process: what is the same for each of them, and all that touches eventlet."""

from __future__ import annotations

import logging
import signal
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import eventlet
import eventlet.event
from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import tpool, wsgi
from eventlet.debug import hub_exceptions
from kombu.connection import Connection
from kombu.exceptions import KombuError
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from nameko.timer import Timer
from nameko.utils import sanitize_url
from prometheus_client import ProcessCollector

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.plans import PlanError
from hallpulse.scrapes import Application, guarded, metrics_application
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import Store, open_store
from hallpulse.tls import client_context, encrypted, split_files

STOP_SECONDS = 5.0
"""nameko waits for its connection to the broker before it stops; where the broker is gone, that is for ever."""
BROKER_FAULTS = (KombuError, AMQPError)
"""The errors that nameko lets through when the broker is down at the start."""
READING_THREADS = 1
"""Locks are eventlet's own here and not made for several threads: readings take turns on one."""
_log = logging.getLogger("services")


class Handed(DependencyProvider):  # type: ignore[misc]
    """Hands a plain object, which was built before the framework began, to each worker of a service."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get_dependency(self, _worker_ctx: object) -> Any:
        return self.container.config[self._name]


class Every(Timer):  # type: ignore[misc]
    """A timer whose interval, in seconds, was handed over by name; it first goes off after one."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(interval=0, **kwargs)
        self._name = name

    def setup(self) -> None:
        self.interval = self.container.config[self._name]


class Outage:
    """Says once that something is down, and once that it is back."""

    def __init__(self, consequence: str) -> None:
        self._consequence = consequence
        self._cause = ""

    def began(self, error: Exception) -> None:
        if not self._cause:
            self._cause = str(error) or type(error).__name__
            _log.warning("%s: %s", self._cause, self._consequence)

    def over(self) -> None:
        if self._cause:
            _log.warning("over: %s", self._cause)
            self._cause = ""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A service and what it is given.

    given: name → plain object or setting, for `Handed` and `Every`; application: what its port answers, by default the
    metrics of its process; ready: what is said once it runs.
    """

    service: type[object]
    given: Mapping[str, Any]
    application: Application | None = None
    ready: str = "ready"
    address: str = "/metrics"


Build = Callable[[Settings, Store], AbstractContextManager[Hosted]]


def run(name: str, environment: Mapping[str, str], build: Build, *faults: type[Exception]) -> int:
    """Build a service and run it until SIGTERM or SIGINT.

    Exit status: 0 after a signal, 1 with one line on stderr where it could not start or had to stop. faults: what else
    `build` raises of files that cannot be used.
    """
    log_to_stderr(name)
    try:
        settings = settings_from(environment)
        tpool.set_num_threads(READING_THREADS)
        store = open_store(settings.database_url, pool_size=READING_THREADS, service=name)
        with build(settings, store) as hosted:
            _host(name, settings, store, hosted)
    except PlanError as error:
        return failed(name, f"{error.problems[0]} ({len(error.problems)} in all; see hallpulse plan check)")
    except (HallpulseError, SettingsError, OSError, *BROKER_FAULTS, *faults) as error:
        return failed(name, str(error) or type(error).__name__)
    return 0


def _host(name: str, settings: Settings, store: Store, hosted: Hosted) -> None:
    listener = listen(settings)
    broker = broker_config(settings.amqp_url)
    reach_broker(broker)
    tpool.execute(store.ping)
    container = ServiceContainer(hosted.service, {**broker, **hosted.given})
    application = hosted.application or guarded(plain_application(), settings.metrics_token)
    serve(container, listener, application, f"{name}: {hosted.ready}", hosted.address)


class _Lines(logging.Formatter):
    """A lost connection is a line, not a page: of what the framework's libraries say, only an error has its trace."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def format(self, record: logging.LogRecord) -> str:
        if record.levelno < logging.ERROR:
            return f"{self._name}: {' '.join(record.getMessage().split())}"
        return super().format(record)


def log_to_stderr(name: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(name))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("nameko").setLevel(logging.ERROR)
    hub_exceptions(False)


class _Protocol(wsgi.HttpProtocol):  # type: ignore[misc]
    """Log nothing of a client whose handshake fails."""

    def handle(self) -> None:
        with suppress(ssl.SSLError):
            super().handle()


def failed(name: str, message: str) -> int:
    """Say why in one line, and return the exit status."""
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return 1


def listen(settings: Settings) -> socket:
    """The socket for /metrics, of HTTPS where there is a certificate.

    Raises Unavailable where the port is taken, Halt where the certificate cannot be used.
    """
    host, port = settings.host, settings.metrics_port
    try:
        opened: socket = eventlet.listen((host, port), reuse_port=False)
    except OSError as error:
        raise Unavailable(f"metrics on {host}:{port}: {error.strerror}") from None
    return encrypted(opened, settings.tls)


def broker_config(amqp_url: str) -> dict[str, Any]:
    """Return nameko's settings of the broker. Raise Halt if a file of its TLS cannot be used."""
    url, files = split_files(amqp_url)
    if not url.startswith("amqps://"):
        return {"AMQP_URI": url, "AMQP_SSL": None}
    client_context(files)  # for its errors: the framework makes its own, and says less
    own = {"certfile": files.cert, "keyfile": files.key} if files.cert else {}
    trusted = {"ca_certs": files.ca or None, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": urlsplit(url).hostname}
    return {"AMQP_URI": url, "AMQP_SSL": {**trusted, **own, "tls_minimum_version": ssl.TLSVersion.TLSv1_2}}


def reach_broker(config: dict[str, Any]) -> None:
    """Say at once, and in one line, that it is not there; later on an outage is waited out. Raises Unavailable."""
    url = config["AMQP_URI"]
    try:
        with Connection(url, connect_timeout=5, ssl=config["AMQP_SSL"]) as connection:  # type: ignore[no-untyped-call]
            connection.connect()
    except (OSError, *BROKER_FAULTS) as error:
        raise Unavailable(f"broker {sanitize_url(url)}: {error}") from None


def plain_application() -> Application:
    """Return /metrics of the process and /healthz, for a service without other metrics."""
    registry = new_registry()
    ProcessCollector(registry=registry)
    add_build_info(registry)
    return metrics_application(registry)


def serve(container: ServiceContainer, listener: socket, application: Application, ready: str, address: str) -> None:
    """Run the service and its web application until SIGTERM or SIGINT. ready: what is said once both run."""
    container.start()
    web = partial(wsgi.server, listener, application, protocol=_Protocol, log_output=False)
    container.spawn_managed_thread(web, identifier="web")
    scheme = "https" if isinstance(listener, ssl.SSLSocket) else "http"
    host, port = listener.getsockname()[:2]
    print(f"{ready}, {scheme}://{host}:{port}{address}", file=sys.stderr, flush=True)
    ended = eventlet.spawn(container.wait)
    stopping = eventlet.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # a handler may not use eventlet's primitives itself
        signal.signal(number, lambda *_: stopping.ready() or eventlet.spawn_n(stopping.send))
    ended.link(lambda _: stopping.ready() or stopping.send())
    stopping.wait()
    with eventlet.Timeout(STOP_SECONDS, False):
        container.stop()
        ended.wait()
