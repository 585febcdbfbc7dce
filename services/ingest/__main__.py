"""Store events from the broker in the database until SIGTERM: `python -m services.ingest`."""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from hallpulse.broker import GATEWAY_USER, Consumer, ConsumerLimits, Rejection, user_of
from hallpulse.broker.lanes import Lanes
from hallpulse.broker.stopped import EXIT_STATUS, StoppedForAPerson, ensure_not_stopped, stop
from hallpulse.calendars import CalendarError
from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import IngestMetrics, new_registry
from hallpulse.scrapes import guarded, metrics_application
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import Store, ensure_answers, ensure_ingest_knows, open_store
from hallpulse.tls import encrypted
from hallpulse.tracing import tracing_from
from services.ingest.isolating import Isolation
from services.ingest.merge_messages import MergingSetup
from services.ingest.merging import MergingProcesses, own_fault
from services.ingest.refusals import read_once, row_of_rejection
from services.ingest.trial import try_stored
from services.ingest.watches import CalendarWatch, KeepingWatch
from services.ingest.worker import IngestWorker, RefusalLimit, RefusalsOverLimit

REST_SECONDS, RECOVERY_SECONDS = 0.5, 5.0
DIVIDED_PART = 16
"""From this part of a full one on, a batch is divided among the merging processes: for less it is not worth it."""


def run(settings: Settings) -> int:
    """Consume until a signal, and return the exit status.

    Raises HallpulseError if broker or database refuse for good.
    """
    ensure_ingest_knows(settings.database_url)
    limits = ConsumerLimits(
        settings.partitions,
        settings.batch_events,
        settings.batch_seconds,
        divided_events=settings.batch_events // DIVIDED_PART,
    )
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
    tracing = tracing_from(os.environ, "ingest")
    pipeline = IngestWorker(mergers, store.halls, metrics, limit, move=lanes.move, slow=lanes.slow, tracing=tracing)

    def refuse(rejections: Sequence[Rejection]) -> None:
        store.refused.enter([*map(row_of_rejection, rejections)], datetime.now(UTC))
        pipeline.isolated(rejections)

    isolation = Isolation(pipeline.commit, refuse, say, functools.partial(ensure_there, settings.database_url))
    admit = functools.partial(ensure_not_stopped, ignored=not limit.share)
    consumer = Consumer(settings.amqp_url, isolation.commit, limits, say, admit=admit, slow=lanes.slow)
    metrics.lag_from(consumer.lag)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    watch = CalendarWatch(store, settings.calendars, say)
    watch.apply()
    watch.start()
    keeping = KeepingWatch(settings.amqp_url, settings.management_url, settings.partitions, metrics, say)
    server = _metrics_server(settings, registry)
    mergers.wait()
    lanes.start()
    gc.freeze()  # loaded modules stay: collections need not look at them again
    gc.set_threshold(100_000, 20, 100)  # collect seldom: a batch is thousands of objects without cycles
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


def ensure_there(database_url: str) -> None:
    """Rest, then raise Unavailable unless the database answers on a new connection: one was ended by it."""
    time.sleep(REST_SECONDS)
    ensure_answers(database_url, RECOVERY_SECONDS)


def _metrics_server(settings: Settings, registry: CollectorRegistry) -> WSGIServer:
    """Serve the metrics on a thread, until `shutdown`."""
    server, _ = start_http_server(
        settings.metrics_port, settings.host, new_registry()
    )  # shows nothing until `set_app` below sets the guarded application
    server.set_app(guarded(metrics_application(registry), settings.metrics_token))
    server.socket = encrypted(server.socket, settings.tls)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # failed handshakes are not logged
    return server


def _try_stored(store: Store, limit: RefusalLimit) -> None:
    if limit.share:
        try_stored(store, time.time_ns() // 1000)


def consume(consumer: Consumer, amqp_url: str, before: Callable[[], None] = lambda: None) -> int:
    """Consume until a signal, and return the exit status.

    If refusals show that the fault is ours, consumption stops, and no ingest consumes before a person resumes it.
    before: called first.
    """
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
    except Exception as error:  # the batch was not acknowledged
        say(own_fault(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
