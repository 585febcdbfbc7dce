"""Count what PostgreSQL writes and reads during a measurement: write-ahead log, pages, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

_COUNTERS = """
    SELECT wal_bytes::float8, wal_fpi::float8,
           (SELECT sum(coalesce(reads, 0))::float8 FROM pg_stat_io WHERE object = 'relation'),
           (SELECT sum(coalesce(writes, 0))::float8 FROM pg_stat_io WHERE object = 'relation'),
           (SELECT (num_timed + num_requested)::float8 FROM pg_stat_checkpointer)
    FROM pg_stat_wal
"""
NAMES = ("log bytes", "full pages", "page reads", "page writes", "checkpoints")


class Counters:
    """Counts from its creation to `read`.

    It begins with a checkpoint, so that each page's first change is logged in full, as in production.
    """

    def __init__(self, database_url: str) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        self._connection.execute("CHECKPOINT")
        self._before = self._now()

    def read(self) -> Mapping[str, float]:
        found = {name: now - before for name, now, before in zip(NAMES, self._now(), self._before, strict=True)}
        self._connection.close()
        return found

    def _now(self) -> tuple[float, ...]:
        self._connection.execute("SELECT pg_stat_force_next_flush()")
        return self._connection.execute(_COUNTERS.encode()).fetchone() or (0.0,) * len(NAMES)
