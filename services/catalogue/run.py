"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

from collections.abc import Mapping

from eventlet import tpool
from nameko.containers import ServiceContainer

from hallpulse.domain.errors import HallpulseError
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import open_store
from services.hosting import (
    BROKER_FAULTS,
    broker_config,
    failed,
    listen,
    log_to_stderr,
    plain_application,
    reach_broker,
    serve,
)

from .desk import CatalogueDesk
from .service import DESK, CatalogueService

NAME = "catalogue"
READING_THREADS = 1
"""Locks are eventlet's own here and not made for several threads: readings take turns on one."""


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
    serve(container, listener, plain_application(), settings.metrics_token, f"{NAME}: ready")
