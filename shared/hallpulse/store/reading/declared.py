"""Declared figures of a window: one by one, or summed where each counts for certain."""

from __future__ import annotations

from sqlalchemy import Connection, text

from hallpulse.domain.declared import Amount, Declared, declared_sums
from hallpulse.domain.figures import Figure, Scope, Window

from .sums import parameters

_IN_WINDOW = (
    "SELECT region, indicator, department, first_day, last_day, numerator, denominator FROM figures"
    " WHERE region BETWEEN :low AND :high AND first_day >= :start AND last_day <= :end"
)
_KIND = (
    "CASE WHEN last_day = first_day THEN 0 WHEN last_day - first_day < 31 THEN 1 ELSE 2 END"
    " + CASE WHEN department = '' THEN 3 ELSE 0 END"
)
"""Day, month or year, of a department or of the region: what is of one kind does not lie in each other."""
_SUMMED = (
    "WITH chosen AS MATERIALIZED ({chosen}),"
    f" kinds AS (SELECT region, indicator, min({_KIND}) = max({_KIND}) AS alike, sum(numerator) AS numerator,"
    " sum(denominator) AS denominator FROM chosen GROUP BY region, indicator)"
    " SELECT 0 AS region, indicator, '' AS department, CAST(NULL AS date) AS first_day, CAST(NULL AS date) AS last_day,"
    " sum(numerator) AS numerator, sum(denominator) AS denominator FROM kinds WHERE alike GROUP BY indicator"
    " UNION ALL SELECT chosen.* FROM chosen JOIN kinds USING (region, indicator) WHERE NOT kinds.alike"
)


def declared_in(connection: Connection, scope: Scope, window: Window) -> list[Declared]:
    """The declared figures of periods that lie wholly in the window."""
    rows = connection.execute(text(_IN_WINDOW), _values(scope, window))
    return [
        Declared(region, indicator, department, Window(first, last), numerator, denominator)
        for region, indicator, department, first, last, numerator, denominator in rows.all()
    ]


def declared_figures(connection: Connection, scope: Scope, window: Window) -> dict[str, Figure]:
    """Each indicator's sum over the periods in the window.

    A province has ten thousand and more: the database adds up those of a county's indicator whose periods are of one
    kind, which all count; only the others come one by one.
    """
    department = " AND department = :department" if scope.department is not None else ""
    query = text(_SUMMED.format(chosen=_IN_WINDOW + department))
    counted, others = [], []
    for region, indicator, name, first, last, numerator, denominator in connection.execute(
        query, _values(scope, window)
    ).all():
        below = None if denominator is None else int(denominator)
        if first is None:
            counted.append(Amount(indicator, int(numerator), below))
        else:
            others.append(Declared(region, indicator, name, Window(first, last), int(numerator), below))
    return declared_sums(others, scope.department, counted)


def _values(scope: Scope, window: Window) -> dict[str, object]:
    return {**parameters(scope), "start": window.start, "end": window.end}
