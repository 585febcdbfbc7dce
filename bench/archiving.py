"""Section `archive`: a county's year archived, look-ups beside it, and why `events` has no partitions by month."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from bench.grounds import Grounds
from bench.options import Options
from bench.streams import COUNTY, calendars, small_year_until_now
from bench.tables import Row, show
from hallpulse.contract.events import Family, HallEvent
from hallpulse.domain.case import pack_id
from hallpulse.store import Expected, migrate, open_archive, open_store
from hallpulse.store.archiving.event_archive import EventArchive
from hallpulse.store.archiving.packed_events import any_archived, archived_rows
from hallpulse.store.database import open_engine, transaction
from tests.servers import scratch

_CASES = 40_000
_BATCH = 4000
_ROUNDS = 5
_MONTHS = 36
_ALL = (0, 999_999)
_SIZES = (
    "SELECT (SELECT count(*) FROM events), pg_table_size('events'), pg_indexes_size('events'),"
    " pg_table_size('archived_events'), pg_indexes_size('archived_events')"
)


def run(grounds: Grounds, _options: Options) -> dict[str, Any]:
    county = small_year_until_now(_CASES, COUNTY)
    held = county.events[-_ROUNDS * _BATCH :]

    found: dict[str, Any] = {}
    with (
        scratch("archive") as folder,
        grounds.postgres.fresh_database() as url,
    ):
        _fill(url, [county.catalogue, *_batches(county.events[: -len(held)])])
        found |= _partitioned(url)
        found |= _archive(url, folder)
        of_cases = [event for event in county.events if event.type.family is Family.CASE]
        found |= _looked_up(url, held, of_cases[: _ROUNDS * _BATCH])
    _show(found, len(county.events))
    return found


def _batches(events: Sequence[HallEvent]) -> list[Sequence[HallEvent]]:
    return [events[start : start + _BATCH] for start in range(0, len(events), _BATCH)]


def _fill(url: str, batches: Sequence[Sequence[HallEvent]]) -> None:
    """Merge batches as they happened."""
    migrate(url)
    store = open_store(url)
    store.apply_calendars(calendars())
    for batch in batches:
        at = datetime.fromtimestamp(max(event.time for event in batch) / 1_000_000, UTC)
        store.merge(batch, at, Expected.NEW)
    store.close()


def _archive(url: str, folder: Path) -> dict[str, Any]:
    """Archive all but this month; measure sizes before and after, the rate, and how long merges had to wait."""
    events, heap, indexes, *_ = _row(url, _SIZES)
    archive, pauses = open_archive(url, folder), []
    real = EventArchive._move_blocks

    def timed(*given: Any) -> None:
        began = time.monotonic()
        real(*given)
        pauses.append(time.monotonic() - began)

    EventArchive._move_blocks = timed  # type: ignore[method-assign]
    now = datetime.now(UTC)
    began = time.monotonic()
    files = archive.take(date(now.year, now.month, 1), _ALL, now)
    seconds = time.monotonic() - began
    EventArchive._move_blocks = real  # type: ignore[method-assign]
    moved = sum(file.events for file in files)
    *_, packed, keys = _row(url, _SIZES)
    return {
        "archived": moved,
        "a row": heap / events,
        "its indexes": indexes / events,
        "packed": packed / moved,
        "its hashes": keys / moved,
        "Parquet": sum(file.bytes for file in files) / moved,
        "archived a second": moved / seconds,
        "longest pause": max(pauses),
        "median pause": median(pauses),
    }


def _looked_up(url: str, new: Sequence[HallEvent], old: Sequence[HallEvent]) -> dict[str, Any]:
    """Look up batches of new events as each merge does beside an archive, and of archived ones that come again."""
    engine, found = open_engine(url), {}
    for name, events in (("new", new), ("archived", old)):
        seconds = []
        for batch in _batches(events):
            keys = {(event.region, event.hall, pack_id(event.id)) for event in batch}
            with transaction(engine) as connection:
                any_archived(connection, {COUNTY})
                began = time.monotonic()
                rows = archived_rows(connection, keys)
                seconds.append((time.monotonic() - began) / len(keys) * 1e6)
            if name == "archived" and len(rows) != len(keys):
                raise RuntimeError(f"{len(rows)} of {len(keys)} archived events were found")
        found[f"{name} events looked up, each (µs)"] = median(seconds)
    engine.dispose()
    return found


def _partitioned(url: str) -> dict[str, Any]:
    """Copy the same rows into a table as it is and into one of monthly partitions, and look ids up in both."""
    partitions = "".join(
        f"CREATE TABLE parted_{n} PARTITION OF parted FOR VALUES FROM ({n * 10**14}) TO ({(n + 1) * 10**14});"
        for n in range(_MONTHS)
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE whole (LIKE events INCLUDING ALL); CREATE TABLE parted (LIKE events,"
            f" PRIMARY KEY (id, region, hall, time)) PARTITION BY RANGE (time); {partitions}".encode()
        )
        spread = (
            f"SELECT region, hall, id, abs(hashtext(id::text)) % {_MONTHS} * {10**14}::bigint + time % {10**14} AS time"
        )
        connection.execute(
            f"CREATE TABLE given AS {spread}, arrived, type, case_id, data, extra, arrived_cs, imported"
            " FROM events ORDER BY id LIMIT 100000".encode()
        )
        with connection.cursor().copy(b"COPY (SELECT * FROM given ORDER BY id) TO STDOUT") as out:
            rows = b"".join(bytes(part) for part in out)

        def copied(table: str) -> float:
            connection.execute(f"TRUNCATE {table}".encode())
            began = time.monotonic()
            with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as into:
                into.write(rows)
            return time.monotonic() - began

        def sought(table: str) -> float:
            query = f"SELECT count(*) FROM (SELECT * FROM given LIMIT {_BATCH}) g JOIN {table} USING (id, region, hall)"
            began = time.monotonic()
            connection.execute(f"SET enable_hashjoin = off; SET enable_mergejoin = off; {query}".encode())
            return time.monotonic() - began

        return {
            f"{name}: {what}": median(measure(table) for _ in range(_ROUNDS))
            for what, measure in (("100,000 copied", copied), ("4,000 sought", sought))
            for name, table in (("whole", "whole"), (f"{_MONTHS} partitions", "parted"))
        }


def _row(url: str, query: str) -> tuple[Any, ...]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) events")
        return tuple(connection.execute(query.encode()).fetchone() or ())


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"


def _show(found: dict[str, Any], events: int) -> None:
    rows = [Row(name, [_text(value)]) for name, value in found.items()]
    show("events archived: bytes an event, seconds, rates", ("",), rows, f"{events:,} events of {_CASES:,} cases")
