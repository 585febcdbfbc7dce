"""Run one or several `python -m services.ingest` from filled queues until all events are stored."""

from __future__ import annotations

import contextlib
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg

from bench.grounds import PARTITIONS, Grounds, Lane
from bench.services import Service, free_port, starting, wait_for_first
from bench.streams import CHECKOUT
from bench.usage import Meter, Usage

STALL_SECONDS = 60.0
_STORED = "SELECT coalesce(sum(events), 0)::bigint FROM hall_days"


@dataclass(frozen=True)
class Ingested:
    """A measured ingest. events: new ones stored; seconds: since the first worker was ready."""

    events: int
    seconds: float
    usage: Usage

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def ingest(grounds: Grounds, lane: Lane, database_url: str, expected: int, workers: int = 1) -> Ingested:
    """Run workers until the expected number of new events is stored. Raises RuntimeError if they stop before."""
    with psycopg.connect(database_url, autocommit=True) as connection, contextlib.ExitStack() as stack:
        before = stored(connection)
        started = [stack.enter_context(worker(lane.amqp_url, database_url)) for _ in range(workers)]
        pids = {f"ingest {number}": one.process.pid for number, one in enumerate(started, 1)}
        wait_for_first(started)
        meter = Meter({**grounds.pids, **pids})
        _wait(connection, before + expected, before)
        usage = meter.read()
    return Ingested(expected, usage.seconds, usage)


def worker(amqp_url: str, database_url: str) -> AbstractContextManager[Service]:
    """Start an ingest; it is not ready yet."""
    return starting(
        "ingest",
        amqp_url=amqp_url,
        database_url=database_url,
        calendars=str(CHECKOUT / "calendars"),
        metrics_port=free_port(),
        partitions=str(PARTITIONS),
    )


def _wait(connection: psycopg.Connection[tuple[int]], wanted: int, before: int) -> None:
    """Wait until the wanted number is stored. Query seldom at first and often near the end, to disturb little."""
    began = moved = time.monotonic()
    last = before
    while (there := stored(connection)) < wanted:
        now = time.monotonic()
        if there > last:
            last, moved = there, now
        elif now - moved > STALL_SECONDS:
            raise RuntimeError(f"stored {there - before} of {wanted - before} events, and no more since a minute")
        rate = (there - before) / (now - began) if there > before else 0.0
        time.sleep(min(0.5, max(0.005, (wanted - there) / rate / 3)) if rate else 0.05)


def stored(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute(_STORED).fetchone()
    return row[0] if row else 0
