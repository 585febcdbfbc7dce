"""`recompute` on a cluster: wrong rows on any worker are found and put right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from hallpulse.store import Store
from hallpulse.store.database import open_engine
from hallpulse.store.recompute import recompute
from hallpulse.store.recomputing.findings import DERIVED, key_of
from tests.citus_cluster import VARIABLE, CitusCluster, cluster_url
from tests.integration.test_recompute import CHANGES, SOME, contents, tables
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream

pytestmark = pytest.mark.skipif(cluster_url() is None, reason=f"{VARIABLE} names no cluster (docs/citus.md)")


def of_one_row(connection: Connection, table: str) -> tuple[str, dict[str, object]]:
    """A condition of one row, by its whole key: on Citus no other name holds for a row of all shards."""
    key = key_of(table)
    names = ", ".join(key)
    row = connection.execute(text(f"SELECT {names} FROM {table} {SOME.get(table, '')} LIMIT 1")).one()
    return " AND ".join(f"{name} = :{name}" for name in key), dict(zip(key, row, strict=True))


def change(connection: Connection, table: str) -> None:
    where, values = of_one_row(connection, table)
    connection.execute(text(f"UPDATE {table} SET {CHANGES[table]} WHERE {where}"), values)


def delete(connection: Connection, table: str) -> None:
    where, values = of_one_row(connection, table)
    connection.execute(text(f"DELETE FROM {table} WHERE {where}"), values)


@pytest.mark.parametrize("how", [change, delete])
def test_a_wrong_row_on_any_worker_is_found_and_put_right(
    postgres: CitusCluster, store: Store, store_url: str, how: Callable[[Connection, str], None]
) -> None:
    assert postgres.workers
    merge_all(store, decoded(stream(31, 800)), 200)
    engine = open_engine(store_url)
    before = contents(engine)
    with engine.begin() as connection:
        for table in DERIVED:
            how(connection, table)
    damaged = contents(engine)
    found = recompute(engine, "me", check=True)
    assert tables(found) == set(DERIVED)
    assert recompute(engine, "me", check=True, workers=2) == found
    assert contents(engine) == damaged
    assert recompute(engine, "me", check=False, workers=2) == found
    assert contents(engine) == before
    assert recompute(engine, "me", check=True) == []
    engine.dispose()
