"""Counts of a scope and window, straight from the tables, for the checks that judge numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.case import Flag
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import ThresholdsOf
from hallpulse.domain.suspicion import (
    Burst,
    DeclaredNumber,
    HallDay,
    ItemPace,
    Pauses,
    Receipts,
    Withdrawal,
)
from hallpulse.domain.workdays import day_of

from .declared import Rules
from .declared_reports import FigureFilter, read_reports

HABIT_SINCE = timedelta(days=180)
"""The time before the window from which a hall's habit is computed."""
SERIES_SINCE = timedelta(days=400)
"""The time before the window at which series of declared figures begin."""


@dataclass(frozen=True, slots=True)
class CheckScope:
    """The question of the checks: scope, window and thresholds. today: silence is judged on this day at the latest."""

    connection: Connection
    rules: Rules
    scope: Scope
    window: Window
    today: date
    thresholds: ThresholdsOf

    @property
    def values(self) -> dict[str, Any]:
        low, high = self.scope.bounds
        start, end = self.window.start, self.window.end
        return {"low": low, "high": high, "start": start, "end": end, "hall": self.scope.hall,
                "department": self.scope.department, "today": self.today}  # fmt: skip

    def where(self, alias: str, *, halls: bool = True, departments: bool = True) -> str:
        """Return the SQL condition of the scope's rows."""
        where = f"{alias}.region BETWEEN :low AND :high"
        if halls and self.scope.hall is not None:
            where += f" AND {alias}.hall = :hall"
        if departments and self.scope.department is not None:
            where += f" AND {alias}.department = :department"
        return where

    def rows(self, query: str, more: Mapping[str, Any] | None = None) -> list[Any]:
        return list(self.connection.execute(text(query), {**self.values, **(more or {})}))


def paces(asked: CheckScope) -> list[ItemPace]:
    query = (
        "SELECT c.region, c.item_code, c.department, c.promised_days, count(*) AS decided,"
        " percentile_disc(0.9) WITHIN GROUP (ORDER BY c.elapsed) AS p90,"
        " count(*) FILTER (WHERE c.elapsed = c.promised_days + c.extended) AS on_due,"
        " count(*) FILTER (WHERE NOT c.promise_kept) AS late"
        f" FROM cases c WHERE {asked.where('c')} AND c.timed AND c.promised_days > 0"
        " AND c.decided BETWEEN :start AND :end GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )
    return [ItemPace(*row) for row in asked.rows(query)]


def pauses(asked: CheckScope, of_window: str) -> list[Pauses]:
    query = (
        "SELECT c.region, c.hall, c.department, c.promised_days + c.extended, count(*),"
        f" count(*) FILTER (WHERE c.flags & {int(Flag.SUSPENDED_ON_EVE)} <> 0) FROM cases c WHERE {asked.where('c')}"
        f" AND c.suspensions > 0 AND c.accepted IS NOT NULL AND c.promised_days + c.extended > 1 AND {of_window}"
        " GROUP BY 1, 2, 3, 4"
    )
    return [Pauses(*row) for row in asked.rows(query)]


def bursts_of(asked: CheckScope) -> list[Burst]:
    query = (
        "SELECT c.region, c.hall, c.rated, c.rated_minute, count(*)"
        f" FROM cases c WHERE {asked.where('c')} AND c.rated BETWEEN :start AND :end AND c.rated_minute IS NOT NULL"
        f" AND NOT c.rated_by_default AND c.flags & {int(Flag.RATED_AT_ONCE)} = 0 GROUP BY 1, 2, 3, 4"
        " HAVING count(*) > 1"
    )
    return [Burst(region, hall, day_of(day), minute, count) for region, hall, day, minute, count in asked.rows(query)]


def hall_days(asked: CheckScope) -> list[HallDay]:
    query = (
        f"SELECT h.region, h.hall, h.day, h.events, h.late FROM hall_days h"
        f" WHERE {asked.where('h', departments=False)} AND h.day BETWEEN :since AND :end AND h.events > 0"
    )
    rows = asked.rows(query, {"since": asked.window.start - HABIT_SINCE})
    return [HallDay(region, hall, day_of(day), events, late) for region, hall, day, events, late in rows]


def withdrawals(asked: CheckScope) -> list[Withdrawal]:
    query = (
        "SELECT c.region, c.hall, c.item_code, c.department, c.received, c.withdrawn FROM cases c"
        f" WHERE {asked.where('c')} AND c.withdrawn BETWEEN :start AND :end AND c.decided IS NULL"
        " AND c.rejected IS NULL AND c.received IS NOT NULL"
    )
    rows = (_in_days(row) for row in asked.rows(query))
    return [Withdrawal(*row) for row in rows]


def _in_days(row: Iterable[Any]) -> list[Any]:
    """Return the row with its dates as days since 1970-01-01."""
    return [day_of(value) if isinstance(value, date) else value for value in row]


def receipts(asked: CheckScope, withdrawn: Iterable[Withdrawal]) -> list[Receipts]:
    """Return receipts of the items with enough withdrawals, also later ones, by which cases may have come back."""
    gone = Counter(one[:3] for one in withdrawn)
    keys = sorted(key for key, count in gone.items() if count >= asked.thresholds(key[0]).back_cases)
    query = (
        "SELECT c.region, c.hall, c.item_code, array_agg(c.received) FROM cases c"
        " WHERE c.region BETWEEN :low AND :high AND c.received BETWEEN :start AND :until"
        " AND (c.region, c.hall, c.item_code) IN (SELECT * FROM unnest(CAST(:regions AS int[]),"
        " CAST(:halls AS text[]), CAST(:items AS text[]))) GROUP BY 1, 2, 3"
    )
    longest = max((asked.thresholds(region).back_days for region, *_ in keys), default=0)
    more = {"regions": [k[0] for k in keys], "halls": [k[1] for k in keys], "items": [k[2] for k in keys],
            "until": asked.window.end + timedelta(days=longest)}  # fmt: skip
    rows = asked.rows(query, more) if keys else []
    return [Receipts(region, hall, item, list(map(day_of, days))) for region, hall, item, days in rows]


def said(asked: CheckScope) -> list[DeclaredNumber]:
    """Return the declared figures that count, of every series that has one in the window.

    A series begins some time before the window.
    """
    window = replace(asked.window, start=asked.window.start - SERIES_SINCE)
    found = read_reports(asked.connection, asked.rules, FigureFilter(asked.scope, window))
    counted = [one for one in found if one.status == "counted"]
    first = asked.window.start.isoformat()
    named = {(one.region, one.indicator, one.department) for one in counted if one.period >= first[: len(one.period)]}
    return [
        DeclaredNumber(one.region, one.indicator, one.department, one.period, one.numerator, one.denominator)
        for one in counted
        if (one.region, one.indicator, one.department) in named
    ]
