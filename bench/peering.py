"""Section `peers`: alternatives that a user would write or choose, on the same queues, in turns with our ingest."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

import psycopg

from bench.checking import WrongFigures
from bench.filling import fill
from bench.grounds import Grounds, Lane
from bench.ingesting import ingest
from bench.options import Options
from bench.peers.tables import COUNTED, SCHEMA, counted_as
from bench.quiet import wait_for_calm
from bench.streams import CHECKOUT, Message, Stream, county_stream, messages
from bench.tables import Row, show, spread
from hallpulse.contract.encode import event_json

WAIT_SECONDS = 300.0
OURS = "hallpulse: one message an event"
NEEDED = ("celery", "faststream", "asyncpg", "psycopg2")


@dataclass(frozen=True)
class Peer:
    """An alternative. command: returns the command for the URLs of broker and database; events: enough for seconds."""

    name: str
    command: Callable[[str, str], Sequence[str]]
    events: int
    as_sent: Callable[[Message], Message] = lambda message: message


def peers() -> tuple[Peer, ...]:
    from bench.peers.celery_task import PREFETCH_A_PROCESS, PROCESSES, as_task  # noqa: PLC0415

    celery = ("-m", "celery", "-A", "bench.peers.celery_task", "worker", f"--concurrency={PROCESSES}")
    lean = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR")
    return (
        Peer("nameko handler + SQLAlchemy ORM", lambda *urls: ("-m", "bench.peers.nameko_orm", *urls), 4000),
        Peer(f"Celery task, prefetch {PREFETCH_A_PROCESS} a process", lambda *_: (*celery, *lean), 4000, as_task),
        Peer("FastStream + asyncpg", lambda *urls: ("-m", "bench.peers.faststream_asyncpg", *urls), 8000),
    )


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SystemExit(f"peers: {', '.join(missing)} not installed: uv sync --all-extras --group bench")
    stream = county_stream(options.events)
    rates: dict[str, list[float]] = defaultdict(list)
    with grounds.catalogued(stream) as template:
        for _ in range(options.rounds):
            wait_for_calm(options.patience)
            rates[OURS].append(_ours(grounds, template, stream))
            for peer in peers():
                rates[peer.name].append(_theirs(grounds, peer, stream.first(peer.events)))
    _show(rates, options.rounds)
    return {name: {"events_a_second": median(found), "rounds": found} for name, found in rates.items()}


def _ours(grounds: Grounds, template: str, stream: Stream) -> float:
    with grounds.lane() as lane, grounds.postgres.fresh_database(template) as url:
        fill(lane.publisher_url, messages(stream.events))
        return ingest(grounds, lane, url, stream.distinct).rate


def _theirs(grounds: Grounds, peer: Peer, stream: Stream) -> float:
    """Return events a second between the first and the last event seen stored, so that the start does not count."""
    with (
        grounds.lane() as lane,
        grounds.postgres.fresh_database() as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute(SCHEMA.encode())
        fill(lane.publisher_url, [peer.as_sent(message) for message in messages(stream.events)])
        with _running(peer, lane, url):
            rate = _rate(connection, stream.distinct)
        _check(connection, stream)
    return rate


@contextlib.contextmanager
def _running(peer: Peer, lane: Lane, url: str) -> Iterator[None]:
    """Run an alternative during the block; show its output if the block fails."""
    environment = {**os.environ, "PEER_AMQP_URL": lane.amqp_url, "PEER_DATABASE_URL": url}
    command = [sys.executable, "-W", "ignore", *peer.command(lane.amqp_url, url)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=said, stderr=said)
        try:
            yield
        except BaseException:
            said.seek(0)
            print(said.read()[-3000:], file=sys.stderr)
            raise
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


def _rate(connection: psycopg.Connection[Any], wanted: int) -> float:
    began, first, until = 0.0, 0, time.monotonic() + WAIT_SECONDS
    while (stored := _stored(connection)) < wanted:
        if stored and not first:
            began, first = time.monotonic(), stored
        if time.monotonic() > until:
            raise RuntimeError(f"stored {stored} of {wanted} events")
        time.sleep(0.05)
    return (wanted - first) / (time.monotonic() - began)


def _check(connection: psycopg.Connection[Any], stream: Stream) -> None:
    """Raise WrongFigures if the counts of the days do not add up to the events."""
    distinct = {(event.region, event.hall, event.id): event for event in stream.events}.values()
    expected = sum(counted_as(event_json(event)) is not None for event in distinct)
    row = connection.execute(f"SELECT sum({' + '.join(COUNTED)}) FROM peer_days".encode()).fetchone()
    if row is None or row[0] != expected:
        raise WrongFigures(f"a peer counted {row} events of {expected}")


def _stored(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM peer_events").fetchone()
    return int(row[0]) if row else 0


def _show(rates: dict[str, list[float]], rounds: int) -> None:
    ours = rates[OURS]
    rows = [
        Row(name, (spread(found), f"{median(a / b for a, b in zip(ours, found, strict=True)):,.1f} times"))
        for name, found in rates.items()
    ]
    note = "a peer's job is smaller than the suite's: no corrections, no retractions, no working days, no item versions"
    show(f"peers: medians of {rounds} rounds in turns", ("events/s", "hallpulse is ahead"), rows, note)
