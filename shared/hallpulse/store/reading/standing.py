"""How things stand: open cases by state, elapsed times, coverage, regions and departments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.measures import COLUMNS, Measure

from .sums import EVER, cell_sums

STATES = ("on_time", "due_soon", "overdue", "suspended", "unaccepted_late")
_FAR = date(2261, 12, 31)
_BUCKETS = COLUMNS[Measure.ELAPSED_BUCKET_0 :]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Halls that are registered (or have sent anything), those that reported in the window, the newest event in it.

    newest: microseconds since 1970-01-01 UTC, None where nothing was reported.
    """

    halls: int
    reporting: int
    newest: int | None


@dataclass(frozen=True, slots=True)
class ElapsedHistogram:
    """Decided cases by elapsed days: one count a bucket (`ELAPSED_BUCKETS`, then what is longer), and Σ elapsed."""

    counts: tuple[int, ...]
    total_days: int


def read_open_cases(connection: Connection, scope: Scope, today: date) -> dict[str, dict[str, int]]:
    """Department → state → open cases on a day."""
    standing = cell_sums(connection, scope, Window(EVER, _FAR), ("open", "open_suspended"))
    reached = cell_sums(
        connection, scope, Window(EVER, max(today, EVER)), ("open_soon", "open_late", "open_unaccepted")
    )
    return {name: _states(sums, reached.get(name, {})) for name, sums in standing.items()}


def _states(standing: dict[str, int], reached: dict[str, int]) -> dict[str, int]:
    overdue, unaccepted = reached.get("open_late", 0), reached.get("open_unaccepted", 0)
    soon = reached.get("open_soon", 0) - overdue
    suspended = standing["open_suspended"]
    return {
        "on_time": standing["open"] - suspended - soon - overdue - unaccepted,
        "due_soon": soon,
        "overdue": overdue,
        "suspended": suspended,
        "unaccepted_late": unaccepted,
    }


def read_histograms(connection: Connection, region: int, window: Window) -> dict[str, ElapsedHistogram]:
    """Department → elapsed days of the cases decided in the window."""
    sums = cell_sums(connection, Scope(region), window, (*_BUCKETS, "elapsed_days"))
    return {
        name: ElapsedHistogram(tuple(found[bucket] for bucket in _BUCKETS), found["elapsed_days"])
        for name, found in sums.items()
    }


def read_percentiles(connection: Connection, scope: Scope, window: Window) -> dict[str, int | None]:
    """p50, p90 and p95 of elapsed days (nearest rank) over the timed cases decided in the window."""
    low, high = scope.bounds
    narrower = " AND department = :department" if scope.department is not None else ""
    narrower += " AND hall = :hall" if scope.hall is not None else ""
    found = connection.execute(
        text(
            "SELECT percentile_disc(CAST(:ranks AS float8[])) WITHIN GROUP (ORDER BY elapsed) FROM cases"
            f" WHERE region BETWEEN :low AND :high AND timed AND decided BETWEEN :start AND :end{narrower}"
        ),
        {
            "ranks": [0.5, 0.9, 0.95],
            "low": low,
            "high": high,
            "start": window.start,
            "end": window.end,
            "department": scope.department,
            "hall": scope.hall,
        },
    ).scalar()
    values = found if found is not None else [None, None, None]
    return dict(zip(("p50", "p90", "p95"), values, strict=True))


def read_coverage(connection: Connection, scope: Scope, window: Window) -> Coverage:
    low, high = scope.bounds
    hall = " AND hall = :hall" if scope.hall is not None else ""
    row = connection.execute(
        text(
            "WITH sent AS (SELECT region, hall, max(newest) FILTER (WHERE day BETWEEN :start AND :end) AS newest"
            f" FROM hall_days WHERE region BETWEEN :low AND :high{hall} GROUP BY region, hall),"
            f" known AS (SELECT region, hall FROM halls WHERE region BETWEEN :low AND :high{hall}"
            " UNION SELECT region, hall FROM sent)"
            " SELECT (SELECT count(*) FROM known), count(newest), max(newest) FROM sent"
        ),
        {"low": low, "high": high, "start": window.start, "end": window.end, "hall": scope.hall},
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
