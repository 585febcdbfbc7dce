"""Shards that move, and a worker that is killed, while batches are merged: nothing is lost, nothing counted twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import Unavailable
from hallpulse.store import Expected, Store, open_store
from hallpulse.store.database import open_engine
from hallpulse.store.distribution import by_region, distribute
from hallpulse.store.migration import upgrade
from tests.citus_cluster import VARIABLE, CitusCluster, cluster_url
from tests.ingesting import wait_until
from tests.integration.test_exactness import wrong
from tests.integration.test_store import case
from tests.merging import NOW, decoded
from tests.oracle import brute
from tests.oracle.streams import stream

pytestmark = pytest.mark.skipif(cluster_url() is None, reason=f"{VARIABLE} names no cluster (docs/citus.md)")
SECONDS = 180.0
HOSTS = ("127.0.0.1", "localhost")


def merge_patiently(store: Store, events: Sequence[HallEvent]) -> int:
    """Merge as ingest does: again until it is done. Return how often it was tried in vain."""
    tried, until = 0, time.monotonic() + SECONDS
    while True:
        try:
            store.merge(events, NOW, Expected.ANYTHING if tried else Expected.NEW)
            return tried
        except Unavailable:
            tried += 1
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@contextmanager
def meanwhile(work: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """Repeat `work` beside the block, at least once; an error of it fails the test."""
    ended, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            work(ended)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ended
    finally:
        ended.set()
        thread.join()
    assert errors == []


def load(url: str, events: Sequence[HallEvent], batch: int, until: Callable[[], bool]) -> int:
    """Merge all events by two workers at once, each all of them twice, until both are through and `until` holds."""
    tried, errors = list[int](), list[BaseException]()

    def work(share: list[HallEvent]) -> None:
        store = open_store(url, pool_size=1)
        try:
            rounds = 0
            while rounds < 2 or not until():
                for start in range(0, len(share), batch):
                    tried.append(merge_patiently(store, share[start : start + batch]))
                rounds += 1
        except BaseException as error:
            errors.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=work, args=(list(events[half::2]),)) for half in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    return sum(tried)


def stored_twice_or_never(url: str, events: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Return how many events are stored, and how many distinct ones there are, once every worker is back."""
    wait_until(lambda: answers(url), SECONDS)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM events").fetchone()
    assert row is not None
    return row[0], len({(event["source"], event["id"]) for event in events})


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT count(*) FROM regions")
    except psycopg.OperationalError:
        return False
    return True


def placements(connection: psycopg.Connection[Any]) -> list[tuple[int, str, int]]:
    rows = connection.execute(
        "SELECT shardid, nodename, nodeport FROM citus_shards WHERE table_name = 'events'::regclass ORDER BY shardid"
    )
    return [(int(shard), str(host), int(port)) for shard, host, port in rows.fetchall()]


def test_shards_that_move_under_load_lose_and_double_nothing(
    postgres: CitusCluster, store: Store, store_url: str
) -> None:
    if len(postgres.workers) < 2:
        pytest.skip("a shard moves from one worker to another: there is only one")
    events, moved = stream(31, 3000, ("222424", "222401", "220202")), list[int]()
    luck = random.Random(31)

    def move(ended: threading.Event) -> None:
        with psycopg.connect(store_url, autocommit=True) as connection:
            while not (ended.is_set() and moved):
                shard, host, port = luck.choice(placements(connection))
                target = luck.choice([one for one in postgres.workers if one != (host, port)])
                connection.execute(
                    "SELECT citus_move_shard_placement(%s, %s, %s, %s, %s)", (shard, host, port, *target)
                )
                moved.append(shard)

    with meanwhile(move):
        load(store_url, decoded(events), 100, lambda: len(moved) >= 3)
    assert len(moved) >= 3
    stored, distinct = stored_twice_or_never(store_url, events)
    assert stored == distinct
    assert wrong(store, events, brute.read(events)) == []
    assert store.recompute(check=True) == []


def kill(url: str) -> None:
    """Kill a process of a server with a signal that it cannot catch: the server ends all others, and recovers."""
    with psycopg.connect(url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


def test_a_worker_that_is_killed_under_load_loses_and_doubles_nothing(
    postgres: CitusCluster, store: Store, store_url: str
) -> None:
    worker = postgres.nodes[1]
    if worker.host not in HOSTS:
        pytest.skip(f"the workers run on other machines, such as {worker.host}: they cannot be killed from here")
    events, killed = stream(32, 3000, ("222424", "222401", "220202")), list[int]()

    def strike(ended: threading.Event) -> None:
        while not (ended.is_set() and killed):
            ended.wait(1.0)
            try:
                kill(worker.render_as_string(hide_password=False))
            except psycopg.OperationalError:  # it is just recovering
                continue
            killed.append(1)

    with meanwhile(strike):
        tried = load(store_url, decoded(events), 100, lambda: len(killed) >= 3)
    assert tried > 0
    stored, distinct = stored_twice_or_never(store_url, events)
    assert stored == distinct
    assert wrong(store, events, brute.read(events)) == []
    assert store.recompute(check=True) == []


def test_a_merge_waits_for_what_a_worker_has_not_ended_yet(
    postgres: CitusCluster, store: Store, store_url: str
) -> None:
    assert postgres.workers
    store.merge(decoded(case(1)), NOW)
    with psycopg.connect(store_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT nodeport, shardid FROM citus_shards WHERE table_name = 'regions'::regclass"
            " AND shardid = get_shard_id_for_distribution_column('regions', 222424)"
        ).fetchone()
    assert row is not None
    port, shard = row
    node = next(node for node in postgres.nodes if node.port == port)
    done = threading.Event()

    def merge(_: threading.Event) -> None:
        store.merge(decoded(case(2)), NOW)
        done.set()

    at_worker = node.set(database=store_url.rpartition("/")[2]).render_as_string(hide_password=False)
    with psycopg.connect(at_worker, autocommit=True, options="-c citus.enable_manual_changes_to_shards=on") as worker:
        worker.execute("BEGIN")
        worker.execute(f"UPDATE regions_{shard} SET catalogue_version = catalogue_version WHERE region = 222424")
        worker.execute("PREPARE TRANSACTION 'not ended yet'")
        try:
            with meanwhile(merge):
                assert not done.wait(2.0)
                worker.execute("COMMIT PREPARED 'not ended yet'")
                assert done.wait(60.0)
        finally:
            left = worker.execute("SELECT gid FROM pg_prepared_xacts WHERE gid = 'not ended yet'").fetchall()
            for _ in left:
                worker.execute("ROLLBACK PREPARED 'not ended yet'")
    assert store.recompute(check=True) == []


def test_tables_are_spread_once_and_again_after_a_migration(postgres: CitusCluster, store_url: str) -> None:
    assert postgres.workers
    engine = open_engine(store_url)
    try:
        assert distribute(engine) == []
        with psycopg.connect(store_url, autocommit=True) as connection:
            connection.execute("SELECT undistribute_table('sent_sums')")  # as a table that a migration has just made
            connection.execute("SELECT create_distributed_table('notices', 'region')")  # as an earlier version did
        upgrade(engine)
        with psycopg.connect(store_url, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT CAST(logicalrelid AS text), colocationid FROM pg_dist_partition WHERE partmethod = 'h'"
            ).fetchall()
        assert {name for name, _ in rows} == set(by_region())
        assert len({group for _, group in rows}) == 1
        assert distribute(engine) == []
    finally:
        engine.dispose()
