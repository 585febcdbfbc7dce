"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Mapping

from eventlet import tpool
from nameko.containers import ServiceContainer

from hallpulse.domain.errors import HallpulseError
from hallpulse.plans import PlanError, load_plans
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

from .desk import MonthlyReports
from .service import DAY, DESK, DIRECTORY, SECONDS, ReportsService

NAME = "reports"
READING_THREADS = 1
"""Locks are eventlet's own here and not made for several threads: readings take turns on one."""


def run(environment: Mapping[str, str]) -> int:
    """Exit status: 0 after SIGTERM, 1 with one line on stderr where it could not start or had to stop."""
    log_to_stderr(NAME)
    try:
        _serve(settings_from(environment))
    except PlanError as error:
        return failed(NAME, f"{error.problems[0]} ({len(error.problems)} in all; see hallpulse plan check)")
    except (HallpulseError, SettingsError, OSError, *BROKER_FAULTS) as error:
        return failed(NAME, str(error) or type(error).__name__)
    return 0


def _serve(settings: Settings) -> None:
    plans = load_plans(settings.plans)
    tpool.set_num_threads(READING_THREADS)
    store = open_store(settings.database_url, pool_size=READING_THREADS, service=NAME)
    desk = MonthlyReports(store, plans, time.time)
    listener = listen(settings)
    broker = broker_config(settings.amqp_url)
    reach_broker(broker)
    tpool.execute(store.ping)
    given = {
        DESK: desk,
        DIRECTORY: settings.reports_dir,
        DAY: settings.reports_day,
        SECONDS: settings.reports_seconds,
    }
    container = ServiceContainer(ReportsService, {**broker, **given})
    serve(container, listener, plain_application(), settings.metrics_token, f"{NAME}: ready")
