"""Targets on a timer, as events and by RPC: a thin class over `TargetReadings` and `Reader`."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from typing import Any

from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import tpool
from kombu.exceptions import KombuError
from nameko.events import EventDispatcher
from nameko.rpc import rpc
from prometheus_client import CollectorRegistry, ProcessCollector

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.domain.plan import Plan
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.plans import load_plans
from hallpulse.scrapes import guarded
from hallpulse.settings import Settings
from hallpulse.store import AuditEntry, Store
from services.hosting import Every, Handed, Hosted, Outage
from services.targets.exposition import AttemptCollector, application

from .reader import Reader, starting
from .readings import Attempts, TargetReadings

NAME = "targets"
REFRESH_SECONDS, READINGS, READER, DATABASE, BROKER = "REFRESH_SECONDS", "READINGS", "READER", "DATABASE", "BROKER"


@contextmanager
def build(settings: Settings, store: Store) -> Iterator[Hosted]:
    plans = load_plans(settings.plans)
    store.judge_by(plans)
    with closing(Reader(starting(os.environ), Attempts(time.time))) as reader:
        tpool.execute(store.ping)
        reader.refresh()
        tpool.execute(store.audit.append_if_new, _plans_read(settings, plans))
        given = {
            REFRESH_SECONDS: settings.refresh_seconds,
            READINGS: TargetReadings(store, plans, time.time),
            READER: reader,
            DATABASE: Outage("keeping the last figures"),
            BROKER: Outage("keeping what there is to announce"),
        }
        page = application(_live(reader.attempts), lambda: reader.page, reader.attempts)
        yield Hosted(TargetsService, given, guarded(page, settings.metrics_token), f"ready, {len(plans)} plans")


class RefreshTimer(Every):
    """Gives up what is being read when the service stops: the framework waits for all that is under way."""

    def stop(self) -> None:
        self.container.config[READER].close()
        super().stop()


class TargetsService:
    """Refreshing and announcing have a timer each: a broker that is down must not make figures old.

    psycopg would block eventlet's only thread while it waits: what is asked of it is read on another one, and what
    /metrics shows in another process.
    """

    name = NAME
    readings: TargetReadings = Handed(READINGS)
    reader: Reader = Handed(READER)
    database: Outage = Handed(DATABASE)
    broker: Outage = Handed(BROKER)
    dispatch = EventDispatcher()

    @RefreshTimer.decorator(REFRESH_SECONDS)  # type: ignore[untyped-decorator]
    def refresh(self) -> None:
        try:
            self.reader.refresh()
        except HallpulseError as error:
            self.database.began(error)
        else:
            self.database.over()

    @Every.decorator(REFRESH_SECONDS)  # type: ignore[untyped-decorator]
    def announce(self) -> None:
        """Publish every breach and recovery as an event, each until the broker has confirmed it."""
        try:
            while (change := self.reader.next_due()) is not None:
                self.dispatch(change.kind, change.payload)
                self.reader.announced(change)
        except (OSError, KombuError, AMQPError) as error:
            self.broker.began(error)
        else:
            self.broker.over()

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def evaluate(self, region: int, on: str | None = None) -> dict[str, Any]:
        """The targets in force in a region (6 digits) on a day (YYYY-MM-DD; today if left out)."""
        if not re.fullmatch(r"[1-9][0-9]{5}", str(region)):
            raise ValueError(f"region: expected a code of 6 digits, got {region!r}")
        day = date.fromisoformat(on) if on is not None else None
        answer: dict[str, Any] = tpool.execute(self.readings.evaluate, int(region), day)
        return answer


def _live(attempts: Attempts) -> CollectorRegistry:
    """Return the metrics that are true when they are asked for, not when they were read."""
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
