"""`python -m services.ingest`: events from the broker into the database, until SIGTERM."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback

from prometheus_client import start_http_server

from hallpulse.broker import GATEWAY_USER, Consumer, ConsumerLimits, user_of
from hallpulse.calendars import CalendarError
from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import IngestMetrics, new_registry
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import open_store
from services.ingest.calendars import CalendarWatch
from services.ingest.pipeline import Pipeline


def run(settings: Settings) -> None:
    """Consume until a signal. Raises HallpulseError where the broker or the database says no for good."""
    store = open_store(settings.database_url, pool_size=2, service="ingest")
    registry = new_registry()
    metrics = IngestMetrics(registry)
    pipeline = Pipeline(store, metrics, frozenset({GATEWAY_USER, user_of(settings.amqp_url)}))
    limits = ConsumerLimits(settings.partitions, settings.batch_events, settings.batch_seconds)
    consumer = Consumer(settings.amqp_url, pipeline.decode, pipeline.commit, limits, say)
    metrics.lag_from(consumer.lag)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    watch = CalendarWatch(store, settings.calendars, say)
    watch.apply()
    watch.start()
    server, _ = start_http_server(settings.metrics_port, settings.host, registry)
    gc.freeze()  # what is loaded by now stays: collections need not look at it again
    gc.set_threshold(100_000, 20, 100)  # a batch is some ten thousand objects that no cycle holds: look seldom
    say("ready")
    try:
        consumer.run()
    finally:
        watch.stop()
        server.shutdown()
        store.close()


def say(text: str) -> None:
    print(f"ingest: {text}", file=sys.stderr, flush=True)


def main() -> int:
    try:
        run(settings_from(os.environ))
    except (CalendarError, HallpulseError, SettingsError, OSError) as error:
        say(" ".join(str(error).split()))
        return 1
    except Exception as error:  # nothing of it was acknowledged
        say(own_fault(error))
        return 1
    return 0


def own_fault(error: Exception) -> str:
    """What was not foreseen, in one line: with the place where it happened."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"stopped by a fault of its own: {type(error).__name__}: {text} ({place.filename}:{place.lineno})"


if __name__ == "__main__":
    sys.exit(main())
