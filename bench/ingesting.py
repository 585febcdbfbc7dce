"""The suite's own `python -m services.ingest`, one process or several, from filled queues to stored events."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from bench.grounds import PARTITIONS, Grounds, Lane
from bench.streams import CHECKOUT
from bench.usage import Meter, Usage
from services.console.suite import ports

STALL_SECONDS = 60.0
_STORED = "SELECT coalesce(sum(events), 0)::bigint FROM hall_days"


@dataclass(frozen=True)
class Ingested:
    """events: new ones, in so many seconds from the moment at which the workers were ready."""

    events: int
    seconds: float
    usage: Usage

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def ingest(grounds: Grounds, lane: Lane, database_url: str, expected: int, workers: int = 1) -> Ingested:
    """Run workers until so many new events are stored. Raises RuntimeError where they come to a stand before."""
    with psycopg.connect(database_url, autocommit=True) as connection, contextlib.ExitStack() as stack:
        before = _stored(connection)
        processes = [stack.enter_context(worker(lane.amqp_url, database_url)) for _ in range(workers)]
        pids = {f"ingest {number}": process.pid for number, process in enumerate(processes, 1)}
        meter = Meter({**grounds.pids, **pids})
        _wait(connection, before + expected, before)
        usage = meter.read()
    return Ingested(expected, usage.seconds, usage)


@contextlib.contextmanager
def worker(amqp_url: str, database_url: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that has said it is ready."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HALLPULSE_")},
        "HALLPULSE_AMQP_URL": amqp_url,
        "HALLPULSE_DATABASE_URL": database_url,
        "HALLPULSE_CALENDARS": str(CHECKOUT / "calendars"),
        "HALLPULSE_METRICS_PORT": str(ports.choose(["metrics"])["metrics"]),
        "HALLPULSE_PARTITIONS": str(PARTITIONS),
    }
    command = [sys.executable, "-m", "services.ingest"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        _wait_ready(process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == "ingest: ready":
            threading.Thread(target=_pass_on, args=(process,), daemon=True).start()
            return
        print(line, end="", file=sys.stderr)
    raise RuntimeError("the ingest ended before it was ready")


def _pass_on(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        print(line, end="", file=sys.stderr)


def _wait(connection: psycopg.Connection[tuple[int]], wanted: int, before: int) -> None:
    """Ask seldom at first, often near the end: the asking must not cost what is measured."""
    began = moved = time.monotonic()
    last = before
    while (stored := _stored(connection)) < wanted:
        now = time.monotonic()
        if stored > last:
            last, moved = stored, now
        elif now - moved > STALL_SECONDS:
            raise RuntimeError(f"stored {stored - before} of {wanted - before} events, and no more since a minute")
        rate = (stored - before) / (now - began) if stored > before else 0.0
        time.sleep(min(0.5, max(0.005, (wanted - stored) / rate / 3)) if rate else 0.05)


def _stored(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute(_STORED).fetchone()
    return row[0] if row else 0
