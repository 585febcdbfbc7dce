"""Measure the disk space of stored events, and how fast everything is rebuilt from them."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psycopg

from hallpulse.store import open_store

TABLES = ("events", "cases", "cells", "ledger", "hall_days", "item_spans", "item_cells")
_SIZE = "SELECT pg_table_size(%s::regclass), pg_indexes_size(%s::regclass)"


def stored_events(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM events").fetchone()
        return int(row[0]) if row else 0


def bytes_an_event(database_url: str) -> Mapping[str, float]:
    """Return the bytes an event of each table and its indexes, and their sum. Free space inside them counts."""
    events = stored_events(database_url)
    found: dict[str, float] = {}
    with psycopg.connect(database_url) as connection:
        for table in TABLES:
            row = connection.execute(_SIZE, (table, table)).fetchone()
            assert row is not None
            found[table], found[f"{table}: indexes"] = row[0] / events, row[1] / events
    return {"all": sum(found.values()), **found}


def recompute_rate(database_url: str) -> float:
    """Return events a second of `recompute --check`. Raises RuntimeError if it finds a difference."""
    store = open_store(database_url, pool_size=1)
    began = time.monotonic()
    differences = store.recompute(check=True)
    seconds = time.monotonic() - began
    store.close()
    if differences:
        raise RuntimeError(f"{len(differences)} differences, such as {differences[0]}")
    return stored_events(database_url) / seconds
