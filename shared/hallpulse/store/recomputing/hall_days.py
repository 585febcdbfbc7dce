"""How much each hall sent of each day, counted again in one pass, which also tells how much there is to do."""

from __future__ import annotations

from sqlalchemy import Connection

from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.store.staging import driver_types

from .findings import DERIVED, Findings, columns_of
from .reading import read

# a table made of a query: unlike an insert, several processes of the server may run it
_COUNTED = f"""
    CREATE TEMP TABLE counted_hall_days AS
    SELECT region, hall, DATE '1970-01-01' + ((time + 28800000000) / 86400000000)::int AS day,
           count(*)::int AS events, max(time) AS newest,
           (count(*) FILTER (WHERE arrived - time / 60000000 > {LATE_MINUTES}))::int AS late
    FROM events GROUP BY 1, 2, 3
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


def about_how_many(connection: Connection) -> int:
    """Events, by what is noted of them, which may be wrong."""
    return int(connection.exec_driver_sql("SELECT coalesce(sum(events), 0) FROM hall_days").scalar_one())


def count_hall_days(connection: Connection) -> dict[int, int]:
    """Region → its events, also for regions of which only derived rows are there."""
    connection.exec_driver_sql(_COUNTED)
    sizes = {region: 0 for table in DERIVED for (region,) in connection.exec_driver_sql(_REGIONS.format(table=table))}
    rows = connection.exec_driver_sql("SELECT region, sum(events)::bigint FROM counted_hall_days GROUP BY region")
    return sizes | {region: events for region, events in rows}


def compare_hall_days(connection: Connection, findings: Findings) -> None:
    """What was counted, against what is stored."""
    columns = columns_of("hall_days")
    key, values = columns[:3], columns[3:]
    for row in read(connection, _DIFFERENT, driver_types("hall_days", (*key, *values, *values))):
        found, counted = row[3:6], row[6:]
        findings.add(
            "hall_days",
            None if found[0] is None else row[:6],
            None if counted[0] is None else (*row[:3], *counted),
        )
