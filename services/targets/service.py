"""The targets service: a timer, events and RPC, in a thin class over `TargetReadings` and `Reader`."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from typing import Any

from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import tpool
from kombu.exceptions import KombuError
from nameko.events import EventDispatcher
from prometheus_client import CollectorRegistry, ProcessCollector

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.domain.plan import Plan
from hallpulse.metrics import add_build_info, new_registry
from hallpulse.plans import load_plans
from hallpulse.scrapes import guarded
from hallpulse.settings import Settings
from hallpulse.store import AuditEntry, Store, Turn, TurnRegistry
from services.hosting import Every, Handed, Hosted, Outage
from services.service_queues import rpc
from services.targets.exposition import AttemptCollector, application

from .reader import Due, Reader, starting
from .readings import Attempts, TargetReadings

NAME = "targets"
REFRESH_SECONDS, READINGS, READER, DATABASE, BROKER = "REFRESH_SECONDS", "READINGS", "READER", "DATABASE", "BROKER"
TURNS, TURNS_OUTAGE = "TURNS", "TURNS_OUTAGE"


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
            TURNS: store.turns,
            TURNS_OUTAGE: Outage("announcing nothing"),
            BROKER: Outage("keeping what there is to announce"),
        }
        page = application(_live(reader.attempts), lambda: reader.page, reader.attempts)
        yield Hosted(TargetsService, given, guarded(page, settings.metrics_token), f"ready, {len(plans)} plans")


class RefreshTimer(Every):
    """A timer that breaks off the reading when the service stops, since the framework waits for running work."""

    def stop(self) -> None:
        self.container.config[READER].close()
        super().stop()


class TargetsService:
    """The targets service. It refreshes and announces on separate timers, so that a broker outage ages no figures.

    psycopg would block eventlet's only thread while it waits. So `evaluate` reads on another thread, and the figures
    for /metrics are read in another process.
    """

    name = NAME
    readings: TargetReadings = Handed(READINGS)
    reader: Reader = Handed(READER)
    database: Outage = Handed(DATABASE)
    broker: Outage = Handed(BROKER)
    turns: TurnRegistry = Handed(TURNS)
    turns_outage: Outage = Handed(TURNS_OUTAGE)
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
        """Publish every breach and recovery as an event, each until the broker has confirmed it.

        Of several processes one publishes it; if that one ends before, another one publishes it, in the same words.
        """
        try:
            while (change := self.reader.next_due()) is not None:
                taken = tpool.execute(self.turns.take, turn_of(change))
                if taken.publish is not None:
                    self.dispatch(taken.publish.kind, dict(taken.publish.payload))
                    tpool.execute(self.turns.sent, taken.publish)
                if taken.settled:
                    self.reader.announced(change)
                elif taken.publish is None:
                    break  # another process is about to announce it
        except HallpulseError as error:
            self.turns_outage.began(error)
        except (OSError, KombuError, AMQPError) as error:
            self.broker.began(error)
        else:
            self.broker.over()
            self.turns_outage.over()

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def evaluate(self, region: int, on: str | None = None) -> dict[str, Any]:
        """Return the results of the targets in force in a region (6 digits) on a day (YYYY-MM-DD, by default today).

        Raises ValueError if region or day is invalid.
        """
        if not re.fullmatch(r"[1-9][0-9]{5}", str(region)):
            raise ValueError(f"region: expected a code of 6 digits, got {region!r}")
        day = date.fromisoformat(on) if on is not None else None
        answer: dict[str, Any] = tpool.execute(self.readings.evaluate, int(region), day)
        return answer


def turn_of(change: Due) -> Turn:
    """Return a change in the form that all processes of this service share. Its moment is the time of the reading."""
    key, verdict = change.announced
    at = datetime.fromisoformat(change.payload["at"])
    return Turn(key.region, key.plan, key.target, key.department or "", change.kind, *verdict, at, change.payload)


def _live(attempts: Attempts) -> CollectorRegistry:
    """Return a registry of the metrics that are collected at each scrape, not with a reading."""
    registry = new_registry()
    registry.register(AttemptCollector(attempts))
    ProcessCollector(registry=registry)
    add_build_info(registry)
    return registry


def _plans_read(settings: Settings, plans: Sequence[Plan]) -> AuditEntry:
    """Return the audit entry for the plans at this start, with a SHA-256 of each file, which shows changed plans."""
    files = {plan.id: (settings.plans / f"{plan.id}.yaml").read_bytes() for plan in plans}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return AuditEntry("plan.load", detail=digests)
