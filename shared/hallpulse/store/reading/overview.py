"""The figures of a scope over a window: indicators, declared figures, open cases, percentiles, coverage.

They come from sums of cells, of tallies and of the catalogue: of whole months, and of days at the edges of the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.domain.figures import (
    DAYS_APART,
    EVER,
    FAR,
    Coverage,
    Figure,
    Piece,
    Scope,
    Window,
    percentiles_of_buckets,
    pieces,
)
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import BUCKETS, ITEM_COLUMNS, MEASURES, OPEN_STATES
from hallpulse.domain.workdays import Workdays
from hallpulse.store.database import is_spread
from hallpulse.store.reading.declared import Rules, declared_figures, parameters


@dataclass(frozen=True, slots=True)
class Overview:
    """All figures of a scope over a window.

    figures: by indicator id; percentiles: p50, p90, p95 of elapsed working days, None without timed cases;
    open_cases: number by state; provisional: the window has days of a year whose official holidays are not known yet.
    """

    figures: Mapping[str, Figure]
    percentiles: Mapping[str, int | None]
    open_cases: Mapping[str, int]
    coverage: Coverage
    provisional: bool


def read_overview(
    connection: Connection, workdays: Workdays, rules: Rules, asked: tuple[Scope, Window, date]
) -> Overview:
    """Read an overview in one pass over the cells. asked: scope, window and today, for the states of open cases."""
    scope, window, today = asked
    sought = Sought(window, (*counted(), *BUCKETS)), *open_sought(today)
    cells, standing, reached = (total(sums) for sums in cell_sums(connection, scope, *sought, departments=False))
    return Overview(
        figures=figures_from(connection, rules, scope, window, cells),
        percentiles=percentiles_from(connection, scope, window, cells),
        open_cases=states_of(standing, reached),
        coverage=read_coverage(connection, scope, window),
        provisional=bool(workdays.provisional_in(window.start, window.end)),
    )


def counted() -> tuple[str, ...]:
    """Return the columns of the cells that indicators name."""
    parts = ((*one.numerator, *one.denominator) for one in COMPUTED.values() if one.kind == "case")
    return tuple(sorted({name for names in parts for name in names}))


def read_figures(connection: Connection, rules: Rules, scope: Scope, window: Window) -> dict[str, Figure]:
    """Return every computed indicator of the scope and the declared figures of its periods, by indicator id.

    A hall has no catalogue and no declared figures, which belong to its region.
    """
    (found,) = read_figures_over_time(connection, rules, scope, [window])
    return found


def read_figures_over_time(
    connection: Connection, rules: Rules, scope: Scope, windows: Sequence[Window]
) -> list[dict[str, Figure]]:
    """Return the figures of each window as `read_figures` does. Cells that several windows share are read once."""
    longest_first = sorted(set(windows), key=lambda one: one.start - one.end)  # so that one query reads what they share
    sought = (Sought(one, counted()) for one in longest_first)
    cells = dict(zip(longest_first, cell_sums(connection, scope, *sought, departments=False), strict=True))
    return [figures_from(connection, rules, scope, one, total(cells[one])) for one in windows]


def figures_from(connection: Connection, rules: Rules, scope: Scope, window: Window, cells: Sums) -> dict[str, Figure]:
    """Return figures from sums of the cells that are known already, at least of the columns of `counted`."""
    tallies = tally_sums(connection, scope, window)
    if scope.hall is not None:
        return computed(cells, tallies, None)
    items = total(item_sums(connection, scope, window.end, departments=False))
    return {**computed(cells, tallies, items), **declared_figures(connection, rules, scope, window)}


def computed(cells: Sums, tallies: Sums, items: Sums | None) -> dict[str, Figure]:
    """Return every indicator that the suite computes; without `items`, only those of cases."""
    with_tallies = {name: cells.get(name, 0) + tallies.get(name, 0) for name in {*cells, *tallies}}
    figures = {}
    for indicator in COMPUTED.values():
        if indicator.kind == "case":
            figures[indicator.id] = indicator.figure(with_tallies if indicator.tallies else cells)
        elif items is not None:
            figures[indicator.id] = indicator.figure(items)
    return figures


_OF_STATES = [MEASURES[name] for name in dict.fromkeys(n for s in OPEN_STATES.values() for n in (*s.added, *s.taken))]
_STANDING = tuple(measure.name for measure in _OF_STATES if measure.day == "received")
_REACHED = tuple(measure.name for measure in _OF_STATES if measure.day != "received")


def read_open_cases(connection: Connection, scope: Scope, today: date) -> dict[str, dict[str, int]]:
    """Return department → state → number of open cases on a day."""
    standing, reached = cell_sums(connection, scope, *open_sought(today))
    return {name: states_of(sums, reached.get(name, {})) for name, sums in standing.items()}


def open_sought(today: date) -> tuple[Sought, Sought]:
    """Return the measures of open states to be summed: those without a day, and those whose day has come."""
    return (
        Sought(Window(EVER, FAR), _STANDING),
        Sought(Window(EVER, max(today, EVER)), _REACHED),
    )


def states_of(standing: Sums, reached: Sums) -> dict[str, int]:
    """Return state → number of open cases, from the sums of `open_sought`; a missing sum counts 0."""
    sums = {**standing, **reached}
    return {
        state.name: sum(sums.get(name, 0) for name in state.added) - sum(sums.get(name, 0) for name in state.taken)
        for state in OPEN_STATES.values()
    }


def read_percentiles(connection: Connection, scope: Scope, window: Window) -> dict[str, int | None]:
    """Return p50, p90 and p95 of elapsed days (nearest rank) over the timed cases decided in the window."""
    (cells,) = cell_sums(connection, scope, Sought(window, BUCKETS), departments=False)
    return percentiles_from(connection, scope, window, total(cells))


def percentiles_from(connection: Connection, scope: Scope, window: Window, cells: Sums) -> dict[str, int | None]:
    """Return percentiles from sums of the cells that are known already, at least of the columns BUCKETS.

    If one of the three lies beyond DAYS_APART, the cases that took longer are read too.
    """
    counts = [cells.get(bucket, 0) for bucket in BUCKETS]
    return percentiles_of_buckets(counts, lambda: slow_cases(connection, scope, window))


def slow_cases(connection: Connection, scope: Scope, window: Window) -> list[tuple[int, int]]:
    """Return pairs of elapsed days and number of cases above DAYS_APART (docs/decisions/0008-slow-cases.md).

    The region is part of the statement: with it as a parameter, the database would plan a province for a few cases.
    """
    low, high = scope.bounds
    condition = " AND department = :department" if scope.department is not None else ""
    condition += " AND hall = :hall" if scope.hall is not None else ""
    rows = connection.execute(
        text(
            f"SELECT elapsed, count(*) FROM cases WHERE region BETWEEN {low} AND {high}"
            f" AND timed AND elapsed > {DAYS_APART} AND decided BETWEEN :start AND :end{condition} GROUP BY elapsed"
        ),
        {**parameters(scope), "start": window.start, "end": window.end},
    )
    return [(elapsed, count) for elapsed, count in rows]


_SENT = (
    "RECURSIVE sent AS ("
    "(SELECT h.region, h.hall FROM hall_days h WHERE {of_scope} ORDER BY h.region, h.hall LIMIT 1)"
    " UNION ALL SELECT n.* FROM sent s, LATERAL (SELECT h.region, h.hall FROM hall_days h"
    " WHERE {of_scope} AND (h.region, h.hall) > (s.region, s.hall) ORDER BY h.region, h.hall LIMIT 1) n)"
)
"""SQL of the halls that have ever sent an event."""
_COVERAGE_BY_ROW = (
    "SELECT count(*) FILTER (WHERE newest IS NOT NULL OR NOT closed), count(newest), max(newest) FROM ("
    "SELECT region, hall, bool_or(known) AS known, bool_or(closed) AS closed, max(newest) AS newest FROM ("
    "SELECT h.region, h.hall, true AS known, false AS closed, CAST(NULL AS bigint) AS newest FROM halls h"
    " WHERE {of_scope} UNION ALL SELECT h.region, h.hall, false, coalesce(h.closed <= :start, false), NULL"
    " FROM hall_facts h WHERE {of_scope} UNION ALL SELECT h.region, h.hall, true, false,"
    " CASE WHEN h.day BETWEEN :start AND :end THEN h.newest END FROM hall_days h WHERE {of_scope}"
    ") every GROUP BY region, hall) one WHERE known"
)
"""SQL of the coverage for Citus: each worker groups the rows of its halls."""


def read_coverage(connection: Connection, scope: Scope, window: Window) -> Coverage:
    """Return the number of halls, the number that reported in the window, and its newest event.

    A hall that was closed before the window began is not counted, unless it reported in the window all the same.

    A hall has one row for each day of many years. So the statement looks up only the halls' names and their last days
    in the index, one after the other, by recursion. Citus allows no recursion here: there all rows of the halls are
    read.
    """
    hall = " AND h.hall = :hall" if scope.hall is not None else ""
    of_scope = f"h.region BETWEEN :low AND :high{hall}"
    window_of = {**parameters(scope), "start": window.start, "end": window.end}
    if is_spread(connection):
        return Coverage(*connection.execute(text(_COVERAGE_BY_ROW.format(of_scope=of_scope)), window_of).one())
    row = connection.execute(
        text(
            f"WITH {_SENT.format(of_scope=of_scope)},"
            f" known AS (SELECT h.region, h.hall FROM halls h WHERE {of_scope} UNION SELECT region, hall FROM sent)"
            " SELECT (SELECT count(*) FROM known k WHERE NOT EXISTS (SELECT FROM hall_facts f WHERE f.region = k.region"
            " AND f.hall = k.hall AND f.closed <= :start) OR EXISTS (SELECT FROM hall_days d WHERE d.region = k.region"
            " AND d.hall = k.hall AND d.day BETWEEN :start AND :end)), count(last.newest), max(last.newest)"
            " FROM sent s LEFT JOIN LATERAL (SELECT d.newest FROM hall_days d WHERE d.region = s.region"
            " AND d.hall = s.hall AND d.day BETWEEN :start AND :end ORDER BY d.day DESC LIMIT 1) last ON true"
        ),
        window_of,
    ).one()
    return Coverage(*row)


Sums = Mapping[str, int]


TALLIED: Mapping[str, str] = {measure.name: measure.tally for measure in MEASURES.values() if measure.tally is not None}
"""Column of the cells → the count of a tally that is added to it."""


class Sought(NamedTuple):
    """Columns of the cells that are to be summed over a window."""

    window: Window
    columns: Sequence[str]


def cell_sums(
    connection: Connection, scope: Scope, *sought: Sought, departments: bool = True
) -> list[dict[str, dict[str, int]]]:
    """Return for each window department → column → sum, for the departments that have cells in it.

    Cells that several windows share are read once. departments: False puts all departments under the empty name.
    """
    found: list[dict[str, dict[str, int]]] = [{} for _ in sought]
    for columns, listed in _passes(sought):
        for department, number, *amounts in _sums_of(connection, scope, columns, listed, departments):
            amount = dict(zip(columns, amounts, strict=True))
            for sums, one, sign in zip(found, sought, listed[number - 1].signs, strict=True):
                if sign:
                    known = sums.setdefault(department, dict.fromkeys(one.columns, 0))
                    for name in one.columns:
                        known[name] += sign * amount[name]
    return found


def _passes(sought: Sequence[Sought]) -> Iterator[tuple[list[str], list[Piece]]]:
    """Yield columns and cells that are read together.

    Each cell is read with the first window that holds it, so cells of later windows are read without its columns.
    """
    by_first: dict[int, list[Piece]] = {}
    for piece in pieces([one.window for one in sought]):
        first = next(index for index, sign in enumerate(piece.signs) if sign)
        by_first.setdefault(first, []).append(piece)
    for first, listed in by_first.items():
        yield list(dict.fromkeys(name for one in sought[first:] for name in one.columns)), listed


def _sums_of(
    connection: Connection, scope: Scope, columns: Sequence[str], listed: Sequence[Piece], departments: bool
) -> Iterable[Sequence[Any]]:
    """Return rows of department, number of the piece (from 1), and sums.

    Each piece is summed separately: a province has a hundred thousand cells, and multiplying each column of each cell
    by a sign would take as long as the sums.
    """
    sums = ", ".join(f"sum(c.{name})" for name in columns)
    query = text(
        f"SELECT {_department('c', departments)}, w.number, {sums}"
        " FROM unnest(CAST(:grains AS text[]), CAST(:lows AS date[]), CAST(:highs AS date[]))"
        " WITH ORDINALITY AS w(grain, low, high, number)"
        " JOIN cells c ON c.grain = w.grain AND c.day BETWEEN w.low AND w.high"
        f" WHERE c.region BETWEEN :low AND :high{narrower(scope, 'c')}"
        " GROUP BY 1, 2"
    )
    parts: dict[str, list[Any]] = {
        "grains": [piece.grain for piece in listed],
        "lows": [piece.low for piece in listed],
        "highs": [piece.high for piece in listed],
    }
    return connection.execute(query, {**parts, **parameters(scope)})


def tally_sums(connection: Connection, scope: Scope, window: Window) -> Sums:
    """Return sums of tallies by the cell column that they are added to, without days on which the hall also sent cases.

    Each month is checked first: most halls with tallies send no cases, and then no day needs a check.
    """
    if scope.department is not None:
        return {}
    counts = TALLIED.values()
    names, amounts = ", ".join(f"t.{name}" for name in counts), ", ".join(f"sum(t.{name}) AS {name}" for name in counts)
    of_scope = f"t.region BETWEEN :low AND :high{narrower(scope, 't')} AND t.day BETWEEN :start AND :end"
    row = connection.execute(
        text(
            "WITH months AS (SELECT t.region, t.hall, t.day - (CAST(date_part('day', t.day) AS int) - 1) AS day,"
            f" {amounts} FROM tallies t WHERE {of_scope} GROUP BY 1, 2, 3),"
            f" asked AS MATERIALIZED (SELECT t.*, {clashes('m')} AS doubtful FROM months t)"
            f" SELECT {', '.join(f'sum(t.{name})' for name in counts)} FROM ("
            f"SELECT {names} FROM asked t WHERE NOT t.doubtful UNION ALL"
            f" SELECT {names} FROM asked a JOIN tallies t ON t.region = a.region AND t.hall = a.hall"
            " AND t.day >= a.day AND t.day < CAST(a.day + interval '1 month' AS date)"
            f" WHERE a.doubtful AND {of_scope} AND NOT {CLASHES}) t"
        ),
        {**parameters(scope), "start": window.start, "end": window.end},
    ).one()
    return dict(zip(TALLIED, (int(amount or 0) for amount in row), strict=True))


def clashes(grain: str) -> str:
    """Return the condition that cases of the hall of a tally `t` were counted on the tally's day, or in its month."""
    return (
        f"EXISTS (SELECT FROM cells c WHERE c.region = t.region AND c.grain = '{grain}' AND c.day = t.day"
        " AND c.hall = t.hall AND (c.received > 0 OR c.accepted > 0 OR c.rejected > 0 OR c.decided > 0))"
    )


CLASHES = clashes("d")
"""The condition that leaves a tally `t` out: cases of its hall were received, accepted, rejected or decided then."""


def item_sums(
    connection: Connection, scope: Scope, day: date, *, departments: bool = True
) -> dict[str, dict[str, int]]:
    """Return department → column → sum over the items effective on a day.

    departments: False puts all departments under the empty name.
    """
    sums = ", ".join(f"sum(i.{name})" for name in ITEM_COLUMNS)
    department = " AND i.department = :department" if scope.department is not None else ""
    rows = connection.execute(
        text(
            f"SELECT {_department('i', departments)}, {sums} FROM item_cells i"
            f" WHERE i.region BETWEEN :low AND :high AND i.day <= :day{department} GROUP BY 1"
        ),
        {**parameters(scope), "day": day},
    )
    return {row[0]: dict(zip(ITEM_COLUMNS, map(int, row[1:]), strict=True)) for row in rows}


def total(parts: Mapping[str, Sums]) -> dict[str, int]:
    """Return the sums over all departments."""
    result: dict[str, int] = {}
    for sums in parts.values():
        for name, amount in sums.items():
            result[name] = result.get(name, 0) + amount
    return result


def _department(alias: str, departments: bool) -> str:
    return f"{alias}.department" if departments else "''"


def narrower(scope: Scope, alias: str) -> str:
    """Return the condition of the scope's department or hall, to be added to the one of its regions."""
    if scope.department is not None:
        return f" AND {alias}.department = :department"
    return f" AND {alias}.hall = :hall" if scope.hall is not None else ""
