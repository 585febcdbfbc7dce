"""Scopes, windows and figures, kept as two integers until shown; tallies and declared figures.

Of several reports of a day or a period one counts, and a window holds the periods that lie wholly in it.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator's numerator and denominator; there is no value where the denominator is 0.

    A count (such as `tolerance_items`) has the denominator 1, so that `numerator / denominator` always holds; `count`
    tells it from a share of one.
    """

    numerator: int
    denominator: int
    count: bool = field(default=False, compare=False)

    @property
    def value(self) -> Fraction | None:
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    def __add__(self, other: Figure) -> Figure:
        return Figure(self.numerator + other.numerator, self.denominator + other.denominator)


@dataclass(frozen=True, slots=True)
class Window:
    """Days from `start` to `end`, both included, Asia/Shanghai."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"the window ends on {self.end}, before it starts on {self.start}")


@dataclass(frozen=True, slots=True)
class Scope:
    """A county, or everything below a prefecture (XXXX00) or a province (XX0000); of it one department or one hall."""

    region: int
    department: str | None = None
    hall: str | None = None

    def __post_init__(self) -> None:
        if not 100_000 <= self.region <= 999_999:
            raise ValueError(f"region {self.region} is not a code of 6 digits")
        if self.department is not None and self.hall is not None:
            raise ValueError("a scope has a department or a hall, not both")

    @property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest region code that the scope sums over."""
        return region_bounds(self.region)


def region_bounds(region: int) -> tuple[int, int]:
    """All counties of a province (XX0000) or a prefecture (XXXX00), or the county itself."""
    if region % 10_000 == 0:
        return region, region + 9_999
    if region % 100 == 0:
        return region, region + 99
    return region, region


@dataclass(frozen=True, slots=True)
class FigureTable:
    """All indicators of one region over one window: the region's own and each department's."""

    region: int
    window: Window
    own: Mapping[str, Figure]
    departments: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)

    def figure(self, indicator: str, department: str | None = None) -> Figure:
        """The figure, 0/0 (no value) where nothing has been counted."""
        figures = self.own if department is None else self.departments.get(department, {})
        return figures.get(indicator, Figure(0, 0))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Halls that are registered (or have sent anything), those that reported in the window, the newest event in it.

    newest: microseconds since 1970-01-01 UTC, None where nothing was reported.
    """

    halls: int
    reporting: int
    newest: int | None


class Report(NamedTuple, Generic[T]):
    """One report; a retraction has `retracts` set and no content."""

    hall: str
    id: str
    time: int
    revision: int
    content: T | None
    retracts: str | None = None


def standing(reports: Iterable[Report[T]]) -> list[Report[T]]:
    """Those not retracted, the one that counts first: the highest revision, then the later (time, id, hall)."""
    listed = list(reports)
    retracted = {(report.hall, report.retracts) for report in listed if report.retracts is not None}
    left = [r for r in listed if r.retracts is None and (r.hall, r.id) not in retracted]
    return sorted(left, key=lambda r: (r.revision, r.time, r.id, r.hall), reverse=True)


def current(reports: Iterable[Report[T]]) -> Report[T] | None:
    """The report that counts."""
    return next(iter(standing(reports)), None)


def period_window(period: str) -> Window:
    """The days of a period YYYY, YYYY-MM or YYYY-MM-DD."""
    year, *rest = (int(part) for part in period.split("-"))
    if not rest:
        return Window(date(year, 1, 1), date(year, 12, 31))
    month = rest[0]
    if len(rest) == 1:
        return Window(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
    return Window(date(year, month, rest[1]), date(year, month, rest[1]))


Length = Literal["day", "month", "year"]
LENGTHS: tuple[Length, ...] = ("day", "month", "year")


def length_of(window: Window) -> Length:
    """How long the window of a period is."""
    days = (window.end - window.start).days
    if days == 0:
        return "day"
    return "month" if days < 31 else "year"


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
    """Sums of an indicator that count in any case; the denominator is None where no figure had one."""

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
        counted.setdefault(indicator, []).extend(counted_of(listed, department))
    return {indicator: _sum(parts) for indicator, parts in counted.items() if parts}


def counted_of(listed: list[Declared], department: str | None) -> list[Declared]:
    """Those of one region's indicator that its sum, or a department's, is made of.

    Longer periods first, of one period the region's own first; what lies in something counted is in it already.
    """
    chosen = listed if department is None else [f for f in listed if f.department == department]
    if len({(f.department == "", length_of(f.window)) for f in chosen}) == 1:
        return chosen  # periods of one kind do not lie in each other
    counted: list[Declared] = []
    windows: dict[str, list[Window]] = {}
    for figure in sorted(chosen, key=_longest_first):
        if not _held(figure, windows):
            counted.append(figure)
            windows.setdefault(figure.department, []).append(figure.window)
    return counted


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
