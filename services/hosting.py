"""Run a nameko service as a process: the code that all services share, and everything that touches eventlet."""

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
from kombu.exceptions import KombuError
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from nameko.timer import Timer
from nameko.utils import sanitize_url
from prometheus_client import ProcessCollector

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.nodes import each_node
from hallpulse.plans import PlanError
from hallpulse.scrapes import Application, guarded, metrics_application
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import Store, open_store
from hallpulse.tls import client_context, encrypted, split_files
from services.service_queues import broker_connection

STOP_SECONDS = 5.0
"""Seconds for an orderly stop. Without a limit nameko would wait for ever for a broker that is down."""
BROKER_FAULTS = (KombuError, AMQPError)
"""Errors that nameko raises if the broker is down at the start."""
HEARTBEAT_BESIDE_OTHERS = 10
"""Seconds: where another node can take over, one that has fallen silent is left sooner than after nameko's 60."""
READING_THREADS = 1
"""Threads that read the database: only one, because eventlet's locks do not work between threads."""
_log = logging.getLogger("services")


class Handed(DependencyProvider):  # type: ignore[misc]
    """Gives each worker of a service a plain object that was built before the framework started."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get_dependency(self, _worker_ctx: object) -> Any:
        return self.container.config[self._name]


class Every(Timer):  # type: ignore[misc]
    """A timer with an interval in seconds, found by its name in `Hosted.given`. It first fires after one interval."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(interval=0, **kwargs)
        self._name = name

    def setup(self) -> None:
        self.interval = self.container.config[self._name]


class Outage:
    """Logs once when something goes down, and once when it is back. consequence: what the service does meanwhile."""

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
    """A service and the objects that it needs.

    given: name → plain object or setting, for `Handed` and `Every`; application: the web application on its port, by
    default the metrics of its process; ready: the words printed once it runs; address: the path printed after them.
    """

    service: type[object]
    given: Mapping[str, Any]
    application: Application | None = None
    ready: str = "ready"
    address: str = "/metrics"


Build = Callable[[Settings, Store], AbstractContextManager[Hosted]]


def run(name: str, environment: Mapping[str, str], build: Build, *faults: type[Exception]) -> int:
    """Build a service and run it until SIGTERM or SIGINT.

    Return the exit status: 0 after a signal; 1, with one line on stderr, if the service could not start or had to stop.
    faults: further errors that `build` raises, about files that cannot be used.
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
    broker = reach_broker(broker_config(settings.amqp_url))
    tpool.execute(store.ping)
    container = ServiceContainer(hosted.service, {**broker, **hosted.given})
    application = hosted.application or guarded(plain_application(), settings.metrics_token)
    serve(container, listener, application, f"{name}: {hosted.ready}", hosted.address)


class _Lines(logging.Formatter):
    """Formats a record below ERROR as one line without a traceback, so that a lost connection does not fill a page."""

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
    """HTTP that logs nothing about a client whose TLS handshake fails."""

    def handle(self) -> None:
        with suppress(ssl.SSLError):
            super().handle()


def failed(name: str, message: str) -> int:
    """Print the message as one line on stderr, and return the exit status 1."""
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return 1


def listen(settings: Settings) -> socket:
    """Return the listening socket for /metrics; it speaks HTTPS if the settings have a certificate.

    Raises Unavailable if the port is taken, Halt if the certificate cannot be used.
    """
    host, port = settings.host, settings.metrics_port
    try:
        opened: socket = eventlet.listen((host, port), reuse_port=False)
    except OSError as error:
        raise Unavailable(f"metrics on {host}:{port}: {error.strerror}") from None
    return encrypted(opened, settings.tls)


class _NodesTls(dict[str, Any]):
    """kombu's TLS settings of several nodes: it puts the name of the node that it connects to where it reads none.

    Having put one it would hold every further node to that name.
    """

    def __getitem__(self, name: str) -> Any:
        return None if name == "server_hostname" else super().__getitem__(name)


def broker_config(amqp_url: str) -> dict[str, Any]:
    """Return nameko's settings for the broker. Raises Halt if one of the TLS files cannot be used.

    kombu separates the URLs of several nodes by semicolons and goes on to the next when it loses one.
    """
    url, files = split_files(amqp_url)
    nodes = each_node(url)
    common = {"AMQP_URI": ";".join(nodes), **({} if len(nodes) == 1 else {"HEARTBEAT": HEARTBEAT_BESIDE_OTHERS})}
    if not url.startswith("amqps://"):
        return {**common, "AMQP_SSL": None}
    client_context(files)  # only for its clear errors: the framework makes another context itself
    own = {"certfile": files.cert, "keyfile": files.key} if files.cert else {}
    named = urlsplit(url).hostname if len(nodes) == 1 else None
    trusted = {"ca_certs": files.ca or None, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": named}
    tls = {**trusted, **own, "tls_minimum_version": ssl.TLSVersion.TLSv1_2}
    return {**common, "AMQP_SSL": tls if len(nodes) == 1 else _NodesTls(tls)}


def reach_broker(config: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with a node that answers as the first one, since the framework begins with the first.

    Raises Unavailable if no node answers at the start; a later outage is waited out.
    """
    nodes = config["AMQP_URI"].split(";")
    for number, url in enumerate(nodes):
        try:
            with broker_connection(config | {"AMQP_URI": url}) as connection:
                connection.connect()
        except (OSError, *BROKER_FAULTS) as error:
            fault = f"broker {sanitize_url(url)}: {error}"
        else:
            return config | {"AMQP_URI": ";".join(nodes[number:] + nodes[:number])}
    raise Unavailable(fault)


def plain_application() -> Application:
    """Return an application for /metrics (of the process) and /healthz, for a service without other metrics."""
    registry = new_registry()
    ProcessCollector(registry=registry)
    add_build_info(registry)
    return metrics_application(registry)


def serve(container: ServiceContainer, listener: socket, application: Application, ready: str, address: str) -> None:
    """Run the service and its web application until SIGTERM or SIGINT.

    ready, address: printed on stderr, with the listener's URL between them, once both run.
    """
    container.start()
    web = partial(wsgi.server, listener, application, protocol=_Protocol, log_output=False)
    container.spawn_managed_thread(web, identifier="web")
    scheme = "https" if isinstance(listener, ssl.SSLSocket) else "http"
    host, port = listener.getsockname()[:2]
    print(f"{ready}, {scheme}://{host}:{port}{address}", file=sys.stderr, flush=True)
    ended = eventlet.spawn(container.wait)
    stopping = eventlet.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # a signal handler must not call eventlet directly
        signal.signal(number, lambda *_: stopping.ready() or eventlet.spawn_n(stopping.send))
    ended.link(lambda _: stopping.ready() or stopping.send())
    stopping.wait()
    with eventlet.Timeout(STOP_SECONDS, False):
        container.stop()
        ended.wait()
