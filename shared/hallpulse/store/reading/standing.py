"""How things stand: open cases by state, elapsed times, coverage, regions and departments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.measures import BUCKETS, DAYS_APART, MEASURES, OPEN_STATES, ElapsedHistogram
from hallpulse.domain.percentiles import percentiles_of_buckets

from .ranges import EVER, FAR
from .sums import Sought, Sums, cell_sums, parameters, total

_OF_STATES = [MEASURES[name] for name in dict.fromkeys(n for s in OPEN_STATES.values() for n in (*s.added, *s.taken))]
_STANDING = tuple(measure.name for measure in _OF_STATES if measure.day == "received")
_REACHED = tuple(measure.name for measure in _OF_STATES if measure.day != "received")


@dataclass(frozen=True, slots=True)
class Coverage:
    """Halls that are registered (or have sent anything), those that reported in the window, the newest event in it.

    newest: microseconds since 1970-01-01 UTC, None where nothing was reported.
    """

    halls: int
    reporting: int
    newest: int | None


def read_open_cases(connection: Connection, scope: Scope, today: date) -> dict[str, dict[str, int]]:
    """Department → state → open cases on a day."""
    standing, reached = cell_sums(connection, scope, *open_sought(today))
    return {name: states_of(sums, reached.get(name, {})) for name, sums in standing.items()}


def open_sought(today: date) -> tuple[Sought, Sought]:
    """What the states of open cases follow from: what stands at all, and what has come to pass by a day."""
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
    """The same where the sums of the cells, at least of BUCKETS, are known already.

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


def read_flagged(connection: Connection) -> dict[tuple[int, str], int]:
    """(region, hall) → cases with a flag; an index holds those alone."""
    rows = connection.execute(text("SELECT region, hall, count(*) FROM cases WHERE flags <> 0 GROUP BY region, hall"))
    return {(region, hall): count for region, hall, count in rows}


def read_regions(connection: Connection) -> list[int]:
    """Counties that have data or registered halls, in order of their codes."""
    return [
        r for (r,) in connection.execute(text("SELECT region FROM regions UNION SELECT region FROM halls ORDER BY 1"))
    ]


def read_departments(connection: Connection, region: int) -> list[str]:
    """Departments of the catalogue as it ever was, in order."""
    rows = connection.execute(
        text("SELECT DISTINCT department FROM item_cells WHERE region = :region ORDER BY 1"), {"region": region}
    )
    return [department for (department,) in rows]
