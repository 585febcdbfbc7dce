"""Sums of cells, of tallies and of the catalogue over a window: months where they are whole, days at the edges."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.measures import ITEM_COLUMNS, MEASURES

Sums = Mapping[str, int]


TALLIED: Mapping[str, str] = {measure.name: measure.tally for measure in MEASURES.values() if measure.tally is not None}
"""Column of the cells → the count of a tally that is added to it."""


class Sought(NamedTuple):
    """Columns of the cells, to be summed over a window."""

    window: Window
    columns: Sequence[str]


def cell_sums(
    connection: Connection, scope: Scope, *sought: Sought, departments: bool = True
) -> list[dict[str, dict[str, int]]]:
    """For each window department → column → sum, for the departments that have cells in it.

    What several windows share is read once. departments: False puts all of them under the empty name.
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
    """Columns and cells to be read together.

    Each cell goes with the first window that it is in: cells of later windows alone are read without its columns.
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
    """Department, number of the piece (from 1), sums.

    Each piece is summed by itself: a province has a hundred thousand cells, and a product in each column of each would
    take as long as the sums.
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
    """Sums of tallies, by the cell column that they are added to, without the days on which the hall sent cases too.

    Whether it did is asked of each month first: most halls with tallies send no cases, and a month without has no day
    with any.
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
            f" asked AS MATERIALIZED (SELECT t.*, {_clashes('m')} AS doubtful FROM months t)"
            f" SELECT {', '.join(f'sum(t.{name})' for name in counts)} FROM ("
            f"SELECT {names} FROM asked t WHERE NOT t.doubtful UNION ALL"
            f" SELECT {names} FROM asked a JOIN tallies t ON t.region = a.region AND t.hall = a.hall"
            " AND t.day >= a.day AND t.day < CAST(a.day + interval '1 month' AS date)"
            f" WHERE a.doubtful AND {of_scope} AND NOT {CLASHES}) t"
        ),
        {**parameters(scope), "start": window.start, "end": window.end},
    ).one()
    return dict(zip(TALLIED, (int(amount or 0) for amount in row), strict=True))


def _clashes(grain: str) -> str:
    return (
        f"EXISTS (SELECT FROM cells c WHERE c.region = t.region AND c.grain = '{grain}' AND c.day = t.day"
        " AND c.hall = t.hall AND (c.received > 0 OR c.accepted > 0 OR c.rejected > 0 OR c.decided > 0))"
    )


CLASHES = _clashes("d")
"""Whether a tally `t` is left out: one of the hall's cases was received, accepted, rejected or decided that day."""


def item_sums(
    connection: Connection, scope: Scope, day: date, *, departments: bool = True
) -> dict[str, dict[str, int]]:
    """Department → column → sum over the items effective on a day.

    departments: False puts all of them under the empty name.
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
    """The sum over departments."""
    result: dict[str, int] = {}
    for sums in parts.values():
        for name, amount in sums.items():
            result[name] = result.get(name, 0) + amount
    return result


def parameters(scope: Scope) -> dict[str, object]:
    """The values of :low, :high and, where the scope has one, :department or :hall."""
    low, high = scope.bounds
    given: dict[str, object] = {"low": low, "high": high}
    if scope.department is not None:
        given["department"] = scope.department
    if scope.hall is not None:
        given["hall"] = scope.hall
    return given


def _department(alias: str, departments: bool) -> str:
    return f"{alias}.department" if departments else "''"


def narrower(scope: Scope, alias: str) -> str:
    """The condition that leaves the scope's department or hall, after one on its regions."""
    if scope.department is not None:
        return f" AND {alias}.department = :department"
    return f" AND {alias}.hall = :hall" if scope.hall is not None else ""


EVER = date(1990, 1, 1)
FAR = date(2261, 12, 31)
_DAY = timedelta(days=1)


class Range(NamedTuple):
    """Cells of one grain from `low` to `high`, both included, added (1) or taken off (-1)."""

    grain: str
    low: date
    high: date
    sign: int = 1


class Piece(NamedTuple):
    """Cells of one grain from `low` to `high`, both included; signs: what they are to each window, 0 where nothing."""

    grain: str
    low: date
    high: date
    signs: tuple[int, ...]


def ranges(window: Window) -> list[Range]:
    """The fewest cells that make up a window: whole months, and of a month in part the shorter side."""
    first = _month(window.start) if window.start.day == 1 else _next_month(window.start)
    last = _next_month(window.end)
    if first >= last:
        return [Range("d", window.start, window.end)]
    parts = []
    if window.start < first:
        parts.append(Range("d", window.start, min(first - _DAY, window.end)))
    end_of_month = last - _DAY
    if window.end == end_of_month:
        return [*parts, Range("m", first, _month(window.end))]
    if window.end.day > 15:
        rest = Range("d", window.end + _DAY, end_of_month, -1)
        return [*parts, Range("m", first, _month(window.end)), rest]
    if first < _month(window.end):
        parts.append(Range("m", first, _month(window.end - timedelta(days=window.end.day))))
    return [*parts, Range("d", max(_month(window.end), window.start), window.end)]


def pieces(windows: Sequence[Window]) -> list[Piece]:
    """The cells that make up several windows, cut where one of them begins or ends, so that none is read twice."""
    listed = [(number, part) for number, window in enumerate(windows) for part in ranges(window)]
    found = []
    for grain in ("m", "d"):
        own = [(number, part) for number, part in listed if part.grain == grain]
        cuts = sorted({day for _, part in own for day in (part.low, part.high + _DAY)})
        for low, after in pairwise(cuts):
            signs = [0] * len(windows)
            for number, part in own:
                if part.low <= low <= part.high:
                    signs[number] += part.sign
            if any(signs):
                found.append(Piece(grain, low, after - _DAY, tuple(signs)))
    return found


def _month(day: date) -> date:
    return day.replace(day=1)


def _next_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1]) + _DAY
