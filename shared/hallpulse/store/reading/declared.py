"""Declared figures by the plans: those that count, those that cannot be right, and every report with what became of it.

One condition in SQL, held to `hallpulse.domain.declarations` by the tests: a province has ten thousand and more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.domain.case import unpack_id
from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN
from hallpulse.domain.figures import Amount, Declared, Figure, Scope, Window, counted_of, declared_sums, region_bounds
from hallpulse.domain.plan import Plan
from hallpulse.domain.reporting import Arrivals

Status = Literal["counted", "superseded", "nested", "unknown_figure", "impossible_figure"]
_LENGTH = (
    "CASE WHEN f.last_day = f.first_day THEN 'day' WHEN f.last_day - f.first_day < 31 THEN 'month' ELSE 'year' END"
)
_ARRIVED_DAY = "DATE '1970-01-01' + (f.arrived + 480) / 1440"
"""In Asia/Shanghai."""
_HELD = "f.region BETWEEN x.low AND x.high AND f.first_day >= x.first_day AND f.last_day <= x.last_day"
_RULES = (
    "asked AS MATERIALIZED (SELECT * FROM unnest(CAST(:a_low AS int[]), CAST(:a_high AS int[]),"
    " CAST(:a_first AS date[]), CAST(:a_last AS date[]), CAST(:a_indicator AS text[]), CAST(:a_unit AS text[]),"
    " CAST(:a_length AS text[])) AS a(low, high, first_day, last_day, indicator, unit, length)),"
    " bound AS MATERIALIZED (SELECT * FROM unnest(CAST(:b_low AS int[]), CAST(:b_high AS int[]),"
    " CAST(:b_first AS date[]), CAST(:b_last AS date[]), CAST(:b_department AS text[]))"
    " AS b(low, high, first_day, last_day, department))"
)
_KNOWN = (
    f"EXISTS (SELECT FROM asked x WHERE x.indicator = f.indicator AND {_HELD}) AND (f.department = ''"
    f" OR EXISTS (SELECT FROM bound x WHERE x.department = f.department AND {_HELD}))"
)
_RIGHT = (
    f"f.numerator >= 0 AND coalesce(f.denominator, 0) >= 0 AND f.first_day <= {_ARRIVED_DAY} AND EXISTS ("
    f"SELECT FROM asked x WHERE x.indicator = f.indicator AND {_HELD} AND x.length = {_LENGTH} AND CASE x.unit"
    " WHEN 'share' THEN coalesce(f.denominator >= f.numerator, false) WHEN 'count' THEN f.denominator IS NULL"
    " ELSE true END)"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The plans, and the declarations that they ask for as the parameters of the queries."""

    parameters: Mapping[str, Sequence[object]]
    plans: Sequence[Plan] = ()


def rules_of(plans: Sequence[Plan]) -> Rules:
    asked = [
        (*region_bounds(plan.region), plan.period.start, plan.period.end, one.id, one.unit, length)
        for plan in plans
        for one in plan.indicators
        for length in one.periods
    ]
    bound = [
        (*region_bounds(plan.region), plan.period.start, plan.period.end, department.id)
        for plan in plans
        for department in plan.departments
    ]
    return Rules(
        {
            **_columns("a", ("low", "high", "first", "last", "indicator", "unit", "length"), asked),
            **_columns("b", ("low", "high", "first", "last", "department"), bound),
        },
        tuple(plans),
    )


def _columns(head: str, names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {f"{head}_{name}": [row[index] for row in rows] for index, name in enumerate(names)}


_KIND = (
    "CASE WHEN last_day = first_day THEN 0 WHEN last_day - first_day < 31 THEN 1 ELSE 2 END"
    " + CASE WHEN department = '' THEN 3 ELSE 0 END"
)
"""Day, month or year, of a department or of the region: what is of one kind does not lie in each other."""
_CHOSEN = (
    f"WITH {_RULES}, possible AS MATERIALIZED (SELECT f.* FROM figures f WHERE f.region BETWEEN :low AND :high"
    f" AND f.first_day >= :start AND f.last_day <= :end AND f.place >= 0{{department}} AND {_KNOWN} AND {_RIGHT}),"
    " chosen AS MATERIALIZED (SELECT p.* FROM possible p WHERE p.place = 0 UNION ALL SELECT p.* FROM possible p"
    " WHERE p.place > 0 AND NOT EXISTS (SELECT FROM possible q WHERE q.region = p.region AND q.indicator = p.indicator"
    " AND q.department = p.department AND q.period = p.period AND q.place < p.place))"
)
"""Of each figure the highest report that can be right: an impossible one changes nothing."""
_EACH = f"{_CHOSEN} SELECT region, indicator, department, first_day, last_day, numerator, denominator FROM chosen"
_SUMMED = (
    f"{_CHOSEN},"
    f" kinds AS (SELECT region, indicator, min({_KIND}) = max({_KIND}) AS alike, sum(numerator) AS numerator,"
    " sum(denominator) AS denominator FROM chosen GROUP BY region, indicator)"
    " SELECT 0 AS region, indicator, '' AS department, CAST(NULL AS date) AS first_day, CAST(NULL AS date) AS last_day,"
    " sum(numerator) AS numerator, sum(denominator) AS denominator FROM kinds WHERE alike GROUP BY indicator"
    " UNION ALL SELECT c.region, c.indicator, c.department, c.first_day, c.last_day, c.numerator, c.denominator"
    " FROM chosen c JOIN kinds USING (region, indicator) WHERE NOT kinds.alike"
)


def declared_in(connection: Connection, rules: Rules, scope: Scope, window: Window) -> list[Declared]:
    """The declared figures that count, of periods that lie wholly in the window."""
    rows = connection.execute(text(_EACH.format(department="")), _values(rules, scope, window))
    return [
        Declared(region, indicator, department, Window(first, last), numerator, denominator)
        for region, indicator, department, first, last, numerator, denominator in rows.all()
    ]


def declared_figures(connection: Connection, rules: Rules, scope: Scope, window: Window) -> dict[str, Figure]:
    """Each indicator's sum over the periods in the window.

    A province has ten thousand and more: the database adds up those of a county's indicator whose periods are of one
    kind, which all count; only the others come one by one.
    """
    department = " AND f.department = :department" if scope.department is not None else ""
    query = text(_SUMMED.format(department=department))
    alike, others = [], []
    for region, indicator, name, first, last, numerator, denominator in connection.execute(
        query, _values(rules, scope, window)
    ).all():
        below = None if denominator is None else int(denominator)
        if first is None:
            alike.append(Amount(indicator, int(numerator), below))
        else:
            others.append(Declared(region, indicator, name, Window(first, last), int(numerator), below))
    return declared_sums(others, scope.department, alike)


def parameters(scope: Scope) -> dict[str, object]:
    """The values of :low, :high and, where the scope has one, :department or :hall."""
    low, high = scope.bounds
    given: dict[str, object] = {"low": low, "high": high}
    if scope.department is not None:
        given["department"] = scope.department
    if scope.hall is not None:
        given["hall"] = scope.hall
    return given


def _values(rules: Rules, scope: Scope, window: Window) -> dict[str, object]:
    return {**parameters(scope), **rules.parameters, "start": window.start, "end": window.end}


class FigureFilter(NamedTuple):
    """Reports of a scope whose period lies wholly in the window; of one indicator, where one is named."""

    scope: Scope
    window: Window
    indicator: str | None = None


@dataclass(frozen=True, slots=True)
class FigureReport:
    """One report of a declared figure in force, and whether it counts.

    hall, id: of the event; time: microseconds since 1970-01-01 UTC; arrived: minutes since then; extra: the event's
    other attributes as JSON, None where it has none.
    """

    region: int
    indicator: str
    department: str
    period: str
    numerator: int
    denominator: int | None
    revision: int
    hall: str
    id: str
    time: int
    arrived: int
    status: Status
    extra: bytes | None = None


_VERDICT = f"CASE WHEN NOT ({_KNOWN}) THEN '{UNKNOWN}' WHEN NOT ({_RIGHT}) THEN '{IMPOSSIBLE}' ELSE '' END"
_REPORTS = (
    f"WITH {_RULES} SELECT f.region, f.indicator, f.department, f.period, f.first_day, f.last_day, f.numerator,"
    f" f.denominator, f.revision, f.hall, f.id, f.time, f.arrived, {_VERDICT}, e.extra, f.place FROM figures f"
    " JOIN events e ON e.id = f.id AND e.region = f.region AND e.hall = f.hall"
    " WHERE f.region BETWEEN :low AND :high AND f.first_day >= :start AND f.last_day <= :end{more}"
    " ORDER BY f.region, f.indicator, f.first_day, f.last_day DESC, f.department, f.place"
)


def read_reports(connection: Connection, rules: Rules, wanted: FigureFilter) -> list[FigureReport]:
    """Every report of the periods that lie wholly in the window, of one figure those first that could count.

    What counts adds up to the indicator of the scope over the same window.
    """
    values, more = _values(rules, wanted.scope, wanted.window), ""
    for name in ("indicator", "department"):
        if (given := getattr(wanted if name == "indicator" else wanted.scope, name)) is not None:
            more, values[name] = f"{more} AND f.{name} = :{name}", given
    rows = [_Row(*row) for row in connection.execute(text(_REPORTS.format(more=more)), values)]
    return _with_status(rows, wanted.scope.department)


class _Row(NamedTuple):
    region: int
    indicator: str
    department: str
    period: str
    first_day: date
    last_day: date
    numerator: int
    denominator: int | None
    revision: int
    hall: str
    id: bytes
    time: int
    arrived: int
    verdict: str
    extra: bytes | None
    place: int

    @property
    def figure(self) -> tuple[int, str, str, str]:
        return self[:4]

    @property
    def declared(self) -> Declared:
        window = Window(self.first_day, self.last_day)
        return Declared(self.region, self.indicator, self.department, window, self.numerator, self.denominator)


def _with_status(rows: Sequence[_Row], department: str | None) -> list[FigureReport]:
    standing: dict[tuple[int, str, str, str], _Row] = {}
    for row in rows:
        if not row.verdict and row.place >= 0:
            standing.setdefault(row.figure, row)
    groups: dict[tuple[int, str], list[Declared]] = {}
    for row in standing.values():
        groups.setdefault((row.region, row.indicator), []).append(row.declared)
    counting = {one for listed in groups.values() for one in counted_of(listed, department)}
    return [_report(row, _status(row, standing, counting)) for row in rows]


def _status(row: _Row, standing: Mapping[tuple[int, str, str, str], _Row], counting: Set[Declared]) -> Status:
    if row.place < 0:
        return "superseded"
    if row.verdict:
        return UNKNOWN if row.verdict == UNKNOWN else IMPOSSIBLE
    if standing[row.figure] is not row:
        return "superseded"
    return "counted" if row.declared in counting else "nested"


def _report(row: _Row, status: Status) -> FigureReport:
    extra = None if row.extra is None else bytes(row.extra)
    return FigureReport(
        row.region, row.indicator, row.department, row.period, row.numerator, row.denominator, row.revision,
        row.hall, unpack_id(bytes(row.id)), row.time, row.arrived, status, extra,
    )  # fmt: skip


_FIRST = (
    f"WITH {_RULES} SELECT f.indicator, f.department, f.first_day, min({_ARRIVED_DAY}) FROM figures f"
    " WHERE f.region = :region AND f.first_day >= :start AND f.last_day <= :end AND f.department <> ''"
    f" AND {_LENGTH} = 'month' AND {_KNOWN} AND {_RIGHT} GROUP BY f.indicator, f.department, f.first_day"
)


def read_first_reports(connection: Connection, rules: Rules, region: int, window: Window) -> Arrivals:
    """When each department's figure of each month first arrived, of the reports that can be right."""
    given = {**rules.parameters, "region": region, "start": window.start, "end": window.end}
    rows = connection.execute(text(_FIRST), given)
    return {(indicator, department, month): day for indicator, department, month, day in rows}


FINDINGS = (
    f"FROM (SELECT f.*, {_VERDICT} AS verdict FROM figures f WHERE {{where}} AND f.place >= 0"
    f" AND (f.first_day <= :end AND f.last_day >= :start OR {_ARRIVED_DAY} BETWEEN :start AND :end)) f"
    " WHERE f.verdict = :verdict"
    " ORDER BY f.region, f.indicator, f.period, f.department, f.place"
)
"""Of reports whose period shares a day with the window, or that arrived in it; needs RULES before the SELECT."""
RULES = f"WITH {_RULES} "
