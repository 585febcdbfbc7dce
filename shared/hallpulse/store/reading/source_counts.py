"""The halls as sources: their events for the scorecard, days on which their cases and tallies differ, flagged cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.case import Flag
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.reconciliation import StatedDay
from hallpulse.domain.sources import SourceCounts
from hallpulse.domain.workdays import Calendars, day_of

from .declared import parameters
from .overview import CLASHES, TALLIED, clashes, narrower

CONTRADICTORY = (
    Flag.DECIDED_BEFORE_ACCEPTED | Flag.ACCEPTED_AFTER_DECIDED | Flag.RESUMED_WITHOUT_SUSPENSION
    | Flag.SUSPENDED_TWICE | Flag.DECIDED_AND_WITHDRAWN | Flag.DECIDED_AFTER_REJECTION | Flag.RATED_UNDECIDED
    | Flag.REPEATED_WITHOUT_CORRECTION | Flag.CORRECTS_NOTHING | Flag.ACCEPTED_BEFORE_RECEIVED
)  # fmt: skip
_WHERE = "{alias}.region BETWEEN :low AND :high AND (CAST(:hall AS text) IS NULL OR {alias}.hall = :hall)"
_HALLS = f"""
    SELECT h.region, h.hall, d.first_day, coalesce(d.events, 0), coalesce(d.late, 0), f.closed FROM
    (SELECT region, hall FROM halls h WHERE {_WHERE.format(alias="h")}
     UNION SELECT region, hall FROM hall_days h WHERE {_WHERE.format(alias="h")}) h
    LEFT JOIN (SELECT d.region, d.hall, min(d.day) AS first_day,
               sum(d.events) FILTER (WHERE d.day BETWEEN :start AND :end) AS events,
               sum(d.late) FILTER (WHERE d.day BETWEEN :start AND :end) AS late
               FROM hall_days d WHERE {_WHERE.format(alias="d")} GROUP BY 1, 2) d USING (region, hall)
    LEFT JOIN hall_facts f USING (region, hall) ORDER BY 1, 2
"""
_SENT = _WHERE.format(alias="d")
_DAYS = f"SELECT d.region, d.hall, d.day FROM hall_days d WHERE {_SENT} AND d.day BETWEEN :start AND :end"
_CASES = f"""
    SELECT c.region, c.hall, count(*), count(*) FILTER (WHERE c.flags & {int(Flag.UNKNOWN_ITEM)} <> 0),
           count(*) FILTER (WHERE c.flags & {int(CONTRADICTORY)} <> 0)
    FROM cases c WHERE {_WHERE.format(alias="c")} AND c.received BETWEEN :start AND :end GROUP BY 1, 2
"""
_RECEIPTS = f"""
    SELECT r.region, r.hall, sum(r.events)::bigint, sum(r.duplicates)::bigint, sum(r.disordered)::bigint
    FROM hall_receipts r WHERE {_WHERE.format(alias="r")} AND r.day BETWEEN :start AND :end GROUP BY 1, 2
"""
_REFUSED_DAY = "CAST(r.refused_at AT TIME ZONE 'Asia/Shanghai' AS date)"
_REFUSED = f"""
    SELECT r.region, r.hall, count(*) FILTER (WHERE {_REFUSED_DAY} BETWEEN :start AND :end),
           count(*) FILTER (WHERE r.outcome IS NULL),
           CAST(:today AS date) - min({_REFUSED_DAY}) FILTER (WHERE r.outcome IS NULL)
    FROM refused r WHERE {_WHERE.format(alias="r")} AND {_REFUSED_DAY} <= :end GROUP BY 1, 2
"""
_STATED = ", ".join(f"t.{count} AS stated_{count}" for count in TALLIED.values())
_COUNTED = ", ".join(f"coalesce(sum(c.{measure}), 0) AS {measure}" for measure in TALLIED)
_HOLDING = ("cells", "item_cells", "tallies", "figures")
_Key = tuple[int, str]


def read_sources(
    connection: Connection, calendars: Calendars, scope: Scope, window: Window, today: date
) -> list[SourceCounts]:
    """Return the counts of all halls that are registered or have ever sent events, except those closed before."""
    low, high = scope.bounds
    values = {"low": low, "high": high, "hall": scope.hall, "start": window.start, "end": window.end, "today": today}

    def asked(query: str) -> dict[_Key, tuple[Any, ...]]:
        rows = connection.execute(text(query), values)
        return {(row[0], row[1]): tuple(row[2:]) for row in rows}

    halls, *others = (asked(query) for query in (_HALLS, _CASES, _RECEIPTS, _REFUSED))
    days: dict[_Key, set[int]] = {}
    for region, hall, day in connection.execute(text(_DAYS), values):
        days.setdefault((region, hall), set()).add(day_of(day))
    return [
        _counts(key, told, calendars, window, days.get(key, set()), [one.get(key) for one in others])
        for key, told in halls.items()
        if told[3] is None or told[3] > window.start
    ]


def _counts(  # noqa: PLR0917 - the parts of one row
    key: _Key,
    told: tuple[Any, ...],
    calendars: Calendars,
    window: Window,
    days: set[int],
    others: Sequence[tuple[Any, ...] | None],
) -> SourceCounts:
    first, events, late, closed = told
    workdays = calendars.workdays(key[0])
    start = day_of(max(window.start, first or window.end))
    end = day_of(window.end) if closed is None else min(day_of(window.end), day_of(closed) - 1)
    working = {day for day in range(start, end + 1) if workdays.is_working(day)}
    cases, receipts, refused = others[0] or (0, 0, 0), others[1] or (0, 0, 0), others[2] or (0, 0, None)
    return SourceCounts(*key, events, late, len(working), len(working & days), *cases, *receipts, *refused)


def read_stated_days(connection: Connection, scope: Scope, window: Window) -> list[StatedDay]:
    """Return the days on which a hall of the scope sent both cases and a tally, and their counts differ.

    The cell of a month tells whether it can have such a day, as for the sums of tallies.
    """
    of_scope = f"t.region BETWEEN :low AND :high{narrower(scope, 't')} AND t.day BETWEEN :start AND :end"
    query = (
        "WITH months AS (SELECT DISTINCT t.region, t.hall, t.day - (CAST(date_part('day', t.day) AS int) - 1) AS day"
        f" FROM tallies t WHERE {of_scope}),"
        f" doubtful AS MATERIALIZED (SELECT t.* FROM months t WHERE {clashes('m')})"
        f" SELECT t.region, t.hall, t.day, {_STATED}, n.* FROM doubtful a JOIN tallies t ON t.region = a.region"
        " AND t.hall = a.hall AND t.day >= a.day AND t.day < CAST(a.day + interval '1 month' AS date)"
        f" CROSS JOIN LATERAL (SELECT {_COUNTED} FROM cells c WHERE c.region = t.region AND c.grain = 'd'"
        f" AND c.day = t.day AND c.hall = t.hall) n WHERE {of_scope} AND {CLASHES}"
        f" AND ({', '.join(f't.{count}' for count in TALLIED.values())})"
        f" IS DISTINCT FROM ({', '.join(f'n.{measure}' for measure in TALLIED)}) ORDER BY 1, 2, 3"
    )
    rows = connection.execute(text(query), {**parameters(scope), "start": window.start, "end": window.end})
    width = len(TALLIED)
    return [
        StatedDay(
            region,
            hall,
            day,
            dict(zip(TALLIED, map(int, counts[:width]), strict=True)),
            dict(zip(TALLIED, map(int, counts[width:]), strict=True)),
        )
        for region, hall, day, *counts in rows
    ]


def read_codes(connection: Connection, scope: Scope) -> list[int]:
    """Return the region codes of a scope under which parts of figures are stored, in order."""
    parts = (f"SELECT region FROM {table} WHERE region BETWEEN :low AND :high" for table in _HOLDING)
    rows = connection.execute(text(f"{' UNION '.join(parts)} ORDER BY 1"), parameters(scope))
    return [region for (region,) in rows]


def read_departments(connection: Connection, region: int) -> list[str]:
    """Return the departments of all versions of a county's catalogue, in order."""
    query = text("SELECT DISTINCT department FROM item_cells WHERE region = :region ORDER BY 1")
    return [department for (department,) in connection.execute(query, {"region": region})]


def read_flagged_cases(connection: Connection) -> dict[tuple[int, str], int]:
    """Return (region, hall) → number of cases with a flag; an index holds only these cases."""
    query = text("SELECT region, hall, count(*) FROM cases WHERE flags <> 0 GROUP BY region, hall")
    return {(region, hall): count for region, hall, count in connection.execute(query)}


def read_regions(connection: Connection) -> list[int]:
    """Return the counties that have data or registered halls, in order of their codes."""
    rows = connection.execute(text("SELECT region FROM regions UNION SELECT region FROM halls ORDER BY 1"))
    return [region for (region,) in rows]
