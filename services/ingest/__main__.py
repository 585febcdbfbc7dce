"""`python -m services.ingest`: events from the broker into the database, until SIGTERM."""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import time
from collections.abc import Callable

from prometheus_client import start_http_server

from hallpulse.broker import GATEWAY_USER, Consumer, ConsumerLimits, user_of
from hallpulse.broker.lanes import Lanes
from hallpulse.broker.stopped import EXIT_STATUS, StoppedForAPerson, ensure_not_stopped, stop
from hallpulse.calendars import CalendarError
from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import IngestMetrics, new_registry
from hallpulse.scrapes import guarded, metrics_application
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import Store, open_store
from hallpulse.tls import encrypted
from services.ingest.merging import MergingProcesses, MergingSetup, own_fault
from services.ingest.refusals import read_once
from services.ingest.trial import try_stored
from services.ingest.watches import CalendarWatch, KeepingWatch
from services.ingest.worker import IngestWorker, RefusalLimit, RefusalsOverLimit


def run(settings: Settings) -> int:
    """Consume until a signal; the exit status. Raises HallpulseError where broker or database say no for good."""
    limits = ConsumerLimits(settings.partitions, settings.batch_events, settings.batch_seconds)
    gateway_users = frozenset({GATEWAY_USER, user_of(settings.amqp_url)})
    mergers = MergingProcesses(MergingSetup(settings.database_url, gateway_users), limits.committers)
    store = open_store(settings.database_url, pool_size=2, service="ingest")
    try:
        return _run(settings, limits, store, mergers)
    finally:
        mergers.end()
        store.close()


def _run(settings: Settings, limits: ConsumerLimits, store: Store, mergers: MergingProcesses) -> int:
    registry = new_registry()
    metrics = IngestMetrics(registry)
    limit = RefusalLimit(settings.refusal_limit, settings.refusal_window)
    lanes = Lanes(settings.amqp_url, say)
    pipeline = IngestWorker(mergers, store.halls, metrics, limit, move=lanes.move, slow=lanes.slow)
    admit = functools.partial(ensure_not_stopped, ignored=not limit.share)
    consumer = Consumer(settings.amqp_url, pipeline.commit, limits, say, admit=admit, slow=lanes.slow)
    metrics.lag_from(consumer.lag)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    watch = CalendarWatch(store, settings.calendars, say)
    watch.apply()
    watch.start()
    keeping = KeepingWatch(settings.amqp_url, settings.management_url, settings.partitions, metrics, say)
    server, _ = start_http_server(settings.metrics_port, settings.host, new_registry())  # empty until it is guarded
    server.set_app(guarded(metrics_application(registry), settings.metrics_token))
    server.socket = encrypted(server.socket, settings.tls)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who manages no handshake fills no log
    mergers.wait()
    lanes.start()
    gc.freeze()  # what is loaded by now stays: collections need not look at it again
    gc.set_threshold(100_000, 20, 100)  # a batch is thousands of objects that no cycle holds: look seldom
    say("ready")
    keeping.start()
    read_once(settings.amqp_url, store.refused, say)
    try:
        return consume(consumer, settings.amqp_url, functools.partial(_try_stored, store, limit))
    finally:
        lanes.stop()
        watch.stop()
        keeping.stop()
        server.shutdown()


def _try_stored(store: Store, limit: RefusalLimit) -> None:
    if limit.share:
        try_stored(store, time.time_ns() // 1000)


def consume(consumer: Consumer, amqp_url: str, before: Callable[[], None] = lambda: None) -> int:
    """Until a signal, or until it shows that a fault is ours: then no ingest consumes before a person says so."""
    try:
        before()
        consumer.run()
    except StoppedForAPerson as error:
        say(str(error))
        return EXIT_STATUS
    except RefusalsOverLimit as error:
        say(str(error))
        stop(amqp_url, str(error))
        return EXIT_STATUS
    return 0


def say(text: str) -> None:
    print(f"ingest: {text}", file=sys.stderr, flush=True)


def main() -> int:
    try:
        return run(settings_from(os.environ))
    except (CalendarError, HallpulseError, SettingsError, OSError) as error:
        say(" ".join(str(error).split()))
        return 1
    except Exception as error:  # nothing of it was acknowledged
        say(own_fault(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
