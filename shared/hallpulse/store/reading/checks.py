"""Findings of the integrity checks over a window, counted, with the first of each listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.case import unpack_id
from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import CHECKS, P90_CASES, SILENT_WORKING_DAYS, Check, Findings
from hallpulse.domain.workdays import Calendars, date_of, day_of, time_text
from hallpulse.store.merge import MICROSECONDS_A_MINUTE

from .declared import FINDINGS, RULES, Rules

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class _Asked:
    connection: Connection
    calendars: Calendars
    rules: Rules
    scope: Scope
    window: Window
    today: date

    @property
    def values(self) -> dict[str, Any]:
        low, high = self.scope.bounds
        start, end = self.window.start, self.window.end
        return {"low": low, "high": high, "start": start, "end": end, "hall": self.scope.hall,
                "department": self.scope.department, "p90_cases": P90_CASES}  # fmt: skip

    def where(self, alias: str, *, halls: bool = True, departments: bool = True) -> str:
        where = f"{alias}.region BETWEEN :low AND :high"
        if halls and self.scope.hall is not None:
            where += f" AND {alias}.hall = :hall"
        if departments and self.scope.department is not None:
            where += f" AND {alias}.department = :department"
        return where

    def findings(self, check: Check, columns: str, rest: str, more: Mapping[str, Any] | None = None) -> Findings:
        """Run `SELECT columns rest`; the count is of all rows, whatever is listed."""
        head = RULES if check.of == "figures" else ""
        rows = self.connection.execute(
            text(f"{head}SELECT count(*) OVER () AS in_all, {columns} {rest} LIMIT {MOST_ROWS}"),
            {**self.values, **(more or {})},
        ).mappings()
        listed = [dict(row) for row in rows]
        count = listed[0]["in_all"] if listed else 0
        return Findings(check, count, tuple({k: v for k, v in row.items() if k != "in_all"} for row in listed))


_CASE = "c.region, c.hall, c.case_id, c.item_code, c.department, c.accepted, c.decided, c.elapsed, c.promised_days"
_CASE_ORDER = "ORDER BY c.region, c.hall, c.case_id"
_OF_WINDOW = "coalesce(c.decided, c.accepted, c.received) BETWEEN :start AND :end"


def read_integrity(
    connection: Connection, calendars: Calendars, rules: Rules, wanted: tuple[Scope, Window, date]
) -> list[Findings]:
    """Every check, also those that found nothing. A case lies in the window by its decision, else its acceptance.

    wanted: with today, before whose end a silent hall is silent.
    """
    asked = _Asked(connection, calendars, rules, *wanted)
    return [_FINDERS.get(check.id, _flagged)(asked, check) for check in CHECKS]


def _flagged(asked: _Asked, check: Check) -> Findings:
    rest = (
        f"FROM cases c WHERE {asked.where('c')} AND c.flags <> 0 AND c.flags & :flag <> 0 AND {_OF_WINDOW}"
        f" {_CASE_ORDER}"
    )
    return asked.findings(check, _CASE, rest, {"flag": int(check.flag or 0)})


def _slow_instant(asked: _Asked, check: Check) -> Findings:
    rest = (
        f"FROM cases c WHERE {asked.where('c')} AND c.timed AND c.decided BETWEEN :start AND :end"
        f" AND c.promised_days = 0 AND c.elapsed > 0 {_CASE_ORDER}"
    )
    return asked.findings(check, _CASE, rest)


def _statutory_raised(asked: _Asked, check: Check) -> Findings:
    where = asked.where("s", halls=False)
    rest = (
        "FROM (SELECT s.*, lag(s.statutory_days) OVER w AS statutory_before,"
        " lag(s.promised_days) OVER w AS promised_before"
        f" FROM item_spans s WHERE {where} WINDOW w AS (PARTITION BY s.region, s.item_code ORDER BY s.start)) s"
        " WHERE s.start BETWEEN :start AND :end AND s.statutory_days > s.statutory_before"
        " ORDER BY s.region, s.item_code, s.start"
    )
    columns = (
        "s.region, s.item_code, s.name, s.department, s.start AS effective_from, s.statutory_before, s.statutory_days,"
        " s.promised_before, s.promised_days"
    )
    return asked.findings(check, columns, rest)


def _promise_far(asked: _Asked, check: Check) -> Findings:
    """Find items of which nine of ten cases need more than the promise, or at most half of it."""
    rest = (
        "FROM (SELECT c.region, c.item_code, c.department, c.promised_days, count(*) AS decided,"
        " percentile_disc(0.9) WITHIN GROUP (ORDER BY c.elapsed) AS p90"
        f" FROM cases c WHERE {asked.where('c')} AND c.timed AND c.promised_days > 0"
        " AND c.decided BETWEEN :start AND :end GROUP BY 1, 2, 3, 4) g"
        " WHERE g.decided >= :p90_cases AND (g.p90 > g.promised_days OR g.p90 * 2 <= g.promised_days)"
        " ORDER BY g.region, g.item_code"
    )
    return asked.findings(check, "g.*", rest)


def _outside_opening(asked: _Asked, check: Check) -> Findings:
    pairs = [(region, day) for region in _regions(asked) for day in _days_off(asked, region)]
    rest = (
        f"FROM cases c WHERE {asked.where('c')} AND ((c.region, c.accepted) IN (SELECT * FROM unnest("
        "CAST(:regions AS int[]), CAST(:days AS date[]))) OR (c.region, c.decided) IN (SELECT * FROM unnest("
        f"CAST(:regions AS int[]), CAST(:days AS date[])))) {_CASE_ORDER}"
    )
    return asked.findings(check, _CASE, rest, {"regions": [p[0] for p in pairs], "days": [p[1] for p in pairs]})


def _silent_hall(asked: _Asked, check: Check) -> Findings:
    """Judged at the end of the window, or today if that is earlier; a hall that is closed by then is not silent."""
    regions = _regions(asked)
    until = min(asked.window.end, asked.today)
    since = [_working_days_back(asked, region, until) for region in regions]
    where = asked.where("h", departments=False)
    rest = (
        "FROM (SELECT h.region, h.hall, max(d.day) FILTER (WHERE d.day <= :until) AS newest FROM"
        f" (SELECT region, hall FROM halls UNION SELECT region, hall FROM hall_days) h"
        f" LEFT JOIN hall_days d USING (region, hall) WHERE {where} AND NOT EXISTS (SELECT FROM hall_facts f"
        " WHERE f.region = h.region AND f.hall = h.hall AND f.closed <= :until) GROUP BY 1, 2) h"
        " JOIN unnest(CAST(:regions AS int[]), CAST(:since AS date[])) AS k(region, since) USING (region)"
        " WHERE h.newest IS NULL OR h.newest <= k.since ORDER BY h.region, h.hall"
    )
    return asked.findings(
        check, "h.region, h.hall, h.newest", rest, {"until": until, "regions": regions, "since": since}
    )


def _late_events(asked: _Asked, check: Check) -> Findings:
    """One finding a hall; its `events` are those that arrived over a day after they happened."""
    rest = (
        f"FROM hall_days h WHERE {asked.where('h', departments=False)} AND h.day BETWEEN :start AND :end AND h.late > 0"
        " GROUP BY h.region, h.hall ORDER BY h.region, h.hall"
    )
    return asked.findings(check, "h.region, h.hall, sum(h.late)::bigint AS events", rest)


def _figures(asked: _Asked, check: Check) -> Findings:
    """Declared figures that count nowhere; of each who said it when, and when it arrived."""
    columns = (
        "f.region, f.hall, f.indicator, f.department, f.period, f.revision, f.numerator, f.denominator, f.id,"
        " f.time, f.arrived"
    )
    more = {**asked.rules.parameters, "verdict": check.id}
    found = asked.findings(check, columns, FINDINGS.format(where=asked.where("f")), more)
    return replace(found, rows=tuple(map(_figure, found.rows)))


def _figure(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The times as RFC 3339, the event's id as its publisher wrote it."""
    kept = {name: value for name, value in row.items() if name not in ("id", "time", "arrived")}
    when = {"time": time_text(row["time"]), "arrived": time_text(row["arrived"] * MICROSECONDS_A_MINUTE)}
    return {**kept, "event_id": unpack_id(bytes(row["id"])), **when}


def _regions(asked: _Asked) -> list[int]:
    rows = asked.connection.execute(
        text("SELECT region FROM regions WHERE region BETWEEN :low AND :high UNION"
             " SELECT region FROM halls WHERE region BETWEEN :low AND :high ORDER BY 1"), asked.values
    )  # fmt: skip
    return [region for (region,) in rows]


def _days_off(asked: _Asked, region: int) -> list[date]:
    workdays = asked.calendars.workdays(region)
    span = (asked.window.end - asked.window.start).days
    days = (asked.window.start + timedelta(days=number) for number in range(span + 1))
    return [day for day in days if not workdays.is_working(day_of(day))]


def _working_days_back(asked: _Asked, region: int, until: date) -> date:
    """Return the last day that is long enough ago, in working days, for silence since then to be a finding."""
    workdays, day = asked.calendars.workdays(region), day_of(until)
    end = day
    while workdays.count(day, end) < SILENT_WORKING_DAYS:
        day -= 1
    return date_of(day)


_FINDERS: dict[str, Callable[[_Asked, Check], Findings]] = {
    "statutory_raised": _statutory_raised,
    "slow_instant": _slow_instant,
    "promise_far_from_actual": _promise_far,
    "outside_opening_days": _outside_opening,
    "silent_hall": _silent_hall,
    "late_events": _late_events,
    UNKNOWN: _figures,
    IMPOSSIBLE: _figures,
}
