"""What `recompute` finds and puts right, alone and with several processes, and what it does when one of them dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from hallpulse.domain.case import CaseEvent
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.measures import COLUMNS, ITEM_COLUMNS
from hallpulse.store import Difference, Store
from hallpulse.store.database import open_engine, pack_history, unpack_history
from hallpulse.store.recompute import recompute
from hallpulse.store.recomputing.findings import DERIVED, columns_of
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream

PROCESSES = 2
"""As many as regions, of which each has more than half of a share: the cases of both are divided."""
CHANGES = {
    "ledger": "time = time + 1",
    "item_spans": "name = name || '*'",
    "item_cells": f"{ITEM_COLUMNS[0]} = {ITEM_COLUMNS[0]} + 1",
    "tallies": "accepted = accepted + 1",
    "figures": "numerator = numerator + 1",
    "cases": "elapsed = 99",
    "cells": "timed = timed + 1",
    "hall_days": "late = late + 1",
}
SOME = {"item_cells": f"WHERE {ITEM_COLUMNS[0]} <> 0", "cells": "WHERE received > 0"}
WAITING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
OF_HALLS = ("ledger", "tallies", "cases", "cells", "hall_days")


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return stream(31, 1200)


@pytest.fixture
def engine(store: Store, store_url: str, events: list[dict[str, Any]]) -> Iterator[Engine]:
    """Of a database that holds some of everything in two regions."""
    merge_all(store, decoded(events), 300)
    opened = open_engine(store_url)
    yield opened
    opened.dispose()


def change(connection: Connection, table: str) -> None:
    connection.execute(text(f"UPDATE {table} SET {CHANGES[table]} WHERE ctid = ({_one(table)})"))


def delete(connection: Connection, table: str) -> None:
    connection.execute(text(f"DELETE FROM {table} WHERE ctid = ({_one(table)})"))


def add_of_another_region(connection: Connection, table: str) -> None:
    _add(connection, table, "region = 110101")


def add_of_another_hall(connection: Connection, table: str) -> None:
    if table in OF_HALLS:
        _add(connection, table, "hall = 'nowhere'")


def _one(table: str) -> str:
    return f"SELECT ctid FROM {table} {SOME.get(table, '')} LIMIT 1"


def _add(connection: Connection, table: str, difference: str) -> None:
    connection.execute(text(f"CREATE TEMP TABLE one AS SELECT * FROM {table} WHERE ctid = ({_one(table)})"))
    connection.execute(text(f"UPDATE one SET {difference}"))
    connection.execute(text(f"INSERT INTO {table} SELECT * FROM one"))
    connection.execute(text("DROP TABLE one"))


def damage(engine: Engine, how: Callable[[Connection, str], None]) -> None:
    with engine.begin() as connection:
        for table in DERIVED:
            how(connection, table)


def contents(engine: Engine) -> dict[str, set[tuple[object, ...]]]:
    """Every derived row, but for sums that are all zero; of a history its events in any order."""
    sums = {"cells": COLUMNS, "item_cells": ITEM_COLUMNS}
    found = {}
    with engine.begin() as connection:
        for table in DERIVED:
            where = (
                f"WHERE ({', '.join(sums[table])}) <> ({', '.join('0' for _ in sums[table])})" if table in sums else ""
            )
            names = ", ".join(f'"{name}"' for name in columns_of(table))
            rows = [tuple(row) for row in connection.execute(text(f"SELECT {names} FROM {table} {where}"))]
            found[table] = {
                (*row[:-1], frozenset(unpack_history(row[-1]))) if table == "cases" else row for row in rows
            }
    return found


def tables(found: list[Difference]) -> set[str]:
    return {difference.table for difference in found}


@pytest.mark.parametrize("how", [change, delete, add_of_another_region, add_of_another_hall])
def test_a_wrong_row_of_any_derived_table_is_found_and_put_right(
    engine: Engine, how: Callable[[Connection, str], None]
) -> None:
    before = contents(engine)
    assert recompute(engine, "me", check=True) == []
    damage(engine, how)
    damaged = contents(engine)
    found = recompute(engine, "me", check=True)
    assert tables(found) == (set(OF_HALLS) if how is add_of_another_hall else set(DERIVED))
    assert contents(engine) == damaged
    assert recompute(engine, "me", check=False) == found
    assert contents(engine) == before
    assert recompute(engine, "me", check=True) == []


def test_several_processes_find_and_put_right_what_one_does(engine: Engine) -> None:
    before = contents(engine)
    assert recompute(engine, "me", check=True, workers=PROCESSES) == []
    for how in (change, delete, add_of_another_region, add_of_another_hall):
        damage(engine, how)
    found = recompute(engine, "me", check=True)
    assert recompute(engine, "me", check=True, workers=PROCESSES) == found
    assert recompute(engine, "me", check=False, workers=PROCESSES) == found
    assert contents(engine) == before


def test_everything_derived_can_be_made_from_the_events_alone(engine: Engine) -> None:
    before = contents(engine)
    with engine.begin() as connection:
        for table in DERIVED:
            connection.execute(text(f"TRUNCATE {table}"))
    assert tables(recompute(engine, "me", check=False, most=3)) == set(DERIVED)
    assert contents(engine) == before


def test_a_history_that_lacks_an_event_or_has_another_is_found_and_put_right(engine: Engine) -> None:
    """Such a case may look right until its next event comes: then it is folded from its history."""
    before = contents(engine)
    with engine.begin() as connection:
        case, history = connection.execute(text("SELECT case_id, history FROM cases ORDER BY 1 LIMIT 1")).one()
        first, *others = unpack_history(history)
        wrong = pack_history([*others, CaseEvent(10, 1, b"\xffmade up")])
        connection.execute(text("UPDATE cases SET history = :h WHERE case_id = :c"), {"h": wrong, "c": case})
    (found,) = recompute(engine, "me", check=True)
    assert (found.table, found.key.split("/")[2]) == ("cases", case)
    assert "made up" in str(found.stored)
    assert str(first) in str(found.rebuilt)
    assert recompute(engine, "me", check=False) == [found]
    assert contents(engine) == before


def test_the_order_in_which_a_history_has_its_events_is_no_difference(engine: Engine) -> None:
    with engine.begin() as connection:
        for region, hall, case, history in connection.execute(text("SELECT region, hall, case_id, history FROM cases")):
            connection.execute(
                text("UPDATE cases SET history = :b WHERE (region, hall, case_id) = (:r, :h, :c)"),
                {"b": pack_history(unpack_history(history)[::-1]), "r": region, "h": hall, "c": case},
            )
    assert recompute(engine, "me", check=True) == []


def test_a_check_sees_one_moment_while_merges_go_on(store: Store, store_url: str, events: list[dict[str, Any]]) -> None:
    merging = threading.Thread(target=merge_all, args=(store, decoded(events), 20))
    engine = open_engine(store_url)
    merging.start()
    checks = 0
    while merging.is_alive():
        assert recompute(engine, "me", check=True, workers=1 + checks % 2) == []
        checks += 1
    merging.join()
    assert checks > 1
    engine.dispose()


def test_progress_ends_with_all_events(engine: Engine) -> None:
    for workers in (1, PROCESSES):
        told: list[tuple[int, int]] = []
        recompute(engine, "me", check=True, workers=workers, progress=lambda *now, told=told: told.append(now))
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        with engine.begin() as connection:
            stored = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
        assert told[-1] == (stored, stored)


def workers() -> list[int]:
    """Processes that this one has started to recompute."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"hallpulse.store.recomputing" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
    return found


def test_a_worker_that_is_killed_ends_it_with_one_line_and_changes_nothing(engine: Engine) -> None:
    damage(engine, change)
    damaged = contents(engine)

    def kill(_: Connection) -> None:
        os.kill(workers()[0], signal.SIGKILL)

    with striking_when_workers_wait(engine, kill), pytest.raises(Unavailable) as error:
        recompute(engine, "me", check=False, workers=2)
    assert str(error.value) == "recompute: a worker process was killed by SIGKILL before its work was done"
    assert workers() == []
    assert contents(engine) == damaged


def test_a_worker_that_loses_the_database_ends_it_with_one_line(engine: Engine) -> None:
    def cut(connection: Connection) -> None:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {WAITING}"))

    with striking_when_workers_wait(engine, cut), pytest.raises(Unavailable, match=r"^database: [^\n]+$"):
        recompute(engine, "me", check=True, workers=2)
    assert workers() == []


@contextmanager
def striking_when_workers_wait(engine: Engine, strike: Callable[[Connection], None]) -> Iterator[None]:
    """They wait as soon as they read the calendars, which are locked until the block ends."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.01):
            with engine.begin() as connection:
                if connection.execute(text(f"SELECT count(*) {WAITING}")).scalar_one():
                    strike(connection)
                    return

    striker = threading.Thread(target=work)
    with engine.begin() as holding:
        holding.execute(text("LOCK TABLE calendars"))
        striker.start()
        try:
            yield
        finally:
            over.set()
            striker.join()
