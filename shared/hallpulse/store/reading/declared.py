"""Declared figures by the plans: those that count, and those that cannot be right.

They are judged by one condition in SQL, since a province has ten thousand and more. Tests compare it with
`hallpulse.domain.declarations`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN
from hallpulse.domain.figures import Amount, Declared, Figure, Scope, Window, declared_sums, region_bounds
from hallpulse.domain.plan import Plan
from hallpulse.domain.reporting import Arrivals

from .kept_results import KeptResults, Source, T

_LENGTH = (
    "CASE WHEN f.last_day = f.first_day THEN 'day' WHEN f.last_day - f.first_day < 31 THEN 'month' ELSE 'year' END"
)
_ARRIVED_DAY = "DATE '1970-01-01' + (f.arrived + 480) / 1440"
"""SQL of the day of arrival in Asia/Shanghai."""
_HELD = "x.region = f.region AND f.first_day >= x.first_day AND f.last_day <= x.last_day"
_RULES = (
    "places AS MATERIALIZED (SELECT DISTINCT region FROM figures WHERE region BETWEEN :low AND :high),"
    " asked AS MATERIALIZED (SELECT p.region, a.* FROM unnest(CAST(:a_low AS int[]), CAST(:a_high AS int[]),"
    " CAST(:a_first AS date[]), CAST(:a_last AS date[]), CAST(:a_indicator AS text[]), CAST(:a_unit AS text[]),"
    " CAST(:a_length AS text[])) AS a(low, high, first_day, last_day, indicator, unit, length)"
    " JOIN places p ON p.region BETWEEN a.low AND a.high),"
    " bound AS MATERIALIZED (SELECT p.region, b.* FROM unnest(CAST(:b_low AS int[]), CAST(:b_high AS int[]),"
    " CAST(:b_first AS date[]), CAST(:b_last AS date[]), CAST(:b_department AS text[]))"
    " AS b(low, high, first_day, last_day, department) JOIN places p ON p.region BETWEEN b.low AND b.high)"
)
"""SQL of the rules as rows of each region that they hold in: a report's own are then found by a hash."""
_ASKED = f"EXISTS (SELECT FROM asked x WHERE x.indicator = f.indicator AND {_HELD})"
_BOUND = f"EXISTS (SELECT FROM bound x WHERE x.department = f.department AND {_HELD})"
"""SQL of a figure whose department is in a plan. Each plan has a row for its region, whose department is empty."""
_RIGHT = (
    f"f.numerator >= 0 AND coalesce(f.denominator, 0) >= 0 AND f.first_day <= {_ARRIVED_DAY} AND EXISTS ("
    f"SELECT FROM asked x WHERE x.indicator = f.indicator AND {_HELD} AND x.length = {_LENGTH} AND CASE x.unit"
    " WHEN 'share' THEN coalesce(f.denominator >= f.numerator, false) WHEN 'count' THEN f.denominator IS NULL"
    " ELSE true END)"
)
_KEY = "f.region, f.indicator, f.period, f.department, f.hall, f.id"
JUDGED = (
    f"WITH {_RULES}, wanted AS MATERIALIZED (SELECT f.* FROM figures f WHERE {{where}}),"
    f" known AS (SELECT {_KEY} FROM wanted f WHERE {_ASKED} AND {_BOUND}),"
    f" possible AS (SELECT {_KEY} FROM wanted f WHERE {_RIGHT}),"
    f" judged AS (SELECT f.*, CASE WHEN ({_KEY}) NOT IN (SELECT * FROM known) THEN '{UNKNOWN}'"
    f" WHEN ({_KEY}) NOT IN (SELECT * FROM possible) THEN '{IMPOSSIBLE}' ELSE '' END AS verdict FROM wanted f)"
)
"""SQL of reports with the reason why each cannot count, else ''. Both sets are hashed: a condition with EXISTS would
read all rules again for each report."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The plans, and the declared figures that they name, as parameters of the queries.

    kept: results of earlier transactions; None for a moment that shows other data than those of now.
    """

    plans: Sequence[Plan] = ()
    kept: KeptResults | None = field(default=None, compare=False)

    @classmethod
    def keeping(cls, plans: Iterable[Plan]) -> Rules:
        return cls(tuple(plans), KeptResults())

    def recall(
        self, connection: Connection, scope: Scope, source: Source, key: tuple[Hashable, ...], read: Callable[[], T]
    ) -> T:
        """Return what `read` returns, or the kept result of the same data (`KeptResults.get`)."""
        return read() if self.kept is None else self.kept.get(connection, scope, source, key, read)

    def within(self, scope: Scope, window: Window | None = None) -> dict[str, list[object]]:
        """Return the rows of the plans that can hold a figure of the scope, of the window if one is given.

        A query compares each figure with each row. A county's query therefore gets the rows of the county's plan alone,
        not those of the sixty plans of a province.
        """
        low, high = scope.bounds
        held = [plan for plan in self.plans if _meets(plan, low, high, window)]
        return {
            **_columns("a", ("low", "high", "first", "last", "indicator", "unit", "length"), _asked(held)),
            **_columns("b", ("low", "high", "first", "last", "department"), _bound(held)),
        }


def _meets(plan: Plan, low: int, high: int, window: Window | None) -> bool:
    lowest, highest = region_bounds(plan.region)
    days = window is None or (plan.period.start <= window.end and window.start <= plan.period.end)
    return days and lowest <= high and low <= highest


def _asked(plans: Sequence[Plan]) -> list[tuple[object, ...]]:
    return [
        (*region_bounds(plan.region), plan.period.start, plan.period.end, one.id, one.unit, length)
        for plan in plans
        for one in plan.indicators
        for length in one.periods
    ]


def _bound(plans: Sequence[Plan]) -> list[tuple[object, ...]]:
    return [
        (*region_bounds(plan.region), plan.period.start, plan.period.end, department)
        for plan in plans
        for department in ("", *(one.id for one in plan.departments))
    ]


def _columns(head: str, names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {f"{head}_{name}": [row[index] for row in rows] for index, name in enumerate(names)}


_KIND = (
    "CASE WHEN last_day = first_day THEN 0 WHEN last_day - first_day < 31 THEN 1 ELSE 2 END"
    " + CASE WHEN department = '' THEN 3 ELSE 0 END"
)
"""SQL of a figure's kind: day, month or year, of a department or the region. Figures of one kind never overlap."""
_FIGURE = "region, indicator, department, period"
_CHOSEN = (
    f"WITH {_RULES}, possible AS MATERIALIZED (SELECT f.* FROM figures f WHERE f.region BETWEEN :low AND :high"
    f" AND f.first_day >= :start AND f.last_day <= :end AND f.place >= 0{{department}} AND {_BOUND} AND {_RIGHT}),"
    f" chosen AS MATERIALIZED (SELECT p.* FROM possible p WHERE p.place = 0 OR ({_FIGURE}, place) IN"
    f" (SELECT {_FIGURE}, min(place) FROM possible GROUP BY {_FIGURE}))"
)
"""SQL that chooses for each figure the highest report that can be right: an impossible one changes nothing."""
_FIGURE_OF = "region, indicator, department"
_ROW = "c.region, c.indicator, c.department, c.first_day, c.last_day, c.numerator, c.denominator"
_KINDS = (
    f"min({_KIND}) = max({_KIND}) AS alike, sum(numerator) AS numerator, sum(denominator) AS denominator FROM chosen"
)
_TOTAL = (
    "CAST(NULL AS date) AS first_day, CAST(NULL AS date) AS last_day, sum(numerator) AS numerator,"
    " sum(denominator) AS denominator"
)
_PARTS = f", parts AS (SELECT {_FIGURE_OF}, {_KINDS} WHERE department <> '' GROUP BY {_FIGURE_OF})"
_OF_DEPARTMENTS = (
    f" UNION ALL SELECT false, 0, indicator, department, {_TOTAL} FROM parts WHERE alike"
    f" GROUP BY indicator, department UNION ALL SELECT false, {_ROW} FROM chosen c WHERE c.department <> ''"
    f" AND (c.region, c.indicator, c.department) NOT IN (SELECT {_FIGURE_OF} FROM parts WHERE alike)"
)


def _summed(department: str, parts: str = "", of_departments: str = "") -> str:
    """Return the SQL of a scope's sums of figures that are alike, and of the others as rows.

    Sets are asked by IN, which is hashed: PostgreSQL expects one row of each, and would join them row by row.
    """
    return (
        f"{_CHOSEN.format(department=department)},"
        f" kinds AS (SELECT region, indicator, {_KINDS} GROUP BY region, indicator){parts}"
        f" SELECT true AS own, 0 AS region, indicator, '' AS department, {_TOTAL} FROM kinds WHERE alike"
        f" GROUP BY indicator UNION ALL SELECT true, {_ROW} FROM chosen c"
        f" WHERE (c.region, c.indicator) NOT IN (SELECT region, indicator FROM kinds WHERE alike){of_departments}"
    )


def _of_one(indicator: str | None) -> tuple[str, dict[str, object]]:
    """Return the SQL condition and the value for one indicator; without one, those of no condition."""
    return (" AND f.indicator = :indicator", {"indicator": indicator}) if indicator is not None else ("", {})


def declared_figures(
    connection: Connection, rules: Rules, scope: Scope, window: Window, indicator: str | None = None
) -> dict[str, Figure]:
    """Return each indicator's sum over the periods in the window; of one indicator alone if it is named.

    A province has ten thousand figures and more. If all figures of a county's indicator are of one kind, they all
    count, and the database adds them up; only the others are read one by one.
    """
    department = " AND f.department = :department" if scope.department is not None else ""
    condition, values = _of_one(indicator)

    def read() -> dict[str, Figure]:
        rows = executed(connection, _summed(department + condition), rules, (scope, window), values)
        return _added(rows, scope.department)

    return dict(rules.recall(connection, scope, "figures", ("sums", scope, window, indicator), read))


def declared_table(
    connection: Connection, rules: Rules, region: int, window: Window, indicator: str | None = None
) -> tuple[dict[str, Figure], dict[str, dict[str, Figure]]]:
    """Return the sums of a region as `declared_figures` does, and those of each department in it, in one query."""
    condition, values = _of_one(indicator)
    query = _summed(condition, _PARTS, _OF_DEPARTMENTS)
    scope = Scope(region)

    def read() -> dict[str | None, dict[str, Figure]]:
        departments = defaultdict[str | None, list[Any]](list)
        for row in executed(connection, query, rules, (scope, window), values):
            departments[None if row.own else row.department].append(row)
        return {name: _added(listed, name) for name, listed in departments.items()}

    found = rules.recall(connection, scope, "figures", ("table", scope, window, indicator), read)
    return dict(found.get(None, {})), {name: dict(sums) for name, sums in found.items() if name is not None}


def _added(rows: Iterable[Any], department: str | None) -> dict[str, Figure]:
    alike, others = [], []
    for _, region, indicator, name, first, last, numerator, denominator in rows:
        below = None if denominator is None else int(denominator)
        if first is None:
            alike.append(Amount(indicator, int(numerator), below))
        else:
            others.append(Declared(region, indicator, name, Window(first, last), int(numerator), below))
    return declared_sums(others, department, alike)


def parameters(scope: Scope) -> dict[str, object]:
    """Return the values of :low, :high and, if the scope has one, :department or :hall."""
    low, high = scope.bounds
    given: dict[str, object] = {"low": low, "high": high}
    if scope.department is not None:
        given["department"] = scope.department
    if scope.hall is not None:
        given["hall"] = scope.hall
    return given


def plan_by_values(connection: Connection, scope: Scope) -> None:
    """Have PostgreSQL plan this transaction's statements by their values where the scope holds many counties.

    After some runs it keeps one plan for all values. For a province's rules that plan took 8 s where its own took 0.4.
    """
    low, high = scope.bounds
    if low != high:
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def executed(
    connection: Connection,
    query: str,
    rules: Rules,
    of: tuple[Scope, Window],
    more: Mapping[str, object] | None = None,
) -> Sequence[Any]:
    scope, window = of
    plan_by_values(connection, scope)
    values = {**parameters(scope), **rules.within(scope, window), "start": window.start, "end": window.end}
    return connection.execute(text(query), {**values, **(more or {})}).all()


_FIRST = (
    f"WITH {_RULES} SELECT f.indicator, f.department, f.first_day, min({_ARRIVED_DAY}) FROM figures f"
    " WHERE f.region BETWEEN :low AND :high AND f.first_day >= :start AND f.last_day <= :end AND f.department <> ''"
    f" AND {_LENGTH} = 'month' AND {_BOUND} AND {_RIGHT} GROUP BY f.indicator, f.department, f.first_day"
)


def read_first_reports(connection: Connection, rules: Rules, region: int, window: Window) -> Arrivals:
    """Return when each department's figure of each month first arrived, among the reports that can be right."""
    scope = Scope(region)

    def read() -> Arrivals:
        rows = executed(connection, _FIRST, rules, (scope, window))
        return {(indicator, department, month): day for indicator, department, month, day in rows}

    return rules.recall(connection, scope, "figures", ("first reports", scope, window), read)


_OF_DAYS = f"f.place >= 0 AND (f.first_day <= :end AND f.last_day >= :start OR {_ARRIVED_DAY} BETWEEN :start AND :end)"


def findings_query(where: str) -> str:
    """Return the SQL of the reports of :verdict whose period shares a day with the window, or that arrived in it."""
    return (
        f"{JUDGED.format(where=f'{where} AND {_OF_DAYS}')} SELECT f.region, f.hall, f.indicator, f.department,"
        " f.period, f.revision, f.numerator, f.denominator, f.id, f.time, f.arrived FROM judged f"
        " WHERE f.verdict = :verdict ORDER BY f.region, f.indicator, f.period, f.department, f.place"
    )
