"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from eventlet import tpool
from nameko.containers import ServiceContainer
from prometheus_client import CollectorRegistry, ProcessCollector

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.plan import Plan
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import AuditEntry, open_store
from services.hosting import BROKER_FAULTS, broker_config, failed, listen, log_to_stderr, reach_broker, serve

from .collector import AttemptCollector
from .desk import Attempts, TargetDesk
from .http import application
from .reader import Reader, starting
from .service import DESK, READER, REFRESH_SECONDS, TargetsService

NAME = "targets"
READING_THREADS = 1
"""Locks are eventlet's own here and not made for several threads: readings take turns on one."""


def run(environment: Mapping[str, str]) -> int:
    """Exit status: 0 after SIGTERM, 1 with one line on stderr where it could not start or had to stop."""
    log_to_stderr(NAME)
    try:
        _serve(settings_from(environment), environment)
    except PlanError as error:
        return failed(NAME, f"{error.problems[0]} ({len(error.problems)} in all; see hallpulse plan check)")
    except (HallpulseError, SettingsError, OSError, *BROKER_FAULTS) as error:
        return failed(NAME, str(error) or type(error).__name__)
    return 0


def _serve(settings: Settings, environment: Mapping[str, str]) -> None:
    plans = load_plans(settings.plans)
    tpool.set_num_threads(READING_THREADS)
    store = open_store(settings.database_url, pool_size=READING_THREADS, service=NAME)
    desk = TargetDesk(store, plans, time.time)
    listener = listen(settings)
    broker = broker_config(settings.amqp_url)
    reach_broker(broker)
    with closing(Reader(starting(environment), Attempts(time.time))) as reader:
        reader.refresh()
        tpool.execute(store.audit.append_if_new, _plans_read(settings, plans))
        config = {**broker, REFRESH_SECONDS: settings.refresh_seconds, DESK: desk, READER: reader}
        container = ServiceContainer(TargetsService, config)
        web = application(_live(reader.attempts), lambda: reader.page, reader.attempts)
        serve(container, listener, web, settings.metrics_token, f"{NAME}: ready, {len(plans)} plans")


def _live(attempts: Attempts) -> CollectorRegistry:
    """What is true when it is asked for, not when it was read."""
    registry = new_registry()
    registry.register(AttemptCollector(attempts))
    ProcessCollector(registry=registry)
    add_build_info(registry)
    return registry


def _plans_read(settings: Settings, plans: Sequence[Plan]) -> AuditEntry:
    """Plans change in their files, and a start puts them in force: the digests tell which one is another now."""
    files = {plan.id: (settings.plans / f"{plan.id}.yaml").read_bytes() for plan in plans}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return AuditEntry("plan.load", detail=digests)
