"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Mapping
from functools import partial
from socket import socket

import eventlet
from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import tpool, wsgi
from eventlet.debug import hub_exceptions
from kombu.connection import Connection
from kombu.exceptions import KombuError
from nameko.containers import ServiceContainer
from nameko.utils import sanitize_url
from prometheus_client import ProcessCollector

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import open_store

from .collector import SnapshotCollector
from .desk import TargetDesk
from .http import application
from .service import DESK, REFRESH_SECONDS, TargetsService

READING_THREADS = 1
"""Locks are eventlet's own here and not made for several threads: readings take turns on one."""


def run(environment: Mapping[str, str]) -> int:
    """Exit status: 0 after SIGTERM, 1 with one line on stderr where it could not start or had to stop."""
    _log_to_stderr()
    try:
        _serve(settings_from(environment))
    except PlanError as error:
        return _failed(f"{error.problems[0]} ({len(error.problems)} in all; see hallpulse plan check)")
    except (HallpulseError, SettingsError, OSError, KombuError, AMQPError) as error:
        return _failed(str(error) or type(error).__name__)
    return 0


class _Lines(logging.Formatter):
    """A lost connection is a line, not a page: of what the framework's libraries say, only an error has its trace."""

    def format(self, record: logging.LogRecord) -> str:
        if record.levelno < logging.ERROR:
            return f"targets: {' '.join(record.getMessage().split())}"
        return super().format(record)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("nameko").setLevel(logging.ERROR)
    hub_exceptions(False)


def _failed(message: str) -> int:
    print(f"targets: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return 1


def _serve(settings: Settings) -> None:
    plans = load_plans(settings.plans)
    tpool.set_num_threads(READING_THREADS)
    desk = TargetDesk(open_store(settings.database_url, pool_size=READING_THREADS), plans, time.time)
    listener = _listen(settings.host, settings.metrics_port)
    _reach_broker(settings.amqp_url)
    tpool.execute(desk.refresh)
    registry = new_registry()
    registry.register(SnapshotCollector(desk))
    ProcessCollector(registry=registry)
    add_build_info(registry)
    config = {"AMQP_URI": settings.amqp_url, REFRESH_SECONDS: settings.refresh_seconds, DESK: desk}
    container = ServiceContainer(TargetsService, config)
    container.start()
    web = partial(wsgi.server, listener, application(registry, desk), log_output=False)
    container.spawn_managed_thread(web, identifier="metrics")
    address = f"http://{settings.host}:{listener.getsockname()[1]}/metrics"
    print(f"targets: ready, {len(plans)} plans, {address}", file=sys.stderr, flush=True)
    _wait(container)


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


def _wait(container: ServiceContainer) -> None:
    """A signal handler may not use eventlet's primitives: it only starts a greenlet that stops the container."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.spawn_n(container.stop))
    container.wait()
