"""The same events in two batches that are committed at once count once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from hallpulse.domain.figures import Figure
from hallpulse.store import Expected, MergeOutcome, Store
from hallpulse.store.locks import _HALL, _hall_key
from tests.ingesting import wait_until
from tests.integration.test_store import COUNTY, YEAR, case
from tests.merging import NOW, decoded
from tests.moments import ask

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def watcher(store_url: str) -> Iterator[psycopg.Connection[tuple[int]]]:
    with psycopg.connect(store_url, autocommit=True) as connection:
        yield connection


def waiting(watcher: psycopg.Connection[tuple[int]]) -> int:
    row = watcher.execute(WAITING).fetchone()
    return row[0] if row else 0


@pytest.mark.parametrize("expected", Expected)
def test_doubles_of_events_that_are_just_being_stored_count_once(
    store: Store, store_url: str, watcher: psycopg.Connection[tuple[int]], expected: Expected
) -> None:
    events = decoded([*case(1), *case(2)])
    outcomes: list[MergeOutcome] = []
    threads = [threading.Thread(target=lambda: outcomes.append(store.merge(events, NOW, expected))) for _ in range(3)]
    with psycopg.connect(store_url) as holder:
        key = _hall_key(222424, "hall-1")
        holder.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_HALL, key))
        for number, thread in enumerate(threads, 1):
            thread.start()
            wait_until(lambda number=number: waiting(watcher) == number)  # the first for the hall, the others for it
    for thread in threads:
        thread.join(30)
    assert sorted(len(outcome.new) for outcome in outcomes) == [0, 0, 4]
    assert sorted(len(outcome.duplicates) for outcome in outcomes) == [0, 4, 4]
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(8, 2)
    assert ask(store).event_counts(222424) == {"hall-1": 4}
    assert store.recompute(check=True) == []
