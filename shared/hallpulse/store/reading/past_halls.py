"""SQL for the days of halls as they were known: then_hall_days, and in gone_hall_days those that it takes the place of.

Of the days after the past moment hardly anything had arrived: what had is counted. From the others what came later is
taken off, and the newest event left is looked for where that was newest.
"""

from __future__ import annotations

from hallpulse.store.merge import IS_LATE

_LOCAL_DAY = "(DATE '1970-01-01' + CAST((e.time + 28800000000) / 86400000000 AS int))"
_GONE = "region int, hall text, day date, events int, newest bigint, late int"
_INTO = "INSERT INTO then_hall_days (region, hall, day, events, newest, late)"


def hall_days(schema: str, of_region: str, gone: str) -> tuple[str, ...]:
    """Return the statements. of_region, gone: of events `e`; :today, :midnight: the past moment's day and its end."""
    events = f"{schema}.events e WHERE {of_region}"
    counted = (
        f"SELECT e.region, e.hall, {_LOCAL_DAY} AS day, count(*), max(e.time), count(*) FILTER (WHERE {IS_LATE})"
        f" FROM {events}"
    )
    sought = (
        "WITH mixed AS (SELECT h.region, h.hall, h.day, h.events - g.events AS events, h.late - g.late AS late,"
        " CASE WHEN h.newest > g.newest THEN h.newest END AS newest"
        f" FROM gone_hall_days g JOIN {schema}.hall_days h USING (region, hall, day)"
        " WHERE h.events > g.events),"
        f" sought AS (SELECT e.region, e.hall, {_LOCAL_DAY} AS day, max(e.time) AS newest FROM {events}"
        f" AND NOT {gone} AND (e.region, e.hall, {_LOCAL_DAY}) IN"
        " (SELECT region, hall, day FROM mixed WHERE newest IS NULL) GROUP BY 1, 2, 3)"
        " SELECT region, hall, day, m.events, coalesce(m.newest, s.newest), m.late"
        " FROM mixed m LEFT JOIN sought s USING (region, hall, day)"
    )
    return (
        f"CREATE TEMP TABLE then_hall_days (LIKE {schema}.hall_days) ON COMMIT DROP",
        f"CREATE TEMP TABLE gone_hall_days ({_GONE}) ON COMMIT DROP",
        f"INSERT INTO gone_hall_days {counted} AND {gone} AND e.time < :midnight GROUP BY 1, 2, 3",
        f"{_INTO} {sought}",
        f"{_INTO} {counted} AND NOT {gone} AND e.time >= :midnight GROUP BY 1, 2, 3",
        "INSERT INTO gone_hall_days (region, hall, day) SELECT e.region, e.hall, e.day"
        f" FROM {schema}.hall_days e WHERE {of_region} AND e.day > :today",
    )
