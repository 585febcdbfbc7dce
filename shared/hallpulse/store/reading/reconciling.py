"""Reconciliation: days for which halls sent both cases and tallies, and the region codes with stored figures."""

from __future__ import annotations

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.reconciliation import StatedDay

from .declared import parameters
from .overview import CLASHES, TALLIED, clashes, narrower

_STATED = ", ".join(f"t.{count} AS stated_{count}" for count in TALLIED.values())
_COUNTED = ", ".join(f"coalesce(sum(c.{measure}), 0) AS {measure}" for measure in TALLIED)
_HOLDING = ("cells", "item_cells", "tallies", "figures")


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
