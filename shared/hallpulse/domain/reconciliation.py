"""Reconciliation: whether a region's figures are the sums of those below it, and which ones differ by how much.

There are two kinds of differences. Figures may be stored below the region that belong to none of its children. And a
hall whose cases are counted may also send tallies that differ from them: tallies of such a hall are left out of the
figures, and serve as a check on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from .figures import Figure, Known, region_bounds
from .indicators import COMPUTED

_NONE = Figure(0, 0)


class Amounts(NamedTuple):
    """A numerator and a denominator, or the difference of each."""

    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class StatedDay:
    """A day of a hall that sent both cases and a tally. stated: by the tally; counted: from the cases; by measure."""

    region: int
    hall: str
    day: date
    stated: Mapping[str, int]
    counted: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StatedDifference:
    """An indicator whose figures by a hall's tallies and by its cases differ, summed over the days that differ."""

    region: int
    hall: str
    indicator: str
    stated: Figure
    counted: Figure
    days: tuple[date, ...]


def child_of(region: int, county: int) -> int:
    """Return the region one level below `region` in which a county lies; the county itself below a prefecture."""
    return county // 100 * 100 if region % 10_000 == 0 else county


def children_of(region: int, counties: Iterable[int]) -> list[int]:
    """Return the prefectures of a province, or the counties of a prefecture, in order of their codes."""
    low, high = region_bounds(region)
    return sorted({child_of(region, county) for county in counties if low <= county <= high and county % 100})


def added_up(figures: Sequence[Figure]) -> Figure:
    """Return the sum of one indicator over regions that do not overlap; a sum of counts keeps the denominator 1."""
    top = sum(figure.numerator for figure in figures)
    known = _known(figures)
    if any(figure.count for figure in figures):
        bottom = [figure.denominator for figure in figures if not figure.count]
        if bottom:
            return Figure(top, sum(bottom), known=known)
        unknown = known is not None and known.items > 0 and known.count == 0
        return Figure(top, 0 if unknown else 1, count=True, known=known)
    return Figure(top, sum(figure.denominator for figure in figures), known=known)


def _known(figures: Sequence[Figure]) -> Known | None:
    parts = [figure.known for figure in figures if figure.known is not None]
    return Known(sum(one.count for one in parts), sum(one.items for one in parts)) if parts else None


def sum_of_children(
    parent: Mapping[str, Figure], children: Iterable[Mapping[str, Figure]]
) -> dict[str, tuple[Figure, Figure]]:
    """Return every indicator that either side has: the parent's figure, and the sum over the children."""
    listed = list(children)
    found = {}
    for name in dict.fromkeys([*parent, *(name for one in listed for name in one)]):
        parts = [one[name] for one in listed if name in one]
        # Without children a count is 0 / 1, as for a region without data.
        blank = COMPUTED[name].figure({}) if name in COMPUTED else Figure(0, int(parent[name].count))
        found[name] = parent.get(name, _NONE), added_up(parts) if parts else blank
    return found


def difference(one: Figure, other: Figure) -> Amounts:
    """Return by how much the first figure exceeds the second."""
    return Amounts(one.numerator - other.numerator, one.denominator - other.denominator)


def stated_differences(days: Iterable[StatedDay]) -> list[StatedDifference]:
    """Return each hall's indicators that tallies and cases give differently on any day, even if their sums agree."""
    by_hall: dict[tuple[int, str], list[StatedDay]] = {}
    for one in days:
        by_hall.setdefault((one.region, one.hall), []).append(one)
    return [
        StatedDifference(
            region,
            hall,
            name,
            added_up([stated for _, stated, _ in differing]),
            added_up([counted for _, _, counted in differing]),
            tuple(day for day, _, _ in differing),
        )
        for (region, hall), listed in sorted(by_hall.items())
        for name, differing in _differing(sorted(listed, key=lambda one: one.day))
    ]


def _differing(days: Sequence[StatedDay]) -> Iterable[tuple[str, list[tuple[date, Figure, Figure]]]]:
    for indicator in COMPUTED.values():
        if indicator.tallies:
            both = ((one.day, indicator.figure(one.stated), indicator.figure(one.counted)) for one in days)
            found = [(day, stated, counted) for day, stated, counted in both if stated != counted]
            if found:
                yield indicator.id, found
