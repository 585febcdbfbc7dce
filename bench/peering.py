"""Section `peers`: alternatives that a user would write or choose, on the same queues, in turns with our ingest."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import median
from typing import Any

import psycopg

from bench import pathway_peer
from bench.checking import WrongFigures
from bench.filling import fill
from bench.grounds import PARTITIONS, Grounds, Lane
from bench.ingesting import ingest
from bench.options import Options
from bench.peers.tables import COUNTED, SCHEMA, counted_as
from bench.quiet import wait_for_calm
from bench.streams import CHECKOUT, Message, Stream, county_stream, messages
from bench.tables import Row, show, spread
from hallpulse.broker.topology import queue_names
from hallpulse.contract.encode import event_json

WAIT_SECONDS = 300.0
OURS = "hallpulse: one message an event"
OURS_IN_BATCHES = "hallpulse: batches of 100"
PATHWAY = "Pathway, two threads"
PATHWAY_IN_BATCHES = "Pathway, two threads, batches of 100"
PATHWAY_IN_MEMORY = "Pathway in memory: no broker, no database"
NEEDED = ("celery", "faststream", "asyncpg", "psycopg2")


def check(connection: psycopg.Connection[Any], stream: Stream) -> None:
    """Raise WrongFigures if the counts of the days do not add up to the events."""
    distinct = {(event.region, event.hall, event.id): event for event in stream.events}.values()
    expected = sum(counted_as(event_json(event)) is not None for event in distinct)
    row = connection.execute(f"SELECT sum({' + '.join(COUNTED)}) FROM peer_days".encode()).fetchone()
    if row is None or row[0] != expected:
        raise WrongFigures(f"a peer counted {row} events of {expected}")


@dataclass(frozen=True)
class Peer:
    """An alternative. command: returns the command for the URLs of broker and database; events: enough for seconds.

    batch: events a message; python: the interpreter; check: raises WrongFigures if what it stored is wrong.
    """

    name: str
    command: Callable[[str, str], Sequence[str]]
    events: int
    as_sent: Callable[[Message], Message] = lambda message: message
    batch: int = 1
    python: str = sys.executable
    check: Callable[[psycopg.Connection[Any], Stream], None] = check


def peers() -> tuple[Peer, ...]:
    from bench.peers.celery_task import PREFETCH_A_PROCESS, PROCESSES, as_task  # noqa: PLC0415

    celery = ("-m", "celery", "-A", "bench.peers.celery_task", "worker", f"--concurrency={PROCESSES}")
    lean = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR")
    return (
        Peer("nameko handler + SQLAlchemy ORM", lambda *urls: ("-m", "bench.peers.nameko_orm", *urls), 4000),
        Peer(f"Celery task, prefetch {PREFETCH_A_PROCESS} a process", lambda *_: (*celery, *lean), 4000, as_task),
        Peer("FastStream + asyncpg", lambda *urls: ("-m", "bench.peers.faststream_asyncpg", *urls), 8000),
    )


def pathways(events: int) -> tuple[Peer, ...]:
    """Return Pathway on single messages and on batches; none, and say so, if it is not installed."""
    if why := pathway_peer.missing():
        print(f"peers: Pathway is left out: {why}", file=sys.stderr)
        return ()

    def pathway(name: str, batch: int) -> Peer:
        given = (str(pathway_peer.PREFETCH // batch), *queue_names(PARTITIONS))
        command = lambda *urls: ("-m", pathway_peer.MODULE, *urls, *given)  # noqa: E731
        return Peer(name, command, events, batch=batch, python=str(pathway_peer.PYTHON), check=pathway_peer.check)

    return pathway(PATHWAY, 1), pathway(PATHWAY_IN_BATCHES, 100)


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SystemExit(f"peers: {', '.join(missing)} not installed: uv sync --all-extras --group bench")
    plain = county_stream(options.events)
    stream = replace(plain, events=pathway_peer.with_corrections(plain))
    found = pathways(len(stream.events))
    if found:
        _killed_and_started_again(grounds, found[0], stream)
    rates: dict[str, list[float]] = defaultdict(list)
    with grounds.catalogued(stream) as template:
        for _ in range(options.rounds):
            wait_for_calm(options.patience)
            rates[OURS].append(_ours(grounds, template, stream))
            rates[OURS_IN_BATCHES].append(_ours(grounds, template, stream, 100))
            for peer in (*found, *peers()):
                rates[peer.name].append(_theirs(grounds, peer, stream.first(peer.events)))
            if found:
                rates[PATHWAY_IN_MEMORY].append(pathway_peer.in_memory(stream))
    _show(rates, options.rounds)
    return {name: {"events_a_second": median(each), "rounds": each} for name, each in rates.items()}


def _ours(grounds: Grounds, template: str, stream: Stream, batch: int = 1) -> float:
    with grounds.lane() as lane, grounds.postgres.fresh_database(template) as url:
        fill(lane.publisher_url, messages(stream.events, batch))
        return ingest(grounds, lane, url, stream.distinct).rate


@contextlib.contextmanager
def _filled(grounds: Grounds, peer: Peer, stream: Stream) -> Iterator[tuple[Lane, str, psycopg.Connection[Any]]]:
    with (
        grounds.lane() as lane,
        grounds.postgres.fresh_database() as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute(SCHEMA.encode())
        fill(lane.publisher_url, [peer.as_sent(message) for message in messages(stream.events, peer.batch)])
        yield lane, url, connection


def _theirs(grounds: Grounds, peer: Peer, stream: Stream) -> float:
    """Return events a second between the first and the last event seen stored, so that the start does not count."""
    with _filled(grounds, peer, stream) as (lane, url, connection):
        with _running(peer, lane, url):
            rate = _rate(connection, stream.distinct)
        peer.check(connection, stream)
    return rate


def _killed_and_started_again(grounds: Grounds, peer: Peer, stream: Stream) -> None:
    """Kill a peer twice on its way and start it again. Raises WrongFigures if anything is lost or counted twice."""
    killed = []
    with _filled(grounds, peer, stream) as (lane, url, connection):
        for share in (0.3, 0.6):
            with _running(peer, lane, url) as process:
                _rate(connection, round(share * stream.distinct))
                process.kill()
            killed.append(_stored(connection))
        with _running(peer, lane, url):
            _rate(connection, stream.distinct)
            time.sleep(2)
        peer.check(connection, stream)
        if left := lane.waiting():
            raise WrongFigures(f"{peer.name}: {left} messages are stored and not acknowledged")
    print(f"{peer.name}: killed at {killed} of {stream.distinct} events and started again: none lost, none twice")


@contextlib.contextmanager
def _running(peer: Peer, lane: Lane, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an alternative during the block; show its output if the block fails."""
    environment = {**pathway_peer.environment(), "PEER_AMQP_URL": lane.amqp_url, "PEER_DATABASE_URL": url}
    command = [peer.python, "-W", "ignore", *peer.command(lane.amqp_url, url)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=said, stderr=said)
        try:
            yield process
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


def _stored(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM peer_events").fetchone()
    return int(row[0]) if row else 0


def _show(rates: dict[str, list[float]], rounds: int) -> None:
    rows = [
        Row(name, (spread(found), *(f"{_ahead(rates[ours], found):,.2f} times" for ours in (OURS, OURS_IN_BATCHES))))
        for name, found in rates.items()
    ]
    note = (
        "a peer's job is smaller than the suite's: no working days, no item versions, no late figures; "
        "Pathway takes in corrections and retractions, the other peers do not"
    )
    columns = ("events/s", "hallpulse is ahead", "hallpulse in batches is")
    show(f"peers: medians of {rounds} rounds in turns", columns, rows, note)


def _ahead(ours: list[float], found: list[float]) -> float:
    return median(a / b for a, b in zip(ours, found, strict=True))
