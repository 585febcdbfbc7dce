"""Cases that the checks found, by department, with what they add to the figures that they make look better."""

from __future__ import annotations

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.marks import QUESTIONING, TOUCHED, CaseDoubt

from .conditions import part_of, sql


def read_case_doubts(connection: Connection, scope: Scope, window: Window) -> list[CaseDoubt]:
    """Every check's cases behind each indicator of the scope and window; only flagged cases are read."""
    low, high = scope.bounds
    values = {"low": low, "high": high, "start": window.start, "end": window.end,
              "department": scope.department, "hall": scope.hall}  # fmt: skip
    return [
        CaseDoubt(check, indicator, *row)
        for indicator, checks in TOUCHED.items()
        for check in checks
        for row in connection.execute(text(_query(indicator, check)), values)
    ]


def _query(indicator: str, check: str) -> str:
    above, below = (part_of(COMPUTED[indicator], part) for part in ("numerator", "denominator"))
    if above is None or below is None:
        raise ValueError(f"no cases behind {indicator}")
    return (
        f"SELECT coalesce(c.department, ''), count(*) FILTER (WHERE {below.where}),"
        f" coalesce(sum({above.amount}) FILTER (WHERE {above.where}), 0)::bigint,"
        f" coalesce(sum({below.amount}) FILTER (WHERE {below.where}), 0)::bigint FROM cases c"
        " WHERE c.region BETWEEN :low AND :high AND (CAST(:hall AS text) IS NULL OR c.hall = :hall)"
        f" AND (CAST(:department AS text) IS NULL OR c.department = :department) AND {sql(QUESTIONING[check], 'c')}"
        f" AND (({above.where}) OR ({below.where})) GROUP BY 1"
    )
