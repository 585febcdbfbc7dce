"""Findings of the integrity checks over a window: counted, grouped by department, hall and item, the first listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from hallpulse.domain.case import unpack_id
from hallpulse.domain.clock import NONE_LIKE_LIMITS
from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import (
    ACCEPTED_BY_MACHINE,
    BYS,
    CHANGED_LIMIT,
    CHECKS,
    DECIDED_BY_MACHINE,
    By,
    Check,
    FindingGroup,
    Findings,
)
from hallpulse.domain.plan import thresholds_on
from hallpulse.domain.suspicion import (
    Row,
    bunched,
    bursts,
    came_back,
    eve_units,
    far_promises,
    late_halls,
    silent_since,
    uncounted,
)
from hallpulse.domain.workdays import Calendars, date_of, day_of, time_text
from hallpulse.store.receipts import MICROSECONDS_A_MINUTE

from . import counting
from .conditions import sql
from .counting import CheckScope
from .declared import Rules, findings_query, plan_by_values
from .doubts import raised_afterwards, rescued_cases

MOST_ROWS = 100
_CASE = "c.region, c.hall, c.case_id, c.item_code, c.department, c.accepted, c.decided, c.elapsed, c.promised_days"
_OF_WINDOW = "coalesce(c.decided, c.accepted, c.received) BETWEEN :start AND :end"
_BEFORE = timedelta(days=366)
"""Acceptances on a day off are looked for up to this long before the window."""
_BYS: tuple[tuple[By, str], ...] = (("department", "department"), ("hall", "hall"), ("item", "item_code"))


def read_integrity(asking: tuple[Any, Calendars, Rules], scope: Scope, window: Window, today: date) -> list[Findings]:
    """Return the findings of every check, also of those that found nothing.

    A case lies in the window by the day of its decision, else of its acceptance, else of its receipt.
    asking: connection, calendars and rules.
    """
    connection, calendars, rules = asking
    connection.exec_driver_sql("SET LOCAL jit = off")  # compiling the many conditions takes longer than all else
    plan_by_values(connection, scope)
    asked = CheckScope(connection, rules, scope, window, today, thresholds_on(rules.plans, today))
    found = {one.check.id: one for one in (*_of_cases(asked, calendars), *_others(asked, calendars))}
    return _with_names(asked, [found[check.id] for check in CHECKS])


def _of_cases(asked: CheckScope, calendars: Calendars) -> list[Findings]:
    """Return the findings of the checks of single cases.

    One pass counts the cases that they could find, another those that they found; each check lists its first cases.
    """
    pairs = [(region, day) for region in _regions(asked) for day in _days_off(asked, calendars, region)]
    rescued = rescued_cases(asked, calendars)
    more = {"off_regions": [p[0] for p in pairs], "off_days": [p[1] for p in pairs],
            "r_regions": [k[0] for k in rescued], "r_halls": [k[1] for k in rescued],
            "r_ids": [k[2] for k in rescued]}  # fmt: skip
    conditions = {check: _condition(check) for check in CHECKS if check.of == "cases"}
    bases = {among: sql(among, "c") for among in dict.fromkeys(check.among for check in conditions)}
    could = _sums(asked, bases, "true", {})
    found = _sums(asked, conditions, " OR ".join(conditions.values()), more)
    return [
        _counted(asked, check, where, (found[check], could[check.among]), more) for check, where in conditions.items()
    ]


_Sums = dict[Any, Counter[tuple[str, int, str]]]
"""Check, or condition of the cases that it could find → (kind of group, region, id) → number; ("", 0, "") is all."""


def _sums(asked: CheckScope, conditions: Mapping[Any, str], where: str, more: Mapping[str, Any]) -> _Sums:
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions.values())
    rows = asked.rows(
        f"SELECT c.region, c.department, c.hall, c.item_code, {counts} FROM cases c WHERE {asked.where('c')}"
        f" AND c.received IS NOT NULL AND {_OF_WINDOW} AND ({where}) GROUP BY 1, 2, 3, 4",
        more,
    )
    sums: _Sums = {name: Counter() for name in conditions}
    for row in rows:
        keys = [("", 0, ""), *((by, row[0], id_ or "") for by, id_ in zip(BYS, row[1:4], strict=True))]
        for name, count in zip(conditions, row[4:], strict=True):
            if count:
                for key in keys:
                    sums[name][key] += count
    return sums


def _condition(check: Check) -> str:
    if check.where is not None:
        return sql(check.where, "c")
    if check.id == "outside_opening_days":
        off = "IN (SELECT * FROM unnest(CAST(:off_regions AS int[]), CAST(:off_days AS date[])))"
        accepted, decided = (sql(f"not ({by})", "c") for by in (ACCEPTED_BY_MACHINE, DECIDED_BY_MACHINE))
        return f"((c.region, c.accepted) {off} AND {accepted} OR (c.region, c.decided) {off} AND {decided})"
    rescued = "unnest(CAST(:r_regions AS int[]), CAST(:r_halls AS text[]), CAST(:r_ids AS text[]))"
    return f"({sql(CHANGED_LIMIT, 'c')} OR (c.region, c.hall, c.case_id) IN (SELECT * FROM {rescued}))"


_ALL = ("", 0, "")


def _counted(
    asked: CheckScope,
    check: Check,
    where: str,
    sums: tuple[Counter[tuple[str, int, str]], Counter[tuple[str, int, str]]],
    more: Mapping[str, Any],
) -> Findings:
    found, could = sums
    count, of = found[_ALL], could[_ALL]
    if not count:
        return Findings(check, 0, (), of)
    groups = [
        FindingGroup(by, region, id_, found[by, region, id_], could[by, region, id_])
        for by in BYS
        for kind, region, id_ in sorted(found)
        if kind == by
    ]
    rows = asked.connection.execute(
        text(f"SELECT {_CASE} FROM cases c WHERE {asked.where('c')} AND c.received IS NOT NULL AND {where}"
             f" AND {_OF_WINDOW} ORDER BY c.region, c.hall, c.case_id LIMIT {MOST_ROWS}"),
        {**asked.values, **more},
    ).mappings()  # fmt: skip
    return Findings(check, count, tuple(map(dict, rows)), of, tuple(groups))


def _others(asked: CheckScope, calendars: Calendars) -> list[Findings]:
    paces, withdrawn, t = counting.paces(asked), counting.withdrawals(asked), asked.thresholds
    start, end = day_of(asked.window.start), day_of(asked.window.end)
    judged: Mapping[str, Iterable[Row]] = {
        "promise_far_from_actual": far_promises(paces, t),
        "decided_on_due_day": bunched(paces, t),
        "eve_suspensions": eve_units(counting.pauses(asked, _OF_WINDOW), t),
        "ratings_in_a_burst": bursts(counting.bursts_of(asked), t),
        "late_events": late_halls(counting.hall_days(asked), start, end, t),
        "withdrawn_and_back": came_back(withdrawn, counting.receipts(asked, withdrawn), t),
        "uncounted_numbers": _of_figures(asked, "uncounted", lambda: list(uncounted(counting.said(asked), t))),
        "statutory_raised": _statutory_raised(asked),
        "silent_hall": _silent_halls(asked, calendars),
        UNKNOWN: _figures(asked, UNKNOWN),
        IMPOSSIBLE: _figures(asked, IMPOSSIBLE),
    }
    return [_listed(check, judged[check.id]) for check in CHECKS if check.of != "cases"]


def _listed(check: Check, rows: Iterable[Row]) -> Findings:
    listed = [{name: _shown(name, value) for name, value in row.items()} for row in rows]
    groups = [
        FindingGroup(by, region, id_, count)
        for by, column in _BYS
        for (region, id_), count in Counter((row["region"], row[column]) for row in listed if row.get(column)).items()
    ]
    return Findings(check, len(listed), tuple(listed[:MOST_ROWS]), None, tuple(groups))


def _shown(name: str, value: Any) -> Any:
    return date_of(value) if name in ("day", "first_day", "last_day") and isinstance(value, int) else value


def _statutory_raised(asked: CheckScope) -> list[Row]:
    """Return the versions with a higher statutory limit than the one before, or than was known for the same days.

    A limit that is a number meaning none belongs to another check.
    """
    query = (
        "SELECT s.region, s.item_code, s.name, s.department, s.start AS effective_from, s.statutory_before,"
        " s.statutory_days, s.promised_before, s.promised_days FROM ("
        "SELECT s.*, lag(s.statutory_days) OVER w AS statutory_before, lag(s.promised_days) OVER w AS promised_before"
        f" FROM item_spans s WHERE {asked.where('s', halls=False)}"
        " WINDOW w AS (PARTITION BY s.region, s.item_code ORDER BY s.start)) s"
        " WHERE s.start BETWEEN :start AND :end AND s.statutory_days > s.statutory_before"
        " AND NOT s.statutory_days = ANY(CAST(:none_like AS int[])) ORDER BY s.region, s.item_code, s.start"
    )
    key = ("statutory raised", asked.scope, asked.window)
    rows = asked.rules.recall(
        asked.connection, asked.scope, "catalogue", key,
        lambda: _mapped(asked, query, {"none_like": sorted(NONE_LIKE_LIMITS)}),
    )  # fmt: skip
    found: list[Row] = [{**row, "changed_on": None} for row in rows]
    listed = {(row["region"], row["item_code"]) for row in found}
    return found + [row for row in raised_afterwards(asked) if (row["region"], row["item_code"]) not in listed]


def _mapped(asked: CheckScope, query: str, more: Mapping[str, Any]) -> list[Row]:
    return [dict(row) for row in asked.connection.execute(text(query), {**asked.values, **more}).mappings()]


def _silent_halls(asked: CheckScope, calendars: Calendars) -> list[Row]:
    """Return the halls that are silent, and not closed, at the window's end, or today if that is earlier."""
    regions = _regions(asked)
    until = min(asked.window.end, asked.today)
    since = [_working_days_back(asked, calendars, region, until) for region in regions]
    where = asked.where("h", departments=False)
    query = (
        "SELECT h.region, h.hall, h.newest"
        " FROM (SELECT region, hall, max(newest) AS newest FROM (SELECT h.region, h.hall, true AS known,"
        f" false AS closed, CAST(NULL AS date) AS newest FROM halls h WHERE {where} UNION ALL SELECT h.region, h.hall,"
        f" true, false, CASE WHEN h.day <= :until THEN h.day END FROM hall_days h WHERE {where} UNION ALL"
        f" SELECT h.region, h.hall, false, true, NULL FROM hall_facts h WHERE {where} AND h.closed <= :until) every"
        " GROUP BY region, hall HAVING bool_or(known) AND NOT bool_or(closed)) h"
        " JOIN unnest(CAST(:regions AS int[]), CAST(:since AS date[])) AS k(region, since) USING (region)"
        " WHERE h.newest IS NULL OR h.newest <= k.since ORDER BY h.region, h.hall"
    )
    return _mapped(asked, query, {"until": until, "regions": regions, "since": since})


def _figures(asked: CheckScope, verdict: str) -> list[Row]:
    """Return the declared figures that count nowhere, each with its hall, its time and its arrival."""
    query = findings_query(asked.where("f"))
    values = {**asked.rules.within(asked.scope), "verdict": verdict}
    return _of_figures(asked, verdict, lambda: [_figure(row) for row in _mapped(asked, query, values)])


def _of_figures(asked: CheckScope, name: str, read: Callable[[], list[Row]]) -> list[Row]:
    """Return findings that follow from declared figures and plans alone, perhaps kept from an earlier question."""
    key = ("findings", name, asked.scope, asked.window, asked.today)
    return asked.rules.recall(asked.connection, asked.scope, "figures", key, read)


def _figure(row: Row) -> Row:
    """Return the row with times as RFC 3339, and the event's id as its publisher wrote it."""
    kept = {name: value for name, value in row.items() if name not in ("id", "time", "arrived")}
    when = {"time": time_text(row["time"]), "arrived": time_text(row["arrived"] * MICROSECONDS_A_MINUTE)}
    return {**kept, "event_id": unpack_id(bytes(row["id"])), **when}


def _regions(asked: CheckScope) -> list[int]:
    query = (
        "SELECT region FROM regions WHERE region BETWEEN :low AND :high UNION"
        " SELECT region FROM halls WHERE region BETWEEN :low AND :high ORDER BY 1"
    )
    return [region for (region,) in asked.rows(query)]


def _days_off(asked: CheckScope, calendars: Calendars, region: int) -> list[date]:
    workdays = calendars.workdays(region)
    first, last = day_of(asked.window.start - _BEFORE), day_of(asked.window.end)
    return [date_of(day) for day in range(first, last + 1) if not workdays.is_working(day)]


def _working_days_back(asked: CheckScope, calendars: Calendars, region: int, until: date) -> date:
    """Return the latest day such that silence since then is a finding."""
    return date_of(silent_since(calendars.workdays(region), day_of(until), asked.thresholds(region).silent_days))


def _with_names(asked: CheckScope, found: Sequence[Findings]) -> list[Findings]:
    """Return the findings with the names of their items: each item's last name by the window's end, else its first."""
    codes = {(group.region, group.id) for one in found for group in one.groups if group.by == "item"}
    if not codes:
        return list(found)
    query = (
        "SELECT DISTINCT ON (s.region, s.item_code) s.region, s.item_code, s.name FROM item_spans s JOIN"
        " unnest(CAST(:regions AS int[]), CAST(:codes AS text[])) AS k(region, item_code) USING (region, item_code)"
        f" WHERE {asked.where('s', halls=False, departments=False)}"
        " ORDER BY s.region, s.item_code, s.start > :end, s.start DESC"
    )
    rows = asked.rows(query, {"regions": [c[0] for c in codes], "codes": [c[1] for c in codes]})
    names = {(region, code): name for region, code, name in rows}
    return [_named(one, names) for one in found]


def _named(one: Findings, names: Mapping[tuple[int, str], str]) -> Findings:
    groups = [replace(g, name=names.get((g.region, g.id))) if g.by == "item" else g for g in one.groups]
    rows = one.rows
    if one.check.of == "items":
        rows = tuple({**row, "name": names.get((row["region"], row["item_code"]))} for row in rows)
    return replace(one, rows=rows, groups=tuple(groups))
