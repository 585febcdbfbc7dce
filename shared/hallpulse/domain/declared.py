"""Tallies and declared figures: which report of a day or a period counts, and what lies in a window."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Generic, Literal, NamedTuple, TypeVar

from .figures import Figure, Window

T = TypeVar("T")


class Report(NamedTuple, Generic[T]):
    """One report; a retraction has `retracts` set and no content."""

    hall: str
    id: str
    time: int
    revision: int
    content: T | None
    retracts: str | None = None


def current(reports: Iterable[Report[T]]) -> Report[T] | None:
    """The report that counts: the highest revision, then the later (time, id, hall), of those not retracted."""
    listed = list(reports)
    retracted = {(report.hall, report.retracts) for report in listed if report.retracts is not None}
    standing = [r for r in listed if r.retracts is None and (r.hall, r.id) not in retracted]
    return max(standing, key=lambda r: (r.revision, r.time, r.id, r.hall), default=None)


def period_window(period: str) -> Window:
    """The days of a period YYYY, YYYY-MM or YYYY-MM-DD."""
    year, *rest = (int(part) for part in period.split("-"))
    if not rest:
        return Window(date(year, 1, 1), date(year, 12, 31))
    month = rest[0]
    if len(rest) == 1:
        return Window(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
    return Window(date(year, month, rest[1]), date(year, month, rest[1]))


@dataclass(frozen=True, slots=True)
class Declared:
    """The figure in force of one region for one period; department is empty for the region's own."""

    region: int
    indicator: str
    department: str
    window: Window
    numerator: int
    denominator: int | None


class Amount(NamedTuple):
    """What counts of an indicator in any case; the denominator is None where no figure had one."""

    indicator: str
    numerator: int
    denominator: int | None


def declared_sums(
    declared: Iterable[Declared], department: str | None, certain: Iterable[Amount] = ()
) -> dict[str, Figure]:
    """Each indicator's sum over the periods given, of one department or of whole regions.

    For a period the region's own figure counts if there is one, else the sum over its departments. Nothing is counted
    twice: a year's figure already holds its months. Figures without denominators are counts (denominator 1).

    certain: what is added as it is, of regions and indicators of which no figure is given one by one.
    """
    counted: dict[str, list[Declared | Amount]] = {}
    for amount in certain:
        counted.setdefault(amount.indicator, []).append(amount)
    groups: dict[tuple[int, str], list[Declared]] = {}
    for figure in declared:
        groups.setdefault((figure.region, figure.indicator), []).append(figure)
    for (_, indicator), listed in groups.items():
        counted.setdefault(indicator, []).extend(_counted(listed, department))
    return {indicator: _sum(parts) for indicator, parts in counted.items() if parts}


def _counted(listed: list[Declared], department: str | None) -> list[Declared]:
    """Longer periods first, of one period the region's own first; what lies in something counted is in it already."""
    chosen = listed if department is None else [f for f in listed if f.department == department]
    if len({(f.department == "", _kind(f.window)) for f in chosen}) == 1:
        return chosen  # periods of one kind do not lie in each other
    counted: list[Declared] = []
    windows: dict[str, list[Window]] = {}
    for figure in sorted(chosen, key=_longest_first):
        if not _held(figure, windows):
            counted.append(figure)
            windows.setdefault(figure.department, []).append(figure.window)
    return counted


def _kind(window: Window) -> Literal["day", "month", "year"]:
    days = (window.end - window.start).days
    if days == 0:
        return "day"
    return "month" if days < 31 else "year"


def _longest_first(figure: Declared) -> tuple[int, bool, date, str]:
    window = figure.window
    return -(window.end - window.start).days, figure.department != "", window.start, figure.department


def _held(figure: Declared, windows: Mapping[str, list[Window]]) -> bool:
    """Whether what is counted, by reporter, holds a figure: of its reporter, or where one of the two is the region."""
    own = figure.department
    related = windows.values() if own == "" else (windows.get("", ()), windows.get(own, ()))
    start, end = figure.window.start, figure.window.end
    return any(outer.start <= start and end <= outer.end for listed in related for outer in listed)


def _sum(counted: list[Declared | Amount]) -> Figure:
    denominators = [f.denominator for f in counted if f.denominator is not None]
    numerator = sum(f.numerator for f in counted)
    return Figure(numerator, sum(denominators)) if denominators else Figure(numerator, 1, count=True)
