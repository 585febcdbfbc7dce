"""The parts of a batch, each on a database of its own, are merged at the same time; none needs another to be stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import Halt, Outdated, Unavailable
from hallpulse.domain.succession import Succession
from hallpulse.plans import load_plans
from hallpulse.store import Expected, MergeOutcome, Store, open_store
from hallpulse.store.database import open_engine
from hallpulse.store.in_force import ContextCache
from hallpulse.store.placing import BatchPart, PartThreads, merge_parts
from services.local import ports
from tests.asked import ASKED
from tests.gateway_ground import PLANS
from tests.ingesting import stored, wait_until
from tests.integration.test_exactness import wrong
from tests.merging import NOW, decoded
from tests.oracle import brute
from tests.oracle.streams import stream
from tests.servers import PostgresServer

REGIONS = ("222424", "222401", "220202")
ARRIVED = int(NOW.timestamp() * 1_000_000)


def away() -> Engine:
    """A worker that does not answer."""
    return open_engine(f"postgresql://nobody@127.0.0.1:{ports.choose(['postgres'])['postgres']}/away")


@pytest.fixture
def workers(postgres: PostgresServer, template: str) -> Iterator[list[Store]]:
    """A database for each region, as if each lay on a worker of its own."""
    with ExitStack() as stack:
        urls = [stack.enter_context(postgres.fresh_database(template)) for _ in REGIONS]
        opened = [open_store(url, plans=[ASKED, *load_plans(PLANS)]) for url in urls]
        yield opened
        for store in opened:
            store.close()


@pytest.fixture
def threads() -> Iterator[PartThreads]:
    opened = PartThreads()
    yield opened
    opened.close()


def parted(workers: Sequence[Store], events: Sequence[HallEvent]) -> list[BatchPart]:
    """The events of each region with its worker."""
    return [
        BatchPart(worker._engine, [event for event in events if event.region == int(region)])
        for worker, region in zip(workers, REGIONS, strict=True)
    ]


def merged(
    parts: Sequence[BatchPart], threads: PartThreads, successions: Sequence[Succession] | None = None
) -> MergeOutcome:
    return merge_parts(parts, threads, ContextCache(), ARRIVED, Expected.ANYTHING, successions=successions)


def hold(engine: Engine) -> psycopg.Connection[Any]:
    """Keep every merge of a database waiting until the connection is closed."""
    connection = psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
    connection.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
    return connection


def test_the_parts_of_a_batch_give_each_worker_the_figures_of_its_region(
    workers: list[Store], threads: PartThreads
) -> None:
    raw = stream(71, 1500, REGIONS)
    events = decoded(raw)
    outcomes = [merged(parted(workers, events[start : start + 150]), threads) for start in range(0, len(events), 150)]
    distinct = {(event.region, event.hall, event.id) for event in events}
    assert sum(len(outcome.new) for outcome in outcomes) == len(distinct)
    assert sum(len(one) for outcome in outcomes for one in (outcome.new, outcome.duplicates, outcome.reused)) == len(
        events
    )
    for worker, region in zip(workers, REGIONS, strict=True):
        own = [event for event in raw if event["source"].startswith(f"/{region}/")]
        assert wrong(worker, own, brute.read(own)) == []
        assert worker.recompute(check=True) == []


@pytest.mark.parametrize("held", range(len(REGIONS)))
def test_a_part_is_stored_while_another_one_still_waits(workers: list[Store], threads: PartThreads, held: int) -> None:
    parts = parted(workers, decoded(stream(72, 300, REGIONS)))
    free = [store for number, store in enumerate(workers) if number != held]
    with ThreadPoolExecutor(1) as beside, hold(parts[held].engine):
        outcome = beside.submit(merged, parts, threads)
        wait_until(lambda: all(stored(store) for store in free))
        assert not outcome.done()
    assert len(outcome.result().new) == sum(map(stored, workers))
    assert stored(workers[held]) > 0


@pytest.mark.parametrize("lost", range(len(REGIONS)))
def test_a_part_that_fails_takes_no_other_with_it_and_the_batch_is_whole_when_it_comes_again(
    workers: list[Store], threads: PartThreads, lost: int
) -> None:
    events = decoded(stream(73, 300, REGIONS))
    parts = parted(workers, events)
    torn = [part._replace(engine=away()) if number == lost else part for number, part in enumerate(parts)]
    with pytest.raises(Unavailable):
        merged(torn, threads)
    assert [stored(store) == 0 for store in workers] == [number == lost for number in range(len(REGIONS))]
    again = merged(parts, threads)
    assert {event.region for event in again.new} == {int(REGIONS[lost])}
    assert {event.region for event in again.duplicates} >= {int(one) for one in REGIONS} - {int(REGIONS[lost])}
    assert sum(map(stored, workers)) == len({(event.region, event.hall, event.id) for event in events})
    assert merged(parts, threads).new == []


def test_what_a_person_must_see_comes_before_what_may_be_tried_again(
    workers: list[Store], threads: PartThreads, database_url: str
) -> None:
    first, second, third = parted(workers, decoded(stream(74, 60, REGIONS)))
    without_tables = open_engine(database_url)
    with pytest.raises(Halt, match="run the migrations"):
        merged([first._replace(engine=away()), second, third._replace(engine=without_tables)], threads)
    assert stored(workers[1]) > 0
    without_tables.dispose()


def test_codes_that_changed_on_one_worker_tear_the_batch_there_alone(
    workers: list[Store], threads: PartThreads
) -> None:
    declared = [Succession(220302, 220303, date(2026, 6, 15), False, "吉政函〔2026〕1号", "划出部分街道")]
    parts = parted(workers, decoded(stream(75, 60, REGIONS)))
    workers[2].codes.declare(declared)
    with pytest.raises(Outdated):
        merged(parts, threads, successions=[])
    assert [stored(store) > 0 for store in workers] == [True, True, False]
    for store in workers[:2]:
        store.codes.declare(declared)
    assert {event.region for event in merged(parts, threads, successions=declared).new} == {int(REGIONS[2])}


def test_more_batches_at_once_than_there_are_threads_all_end(workers: list[Store]) -> None:
    few, events = PartThreads(2), decoded(stream(76, 600, REGIONS))
    batches = [parted(workers, events[start::6]) for start in range(6)]
    begin = threading.Barrier(len(batches))

    def work(parts: list[BatchPart]) -> int:
        begin.wait()
        return len(merged(parts, few).new)

    with ThreadPoolExecutor(len(batches)) as beside:
        turned = [parts[turn % 3 :] + parts[: turn % 3] for turn, parts in enumerate(batches)]
        new = sum(beside.map(work, turned))
    few.close()
    assert new == sum(map(stored, workers)) == len({(event.region, event.hall, event.id) for event in events})
