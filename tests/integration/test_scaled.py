"""Partitions from 2 to 8 and back to 4, workers from 1 to 4 and back to 2, while events come: each is stored once.

`make scaled` runs it; SEED=n repeats a run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from hallpulse.broker.topology import REFUSED, queue_names
from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Store
from tests.ingest_process import metric, running, settings
from tests.ingesting import publish, publishing, routing_key, wait_until
from tests.integration.test_given_back import waiting
from tests.integration.test_successions import WINDOWS
from tests.oracle import brute
from tests.oracle.streams import stream
from tests.servers import Vhost

pytestmark = pytest.mark.skipif(not os.environ.get("SCALED"), reason="some minutes: `make scaled`")
COUNTIES = ("222424", "222401", "222402", "222403")
EVENTS = 10_000
A_SECOND = 100
PATIENCE = 300.0
Worker = tuple[subprocess.Popen[str], dict[str, str]]


CHANGES = [
    (2, 4, signal.SIGTERM),
    *[(8, 4, signal.SIGTERM)] * 4,
    *[(8, 4, signal.SIGKILL)] * 2,
    *[(4, 2, signal.SIGTERM)] * 2,
]
"""Partitions of the worker that is started, workers afterwards, and the signal that ends the oldest ones."""


class Workers:
    """Ingest processes, the oldest first."""

    def __init__(self, stack: ExitStack, vhost: Vhost, store_url: str) -> None:
        self._stack = stack
        self._addresses = vhost.amqp_url, store_url
        self._running: list[Worker] = []
        self.shares: list[int] = []

    def start(self, partitions: int) -> None:
        environment = {**settings(*self._addresses), "HALLPULSE_PARTITIONS": str(partitions)}
        self._running.append((self._stack.enter_context(running(environment)), environment))

    def end(self, by: signal.Signals) -> None:
        """End the oldest, and note how many events it stored."""
        process, environment = self._running.pop(0)
        self.shares.append(int(metric(environment, "hallpulse_events_total")))
        process.send_signal(by)
        status = process.wait(60)
        assert status == (0 if by is signal.SIGTERM else -by)

    def __len__(self) -> int:
        return len(self._running)

    def stored(self) -> list[int]:
        return [int(metric(environment, "hallpulse_events_total")) for _, environment in self._running]

    def handled(self) -> list[float]:
        """New events and those that came again."""
        names = "hallpulse_events_total", "hallpulse_events_duplicate_total"
        return [metric(environment, name) for _, environment in self._running for name in names]


@contextmanager
def load(vhost: Vhost, events: Sequence[dict[str, Any]]) -> Iterator[list[int]]:
    """Publish the events at an even pace, and all of them again until the block ends; the list holds their number."""
    over, failed, sent = threading.Event(), list[BaseException](), [0]

    def send() -> None:
        began = time.monotonic()
        try:
            with publishing(vhost) as channel:
                while not over.is_set() or sent[0] < len(events):
                    event = events[sent[0] % len(events)]
                    publish(channel, event, routing_key(event), user_id=vhost.user)
                    sent[0] += 1
                    time.sleep(max(0.0, began + sent[0] / A_SECOND - time.monotonic()))
        except BaseException as error:
            failed.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield sent
    finally:
        over.set()
        sending.join()
        assert failed == []


def test_more_and_fewer_partitions_and_workers_under_load_lose_nothing_and_count_nothing_twice(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    events = stream(int(os.environ.get("SEED", "211")), EVENTS, COUNTIES)
    distinct = len({(event["source"], event["id"]) for event in events})
    with ExitStack() as stack:
        workers = Workers(stack, vhost, store_url)
        workers.start(2)
        with load(vhost, events) as sent:
            for partitions, count, by in CHANGES:
                _change(workers, partitions, count, by)
                print(
                    f"{partitions} partitions, {count} workers, {by.name}: sent {sent[0]:,}, stored {all_of(store):,}"
                )
                wait_until(lambda: took(workers), PATIENCE)
        wait_until(lambda: all_of(store) == distinct, PATIENCE)
        wait_until(lambda: waiting(vhost, [*queue_names(8), REFUSED]) == 0, PATIENCE)
        print(f"sent {sent[0]:,}, different {distinct:,}")
        print(f"stored by those that ended {workers.shares}, by the last {workers.stored()}")
    reading = brute.read(events)
    with store.read() as moment:
        for region in (*COUNTIES, "222400"):
            for start, end in WINDOWS:
                found = moment.figures(Scope(int(region)), Window(start, end))
                assert brute.compare(brute.indicators(reading, region, start, end), found) == [], (region, start)
    assert store.recompute(check=True) == []


def _change(workers: Workers, partitions: int, count: int, by: signal.Signals) -> None:
    """Put a worker with so many partitions beside the others or in the place of the oldest, until there are so many."""
    workers.start(partitions)
    while len(workers) > count:
        workers.end(by)
    while len(workers) < count:
        workers.start(partitions)


def took(workers: Workers) -> bool:
    """Whether the workers have taken something since they were asked first."""
    before = sum(workers.handled())
    time.sleep(0.5)
    return sum(workers.handled()) > before


def all_of(store: Store) -> int:
    with store.read() as moment:
        return sum(sum(moment.event_counts(int(region)).values()) for region in COUNTIES)
