"""How a nameko service of ours is run as a process: what is the same for all of them, and all that touches eventlet."""

from __future__ import annotations

import logging
import signal
import sys
from functools import partial
from socket import socket
from typing import Any

import eventlet
from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import wsgi
from eventlet.debug import hub_exceptions
from kombu.connection import Connection
from kombu.exceptions import KombuError
from nameko.containers import ServiceContainer
from nameko.utils import sanitize_url

from hallpulse.domain.errors import Unavailable

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


def failed(name: str, message: str) -> int:
    """Say why in one line; the exit status."""
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return 1


def listen(host: str, port: int) -> socket:
    """The socket for /metrics. Raises Unavailable where the port is taken."""
    try:
        opened: socket = eventlet.listen((host, port), reuse_port=False)
    except OSError as error:
        raise Unavailable(f"metrics on {host}:{port}: {error.strerror}") from None
    return opened


def reach_broker(amqp_url: str) -> None:
    """Say at once, and in one line, that it is not there; later on an outage is waited out. Raises Unavailable."""
    try:
        with Connection(amqp_url, connect_timeout=5) as connection:  # type: ignore[no-untyped-call]
            connection.connect()
    except (OSError, *BROKER_FAULTS) as error:
        raise Unavailable(f"broker {sanitize_url(amqp_url)}: {error}") from None


def serve(container: ServiceContainer, listener: socket, application: Any, ready: str) -> None:
    """Run the service and its web application until SIGTERM or SIGINT. ready: what is said once both run."""
    container.start()
    web = partial(wsgi.server, listener, application, log_output=False)
    container.spawn_managed_thread(web, identifier="metrics")
    print(
        f"{ready}, http://{listener.getsockname()[0]}:{listener.getsockname()[1]}/metrics", file=sys.stderr, flush=True
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # a handler may not use eventlet's primitives itself
        signal.signal(number, lambda *_: eventlet.spawn_n(container.stop))
    container.wait()
