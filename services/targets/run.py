"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence

from eventlet import tpool
from nameko.containers import ServiceContainer
from prometheus_client import ProcessCollector

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.plan import Plan
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import Deed, open_store
from services.hosting import BROKER_FAULTS, broker_config, failed, listen, log_to_stderr, reach_broker, serve

from .collector import AttemptCollector
from .desk import TargetDesk
from .http import application
from .page import Shown
from .service import DESK, REFRESH_SECONDS, SHOWN, TargetsService, refresh

NAME = "targets"
SWITCH_SECONDS = 0.001
"""A reading keeps its thread busy: who asks for /metrics meanwhile must not wait 5 ms at every step."""
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
    sys.setswitchinterval(SWITCH_SECONDS)
    store = open_store(settings.database_url, pool_size=READING_THREADS, service=NAME)
    desk = TargetDesk(store, plans, time.time)
    listener = listen(settings)
    broker = broker_config(settings.amqp_url)
    reach_broker(broker)
    shown = Shown()
    tpool.execute(refresh, desk, shown)
    tpool.execute(store.audit.append_if_new, _plans_read(settings, plans))
    registry = new_registry()
    registry.register(AttemptCollector(desk))
    ProcessCollector(registry=registry)
    add_build_info(registry)
    config = {**broker, REFRESH_SECONDS: settings.refresh_seconds, DESK: desk, SHOWN: shown}
    container = ServiceContainer(TargetsService, config)
    serve(container, listener, application(registry, shown, desk), f"{NAME}: ready, {len(plans)} plans")


def _plans_read(settings: Settings, plans: Sequence[Plan]) -> Deed:
    """Plans change in their files, and a start puts them in force: the digests tell which one is another now."""
    files = {plan.id: (settings.plans / f"{plan.id}.yaml").read_bytes() for plan in plans}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return Deed("plan.load", detail=digests)
