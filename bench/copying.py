"""COPY the rows that the suite would store for the same events, and nothing else: the most the database can take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import pack_id
from hallpulse.store.database import pack_data

BATCH = 4000
_TYPES = ("int4", "text", "bytea", "int8", "int4", "int2", "text", "bytea", "bytea", "int2", "bool")


def event_rows(events: Sequence[HallEvent]) -> list[tuple[Any, ...]]:
    """Return one row for each (source, id), because COPY has no ON CONFLICT."""
    rows = {
        (e.region, e.hall, pack_id(e.id)): (
            e.time,
            e.time // 60_000_000,
            int(e.type),
            *pack_data(e.data),
            e.extra,
            0,
            None,
        )
        for e in events
    }
    return [key + row for key, row in rows.items()]


def copy_alone(database_url: str, rows: Sequence[tuple[Any, ...]]) -> float:
    """Return rows a second into an empty table with the suite's keys, with a transaction for each batch."""
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE copied (LIKE events INCLUDING ALL)")
        connection.commit()
        began = time.monotonic()
        for start in range(0, len(rows), BATCH):
            with connection.cursor().copy("COPY copied FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(_TYPES)
                for row in rows[start : start + BATCH]:
                    copy.write_row(row)
            connection.commit()
        return len(rows) / (time.monotonic() - began)
