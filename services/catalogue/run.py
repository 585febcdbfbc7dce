"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from socket import socket
from typing import Any

import eventlet
from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import tpool, wsgi
from eventlet.debug import hub_exceptions
from kombu.connection import Connection
from kombu.exceptions import KombuError
from nameko.containers import ServiceContainer
from nameko.utils import sanitize_url
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import make_wsgi_app

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import open_store

from .desk import CatalogueDesk
from .service import DESK, CatalogueService

READING_THREADS = 1
"""Locks are eventlet's own here and not made for several threads: readings take turns on one."""

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def run(environment: Mapping[str, str]) -> int:
    """Exit status: 0 after SIGTERM, 1 with one line on stderr where it could not start or had to stop."""
    _log_to_stderr()
    try:
        _serve(settings_from(environment))
    except (HallpulseError, SettingsError, OSError, KombuError, AMQPError) as error:
        print(f"catalogue: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr, flush=True)
        return 1
    return 0


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="catalogue: %(message)s", stream=sys.stderr)
    logging.getLogger("nameko").setLevel(logging.ERROR)
    hub_exceptions(False)


def _serve(settings: Settings) -> None:
    tpool.set_num_threads(READING_THREADS)
    desk = CatalogueDesk(open_store(settings.database_url, pool_size=READING_THREADS))
    listener = _listen(settings.host, settings.metrics_port)
    _reach_broker(settings.amqp_url)
    tpool.execute(desk.ping)
    container = ServiceContainer(CatalogueService, {"AMQP_URI": settings.amqp_url, DESK: desk})
    container.start()
    container.spawn_managed_thread(partial(wsgi.server, listener, _application(), log_output=False), identifier="http")
    address = f"http://{settings.host}:{listener.getsockname()[1]}/metrics"
    print(f"catalogue: ready, {address}", file=sys.stderr, flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):  # a handler may not use eventlet's primitives itself
        signal.signal(number, lambda *_: eventlet.spawn_n(container.stop))
    container.wait()


def _application() -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """/metrics, and /healthz: whoever answers is alive."""
    metrics: Callable[[Environ, StartResponse], Iterable[bytes]] = make_wsgi_app(_registry())

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/metrics":
            return metrics(environ, start_response)
        healthy = environ.get("PATH_INFO") == "/healthz"
        status, text = ("200 OK", b"ok\n") if healthy else ("404 Not Found", b"expected /metrics or /healthz\n")
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text]

    return answer


def _registry() -> CollectorRegistry:
    registry = new_registry()
    ProcessCollector(registry=registry)
    add_build_info(registry)
    return registry


def _listen(host: str, port: int) -> socket:
    try:
        opened: socket = eventlet.listen((host, port), reuse_port=False)
    except OSError as error:
        raise Unavailable(f"metrics on {host}:{port}: {error.strerror}") from None
    return opened


def _reach_broker(amqp_url: str) -> None:
    """Say at once, and in one line, that it is not there; later on an outage is waited out."""
    try:
        with Connection(amqp_url, connect_timeout=5) as connection:  # type: ignore[no-untyped-call]
            connection.connect()
    except (OSError, KombuError, AMQPError) as error:
        raise Unavailable(f"broker {sanitize_url(amqp_url)}: {error}") from None
