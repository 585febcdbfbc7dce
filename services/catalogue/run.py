"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eventlet import tpool
from nameko.containers import ServiceContainer
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import make_wsgi_app

from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import open_store
from services.hosting import BROKER_FAULTS, broker_config, failed, listen, log_to_stderr, reach_broker, serve

from .desk import CatalogueDesk
from .service import DESK, CatalogueService

NAME = "catalogue"
READING_THREADS = 1
"""Locks are eventlet's own here and not made for several threads: readings take turns on one."""

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def run(environment: Mapping[str, str]) -> int:
    """Exit status: 0 after SIGTERM, 1 with one line on stderr where it could not start or had to stop."""
    log_to_stderr(NAME)
    try:
        _serve(settings_from(environment))
    except (HallpulseError, SettingsError, OSError, *BROKER_FAULTS) as error:
        return failed(NAME, str(error) or type(error).__name__)
    return 0


def _serve(settings: Settings) -> None:
    tpool.set_num_threads(READING_THREADS)
    desk = CatalogueDesk(open_store(settings.database_url, pool_size=READING_THREADS))
    listener = listen(settings)
    broker = broker_config(settings.amqp_url)
    reach_broker(broker)
    tpool.execute(desk.ping)
    container = ServiceContainer(CatalogueService, {**broker, DESK: desk})
    serve(container, listener, _application(), f"{NAME}: ready")


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
