"""All derived rows except cases and cells: a region's ledger, items, tallies and figures, and the halls' days.

The days of all halls are counted in one pass, which also tells how much work there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from hallpulse.contract.events import Family
from hallpulse.contract.identity import DESK
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.workdays import day_of
from hallpulse.store.database import copied_day, driver_types, is_spread
from hallpulse.store.in_force import Item, ends_of
from hallpulse.store.item_versions import item_sums, span_row, spans_of
from hallpulse.store.ledger import Entity, LedgerEntry, entity_of, figure_rows, tally_row
from hallpulse.store.merge import EVENT_COLUMNS, event_of
from hallpulse.store.receipts import IS_LATE
from hallpulse.store.recomputing.findings import DERIVED, DifferenceLog, Row, columns_of, key_of, read, stored
from hallpulse.store.recomputing.tasks import Task

TABLES = ("ledger", "item_spans", "item_cells", "tallies", "figures")
_COLUMNS = f"{EVENT_COLUMNS}, arrived"
_TYPES = driver_types("events", tuple(_COLUMNS.split(", ")))
_KINDS = "type BETWEEN 21 AND 50"
"""SQL condition of events about items, tallies and figures."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A region's rows by table and key, and the timelines of its items."""

    region: int
    tables: Mapping[str, dict[Row, Row]]
    timelines: Mapping[str, Timeline]


def rebuild(connection: Connection, task: Task) -> Iterator[Rebuilt]:
    """Yield the rebuilt rows of every region of the task, also of regions without such events."""
    ended = ends_of(connection, task.regions)
    query = f"SELECT {_COLUMNS} FROM events WHERE {task.where} AND {_KINDS} ORDER BY region"
    by_region = groupby(read(connection, query, _TYPES), key=itemgetter(0))
    region, rows = next(by_region, (None, iter(())))
    for wanted in task.regions:
        if wanted != region:
            yield _rebuilt(wanted, (), None)
            continue
        yield _rebuilt(wanted, rows, ended.get(wanted))
        region, rows = next(by_region, (None, iter(())))


def compare(connection: Connection, rebuilt: Rebuilt, findings: DifferenceLog) -> None:
    """Compare rebuilt rows with the stored rows of the region; matched rows are removed from `rebuilt`."""
    for table in TABLES:
        findings.compare(table, stored(connection, table, f"region = {rebuilt.region}"), rebuilt.tables[table])


def _rebuilt(region: int, events: Iterable[Row], ended: int | None) -> Rebuilt:
    ledger: list[Row] = []
    entries: dict[Family, dict[Entity, list[LedgerEntry]]] = defaultdict(lambda: defaultdict(list))
    for row in events:
        event = event_of(row[:-1])
        family, entity = event.type.family, entity_of(event)
        ledger.append((region, family.value, entity[1], event.hall, row[2], event.time, row[3], row[6]))
        entries[family][entity].append(LedgerEntry(event.hall, event.id, event.time, event.type, event.data, row[-1]))
    spans: dict[Item, Timeline] = {item: spans_of(about, ended) for item, about in entries[Family.ITEM].items()}
    tables = {
        "ledger": ledger,
        "item_spans": [span_row(item, span) for item, listed in spans.items() for span in listed],
        "item_cells": item_sums({item: ((), listed) for item, listed in spans.items()}),
        "tallies": [_row(tally_row(day, about)) for day, about in entries[Family.TALLY].items()],
        "figures": [_row(row) for one, about in entries[Family.FIGURE].items() for row in figure_rows(one, about)],
    }
    by_key = {table: _by_key(rows, len(key_of(table))) for table, rows in tables.items()}
    return Rebuilt(region, by_key, {code: listed for (_, code), listed in spans.items()})


def _by_key(rows: Iterable[Row], length: int) -> dict[Row, Row]:
    return {row[:length]: row for row in rows if row}


def _row(values: Mapping[str, Any] | None) -> Row:
    """Return values in the order of the columns, with days as in COPY; an empty row for None."""
    listed = () if values is None else values.values()
    return tuple(copied_day(day_of(value)) if isinstance(value, date) else value for value in listed)


# a table made by a query: unlike an insert, several processes of the server may share the work
_COUNTED = f"""
    CREATE TEMP TABLE counted_hall_days AS
    SELECT region, hall, DATE '1970-01-01' + ((time + 28800000000) / 86400000000)::int AS day,
           count(*)::int AS events, max(time) AS newest,
           (count(*) FILTER (WHERE {IS_LATE}))::int AS late
    FROM events WHERE hall <> '{DESK}' GROUP BY 1, 2, 3
"""
_DIFFERENT = """
    SELECT region, hall, day, s.events, s.newest, s.late, c.events, c.newest, c.late
    FROM hall_days s FULL JOIN counted_hall_days c USING (region, hall, day)
    WHERE (s.events, s.newest, s.late) IS DISTINCT FROM (c.events, c.newest, c.late)
"""
_REGIONS = """
    WITH RECURSIVE known AS (
        (SELECT region FROM {table} ORDER BY region LIMIT 1)
        UNION ALL
        SELECT (SELECT region FROM {table} WHERE region > known.region ORDER BY region LIMIT 1)
        FROM known WHERE region IS NOT NULL
    )
    SELECT region FROM known WHERE region IS NOT NULL
"""
_REGIONS_BY_ROW = "SELECT DISTINCT region FROM {table}"
"""On Citus, which does not allow that recursion over all regions."""


def about_how_many(connection: Connection) -> int:
    """Return about how many events there are, by the halls' days, which may be wrong."""
    return int(connection.exec_driver_sql("SELECT coalesce(sum(events), 0) FROM hall_days").scalar_one())


def count_hall_days(connection: Connection) -> dict[int, int]:
    """Count the halls' days; return region → number of its events, also for regions with only derived rows."""
    connection.exec_driver_sql(_COUNTED)
    regions = _REGIONS_BY_ROW if is_spread(connection) else _REGIONS
    sizes = {region: 0 for table in DERIVED for (region,) in connection.exec_driver_sql(regions.format(table=table))}
    rows = connection.exec_driver_sql("SELECT region, sum(events)::bigint FROM counted_hall_days GROUP BY region")
    return sizes | {region: events for region, events in rows}


def compare_hall_days(connection: Connection, findings: DifferenceLog) -> None:
    """Compare the counted days of halls with the stored ones."""
    columns = columns_of("hall_days")
    key, values = columns[:3], columns[3:]
    for row in read(connection, _DIFFERENT, driver_types("hall_days", (*key, *values, *values))):
        found, counted = row[3:6], row[6:]
        findings.add(
            "hall_days",
            None if found[0] is None else row[:6],
            None if counted[0] is None else (*row[:3], *counted),
        )
