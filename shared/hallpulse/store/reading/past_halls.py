"""SQL for the days of halls as they were known at a past moment: then_hall_days replace those noted in gone_hall_days.

Of days after the moment hardly any events had arrived: these few are counted. From earlier days, the events that came
after the moment are subtracted. If one of them was the newest of its day, the newest of the others is searched for.
"""

from __future__ import annotations

from collections.abc import Sequence

from hallpulse.store.receipts import IS_LATE

_LOCAL_DAY = "(DATE '1970-01-01' + CAST((e.time + 28800000000) / 86400000000 AS int))"
_GONE = "region int, hall text, day date, events int, newest bigint, late int"
_INTO = "INSERT INTO then_hall_days (region, hall, day, events, newest, late)"


def hall_days(now: str, table: str, of_region: str, gone: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the statements that note days with missing events, and those that put the days of the past in place.

    now: the beginning of the names of today's tables; table: of all events; of_region, gone: conditions of events `e`.
    The statements take :today and :midnight, the day of the past moment and its end.
    """
    events = f"{table} e WHERE {of_region}"
    counted = (
        f"SELECT e.region, e.hall, {_LOCAL_DAY} AS day, count(*), max(e.time), count(*) FILTER (WHERE {IS_LATE})"
        f" FROM {events}"
    )
    sought = (
        "WITH mixed AS (SELECT h.region, h.hall, h.day, h.events - g.events AS events, h.late - g.late AS late,"
        " CASE WHEN h.newest > g.newest THEN h.newest END AS newest"
        f" FROM gone_hall_days g JOIN {now}hall_days h USING (region, hall, day)"
        " WHERE h.events > g.events),"
        f" sought AS (SELECT e.region, e.hall, {_LOCAL_DAY} AS day, max(e.time) AS newest FROM {events}"
        f" AND NOT {gone} AND (e.region, e.hall, {_LOCAL_DAY}) IN"
        " (SELECT region, hall, day FROM mixed WHERE newest IS NULL) GROUP BY 1, 2, 3)"
        " SELECT region, hall, day, m.events, coalesce(m.newest, s.newest), m.late"
        " FROM mixed m LEFT JOIN sought s USING (region, hall, day)"
    )
    noted = (
        f"CREATE TEMP TABLE then_hall_days (LIKE {now}hall_days) ON COMMIT DROP",
        f"CREATE TEMP TABLE gone_hall_days ({_GONE}) ON COMMIT DROP",
        f"INSERT INTO gone_hall_days {counted} AND {gone} AND e.time < :midnight GROUP BY 1, 2, 3",
    )
    return noted, (
        f"{_INTO} {sought}",
        f"{_INTO} {counted} AND NOT {gone} AND e.time >= :midnight GROUP BY 1, 2, 3",
        "INSERT INTO gone_hall_days (region, hall, day) SELECT e.region, e.hall, e.day"
        f" FROM {now}hall_days e WHERE {of_region} AND e.day > :today",
    )
