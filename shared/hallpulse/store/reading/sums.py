"""Sums of cells and of the catalogue over a window: months where they are whole, days at the edges."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from hallpulse.domain.declared import Declared
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.indicators import ITEM_COLUMNS, TALLY_COLUMNS

Sums = Mapping[str, int]
EVER = date(1990, 1, 1)


class Range(NamedTuple):
    """Cells of one grain from `low` to `high`, both included, added (1) or taken off (-1)."""

    grain: str
    low: date
    high: date
    sign: int = 1


def ranges(window: Window) -> list[Range]:
    """The fewest cells that make up a window: whole months, and of a month in part the shorter side."""
    first = _month(window.start) if window.start.day == 1 else _next_month(window.start)
    last = _next_month(window.end)
    if first >= last:
        return [Range("d", window.start, window.end)]
    parts = []
    if window.start < first:
        parts.append(Range("d", window.start, min(first - timedelta(days=1), window.end)))
    end_of_month = last - timedelta(days=1)
    if window.end == end_of_month:
        return [*parts, Range("m", first, _month(window.end))]
    if window.end.day > 15:
        rest = Range("d", window.end + timedelta(days=1), end_of_month, -1)
        return [*parts, Range("m", first, _month(window.end)), rest]
    if first < _month(window.end):
        parts.append(Range("m", first, _month(window.end - timedelta(days=window.end.day))))
    return [*parts, Range("d", max(_month(window.end), window.start), window.end)]


def cell_sums(
    connection: Connection, scope: Scope, window: Window, columns: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Department → column → sum, for the departments that have cells in the scope.

    What is taken off is summed by itself: a province has a hundred thousand cells, and a product in each column of each
    would take as long as the sums.
    """
    parts = ranges(window)
    sums = ", ".join(f"sum(c.{name})" for name in columns)
    rows = connection.execute(
        text(
            f"SELECT c.department, w.sign, {sums} FROM unnest(CAST(:grains AS text[]), CAST(:lows AS date[]),"
            " CAST(:highs AS date[]), CAST(:signs AS int[])) AS w(grain, low, high, sign)"
            " JOIN cells c ON c.grain = w.grain AND c.day BETWEEN w.low AND w.high"
            f" WHERE c.region BETWEEN :low AND :high{_where(scope)} GROUP BY c.department, w.sign"
        ),
        {
            "grains": [p.grain for p in parts],
            "lows": [p.low for p in parts],
            "highs": [p.high for p in parts],
            "signs": [p.sign for p in parts],
            **_parameters(scope),
        },
    )
    found: dict[str, dict[str, int]] = {}
    for department, sign, *amounts in rows:
        known = found.setdefault(department, dict.fromkeys(columns, 0))
        for name, amount in zip(columns, amounts, strict=True):
            known[name] += sign * amount
    return found


def tally_sums(connection: Connection, scope: Scope, window: Window) -> Sums:
    """What tallies add, by the cell column they are added to, without the days on which the hall sent cases too."""
    if scope.department is not None:
        return {}
    counts = ", ".join(f"coalesce(sum(t.{name}), 0)::bigint" for name in TALLY_COLUMNS.values())
    hall = " AND t.hall = :hall" if scope.hall is not None else ""
    row = connection.execute(
        text(
            f"SELECT {counts} FROM tallies t WHERE t.region BETWEEN :low AND :high{hall}"
            f" AND t.day BETWEEN :start AND :end AND NOT {CLASHES}"
        ),
        {**_parameters(scope), "start": window.start, "end": window.end},
    ).one()
    return dict(zip(TALLY_COLUMNS, map(int, row), strict=True))


CLASHES = (
    "EXISTS (SELECT FROM cells c WHERE c.region = t.region AND c.grain = 'd' AND c.day = t.day AND c.hall = t.hall"
    " AND (c.received > 0 OR c.accepted > 0 OR c.rejected > 0 OR c.decided > 0))"
)
"""Whether a tally `t` is left out: one of the hall's cases was received, accepted, rejected or decided that day."""


def item_sums(connection: Connection, scope: Scope, day: date) -> dict[str, dict[str, int]]:
    """Department → column → sum over the items effective on a day."""
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in ITEM_COLUMNS)
    department = " AND department = :department" if scope.department is not None else ""
    rows = connection.execute(
        text(
            f"SELECT department, {sums} FROM item_cells WHERE region BETWEEN :low AND :high AND day <= :day{department}"
            " GROUP BY department"
        ),
        {**_parameters(scope), "day": day},
    )
    return {row[0]: dict(zip(ITEM_COLUMNS, map(int, row[1:]), strict=True)) for row in rows}


def declared_in(connection: Connection, scope: Scope, window: Window) -> list[Declared]:
    """The declared figures of periods that lie wholly in the window."""
    rows = connection.execute(
        text(
            "SELECT region, indicator, department, first_day, last_day, numerator, denominator FROM figures"
            " WHERE region BETWEEN :low AND :high AND first_day >= :start AND last_day <= :end"
        ),
        {**_parameters(scope), "start": window.start, "end": window.end},
    )
    return [
        Declared(region, indicator, department, Window(first, last), numerator, denominator)
        for region, indicator, department, first, last, numerator, denominator in rows.all()
    ]


def total(parts: Mapping[str, Sums]) -> dict[str, int]:
    """The sum over departments."""
    result: dict[str, int] = {}
    for sums in parts.values():
        for name, amount in sums.items():
            result[name] = result.get(name, 0) + amount
    return result


def _where(scope: Scope) -> str:
    if scope.department is not None:
        return " AND c.department = :department"
    return " AND c.hall = :hall" if scope.hall is not None else ""


def _parameters(scope: Scope) -> dict[str, object]:
    low, high = scope.bounds
    given: dict[str, object] = {"low": low, "high": high}
    if scope.department is not None:
        given["department"] = scope.department
    if scope.hall is not None:
        given["hall"] = scope.hall
    return given


def _month(day: date) -> date:
    return day.replace(day=1)


def _next_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1]) + timedelta(days=1)
