"""Figures of a scope over a window: indicators, declared figures, open cases by state, elapsed times, coverage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Coverage, Declared, Figure, FigureTable, Scope, Window, declared_sums
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import (
    BUCKETS,
    DAYS_APART,
    MEASURES,
    OPEN_STATES,
    ElapsedHistogram,
    percentiles_of_buckets,
)
from hallpulse.store.catalogue import CalendarCache

from .declared import Rules, declared_figures, declared_in
from .sums import EVER, FAR, Sought, Sums, cell_sums, item_sums, parameters, tally_sums, total


@dataclass(frozen=True, slots=True)
class Overview:
    """figures: by indicator id; percentiles: p50, p90, p95 of elapsed working days, None without timed cases.

    open_cases: by state; provisional: the window lies in a year whose official holidays are not known yet.
    """

    figures: Mapping[str, Figure]
    percentiles: Mapping[str, int | None]
    open_cases: Mapping[str, int]
    coverage: Coverage
    provisional: bool


def read_overview(
    connection: Connection, calendars: CalendarCache, rules: Rules, asked: tuple[Scope, Window, date]
) -> Overview:
    """Read an overview in one pass over the cells. asked: with today, for the states of open cases."""
    scope, window, today = asked
    sought = Sought(window, (*counted(), *BUCKETS)), *open_sought(today)
    cells, standing, reached = (total(sums) for sums in cell_sums(connection, scope, *sought, departments=False))
    return Overview(
        figures=figures_from(connection, rules, scope, window, cells),
        percentiles=percentiles_from(connection, scope, window, cells),
        open_cases=states_of(standing, reached),
        coverage=read_coverage(connection, scope, window),
        provisional=bool(calendars.current(connection).workdays(scope.region).provisional_in(window.start, window.end)),
    )


def counted() -> tuple[str, ...]:
    """The columns of the cells that an indicator names."""
    parts = ((*one.numerator, *one.denominator) for one in COMPUTED.values() if one.kind == "case")
    return tuple(sorted({name for names in parts for name in names}))


def read_figures(connection: Connection, rules: Rules, scope: Scope, window: Window) -> dict[str, Figure]:
    """Every computed indicator of the scope and the declared figures of its periods, by indicator id.

    A hall has no catalogue and no declared figures: those are its region's.
    """
    (cells,) = cell_sums(connection, scope, Sought(window, counted()), departments=False)
    return figures_from(connection, rules, scope, window, total(cells))


def figures_from(connection: Connection, rules: Rules, scope: Scope, window: Window, cells: Sums) -> dict[str, Figure]:
    """Figures from sums of the cells that are known already, at least those of `counted`."""
    tallies = tally_sums(connection, scope, window)
    if scope.hall is not None:
        return _computed(cells, tallies, None)
    items = total(item_sums(connection, scope, window.end, departments=False))
    return {**_computed(cells, tallies, items), **declared_figures(connection, rules, scope, window)}


def read_figure_table(connection: Connection, rules: Rules, region: int, window: Window) -> FigureTable:
    """The region's figures and each department's, in four queries."""
    scope = Scope(region)
    (cells,) = cell_sums(connection, scope, Sought(window, counted()))
    items = item_sums(connection, scope, window.end)
    declared = declared_in(connection, rules, scope, window)
    own = _computed(total(cells), tally_sums(connection, scope, window), total(items))
    reported: dict[str, list[Declared]] = defaultdict(list)
    for figure in declared:
        reported[figure.department].append(figure)
    departments = {*cells, *items, *reported} - {""}
    return FigureTable(
        region=region,
        window=window,
        own={**own, **declared_sums(declared, None)},
        departments={name: _of_department(name, cells, items, reported.get(name, [])) for name in sorted(departments)},
    )


def _of_department(
    name: str, cells: Mapping[str, Sums], items: Mapping[str, Sums], declared: list[Declared]
) -> dict[str, Figure]:
    return {**_computed(cells.get(name, {}), {}, items.get(name, {})), **declared_sums(declared, name)}


def _computed(cells: Sums, tallies: Sums, items: Sums | None) -> dict[str, Figure]:
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
    """Department → state → open cases on a day."""
    standing, reached = cell_sums(connection, scope, *open_sought(today))
    return {name: states_of(sums, reached.get(name, {})) for name, sums in standing.items()}


def open_sought(today: date) -> tuple[Sought, Sought]:
    """The measures of open states: those that stand at all, and those whose day has come."""
    return (
        Sought(Window(EVER, FAR), _STANDING),
        Sought(Window(EVER, max(today, EVER)), _REACHED),
    )


def states_of(standing: Sums, reached: Sums) -> dict[str, int]:
    """State → open cases, from the sums of `open_sought`; a missing one counts 0."""
    sums = {**standing, **reached}
    return {
        state.name: sum(sums.get(name, 0) for name in state.added) - sum(sums.get(name, 0) for name in state.taken)
        for state in OPEN_STATES.values()
    }


def read_histograms(connection: Connection, region: int, window: Window) -> dict[str, ElapsedHistogram]:
    """Department → elapsed days of the cases decided in the window."""
    (sums,) = cell_sums(connection, Scope(region), Sought(window, (*BUCKETS, "elapsed_days")))
    return {
        name: ElapsedHistogram(tuple(found[bucket] for bucket in BUCKETS), found["elapsed_days"])
        for name, found in sums.items()
    }


def read_percentiles(connection: Connection, scope: Scope, window: Window) -> dict[str, int | None]:
    """p50, p90 and p95 of elapsed days (nearest rank) over the timed cases decided in the window."""
    (cells,) = cell_sums(connection, scope, Sought(window, BUCKETS), departments=False)
    return percentiles_from(connection, scope, window, total(cells))


def percentiles_from(connection: Connection, scope: Scope, window: Window, cells: Sums) -> dict[str, int | None]:
    """Percentiles from sums of the cells that are known already, at least those of BUCKETS.

    Where one of the three lies beyond DAYS_APART, the cases that took longer are counted too.
    """
    counts = [cells.get(bucket, 0) for bucket in BUCKETS]
    return percentiles_of_buckets(counts, lambda: _slow_cases(connection, scope, window))


def _slow_cases(connection: Connection, scope: Scope, window: Window) -> list[tuple[int, int]]:
    """Elapsed days → cases; an index holds those alone (docs/decisions/0008-slow-cases.md).

    The region is part of the statement: a plan for any region takes a province for a few cases.
    """
    low, high = scope.bounds
    narrower = " AND department = :department" if scope.department is not None else ""
    narrower += " AND hall = :hall" if scope.hall is not None else ""
    rows = connection.execute(
        text(
            f"SELECT elapsed, count(*) FROM cases WHERE region BETWEEN {low} AND {high}"
            f" AND timed AND elapsed > {DAYS_APART} AND decided BETWEEN :start AND :end{narrower} GROUP BY elapsed"
        ),
        {**parameters(scope), "start": window.start, "end": window.end},
    )
    return [(elapsed, count) for elapsed, count in rows]


def read_coverage(connection: Connection, scope: Scope, window: Window) -> Coverage:
    """How many halls there are, how many reported in the window, and its newest event.

    A hall has a row a day, for years: its name and its last day in the window are each one look into the index.
    """
    hall = " AND h.hall = :hall" if scope.hall is not None else ""
    of_scope = f"h.region BETWEEN :low AND :high{hall}"
    row = connection.execute(
        text(
            "WITH RECURSIVE sent AS ("
            f"(SELECT h.region, h.hall FROM hall_days h WHERE {of_scope} ORDER BY h.region, h.hall LIMIT 1)"
            " UNION ALL SELECT n.* FROM sent s, LATERAL (SELECT h.region, h.hall FROM hall_days h"
            f" WHERE {of_scope} AND (h.region, h.hall) > (s.region, s.hall) ORDER BY h.region, h.hall LIMIT 1) n"
            f"), known AS (SELECT h.region, h.hall FROM halls h WHERE {of_scope} UNION SELECT region, hall FROM sent)"
            " SELECT (SELECT count(*) FROM known), count(last.newest), max(last.newest)"
            " FROM sent s LEFT JOIN LATERAL (SELECT d.newest FROM hall_days d WHERE d.region = s.region"
            " AND d.hall = s.hall AND d.day BETWEEN :start AND :end ORDER BY d.day DESC LIMIT 1) last ON true"
        ),
        {**parameters(scope), "start": window.start, "end": window.end},
    ).one()
    return Coverage(*row)
