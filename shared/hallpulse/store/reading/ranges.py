"""Which cells make up a window, or several at once: months where they are whole, days at the edges."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from hallpulse.domain.figures import Window

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
