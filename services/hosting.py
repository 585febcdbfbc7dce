"""How a nameko service of ours is run as a process: what is the same for all of them, and all that touches eventlet."""

from __future__ import annotations

import logging
import signal
import ssl
import sys
from contextlib import suppress
from functools import partial
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import eventlet
import eventlet.event
from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import wsgi
from eventlet.debug import hub_exceptions
from kombu.connection import Connection
from kombu.exceptions import KombuError
from nameko.containers import ServiceContainer
from nameko.utils import sanitize_url
from prometheus_client import ProcessCollector

from hallpulse.domain.errors import Unavailable
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.scrapes import Application, guarded, metrics_application
from hallpulse.settings import Settings
from hallpulse.tls import client_context, encrypted, split_files

STOP_SECONDS = 5.0
"""nameko waits for its connection to the broker before it stops; where the broker is gone, that is for ever."""
BROKER_FAULTS = (KombuError, AMQPError)
"""What nameko lets through when the broker is away at the start."""


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
    """Who manages no handshake fills no log."""

    def handle(self) -> None:
        with suppress(ssl.SSLError):
            super().handle()


def failed(name: str, message: str) -> int:
    """Say why in one line; the exit status."""
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
    """What nameko is told of the broker. Raises Halt where a file of its TLS cannot be used."""
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
    """For a service without metrics of its own: those of its process."""
    registry = new_registry()
    ProcessCollector(registry=registry)
    add_build_info(registry)
    return metrics_application(registry)


def serve(
    container: ServiceContainer, listener: socket, application: Application, metrics_token: str, ready: str
) -> None:
    """Run the service and its web application until SIGTERM or SIGINT. ready: what is said once both run.

    metrics_token: what the application's callers show, at every address but /healthz.
    """
    container.start()
    web = partial(wsgi.server, listener, guarded(application, metrics_token), protocol=_Protocol, log_output=False)
    container.spawn_managed_thread(web, identifier="metrics")
    scheme = "https" if isinstance(listener, ssl.SSLSocket) else "http"
    host, port = listener.getsockname()[:2]
    print(f"{ready}, {scheme}://{host}:{port}/metrics", file=sys.stderr, flush=True)
    ended = eventlet.spawn(container.wait)
    stopping = eventlet.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # a handler may not use eventlet's primitives itself
        signal.signal(number, lambda *_: stopping.ready() or eventlet.spawn_n(stopping.send))
    ended.link(lambda _: stopping.ready() or stopping.send())
    stopping.wait()
    with eventlet.Timeout(STOP_SECONDS, False):
        container.stop()
        ended.wait()
