"""Figures, kept as two integers until shown: scopes, windows and their pieces, declared figures, percentiles.

Of several reports of a day or a period, one counts. A window holds the periods that lie wholly in it.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Generic, Literal, NamedTuple, TypeVar

from .standing import standing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """The number of a catalogue's items (`items`), and of those whose flag or limit is known (`count`)."""

    count: int
    items: int


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator's numerator and denominator; there is no value if the denominator is 0.

    A count (such as `tolerance_items`) has the denominator 1, so that its value is its numerator; it has 0 if the flag
    is known of no item. count: tells a count from a share with the denominator 1. known: set for an indicator that
    counts only items whose flag or limit is known.
    """

    numerator: int
    denominator: int
    count: bool = field(default=False, compare=False)
    known: Known | None = field(default=None, compare=False)

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
    """A county, or all counties of a prefecture (XXXX00) or province (XX0000); if named, only a department or hall."""

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
    """Return the lowest and highest code in a province (XX0000) or prefecture (XXXX00); a county's own code twice."""
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
        """Return the figure; 0/0 (no value) if nothing has been counted."""
        figures = self.own if department is None else self.departments.get(department, {})
        return figures.get(indicator, Figure(0, 0))


@dataclass(frozen=True, slots=True)
class Coverage:
    """The number of halls that are registered or have ever sent events, and of those that reported in a window.

    newest: time of the newest event in the window, microseconds since 1970-01-01 UTC; None if nothing was reported.
    """

    halls: int
    reporting: int
    newest: int | None


class Report(NamedTuple, Generic[T]):
    """One report of a day or a period; a retraction has `retracts` set and no content.

    corrects: the id of the same hall's report that it replaces; a retraction can only replace a retraction.
    """

    hall: str
    id: str
    time: int
    revision: int
    content: T | None
    retracts: str | None = None
    corrects: str | None = None

    @property
    def kind(self) -> str:
        """The kind of event: reported or retracted."""
        return "reported" if self.retracts is None else "retracted"


def ranked(reports: Iterable[Report[T]]) -> list[Report[T]]:
    """Return the reports in force, first the one that counts: the highest revision, then the later (time, id, hall)."""
    return sorted(standing(reports), key=lambda r: (r.revision, r.time, r.id, r.hall), reverse=True)


def current(reports: Iterable[Report[T]]) -> Report[T] | None:
    """Return the report that counts, or None."""
    return next(iter(ranked(reports)), None)


def period_window(period: str) -> Window:
    """Return the days of a period YYYY, YYYY-MM or YYYY-MM-DD."""
    year, *rest = (int(part) for part in period.split("-"))
    if not rest:
        return Window(date(year, 1, 1), date(year, 12, 31))
    month = rest[0]
    if len(rest) == 1:
        return Window(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
    return Window(date(year, month, rest[1]), date(year, month, rest[1]))


def days_of(period: str) -> Window:
    """Return the days that a report covers: of a month YYYY-MM, a year YYYY or a quarter YYYY-Qn."""
    year, _, quarter = period.partition("-Q")
    if not quarter:
        return period_window(period)
    last = 3 * int(quarter)
    return Window(date(int(year), last - 2, 1), period_window(f"{year}-{last:02d}").end)


Length = Literal["day", "month", "year"]
LENGTHS: tuple[Length, ...] = ("day", "month", "year")


def length_of(window: Window) -> Length:
    """Return how long the window of a period is."""
    days = (window.end - window.start).days
    if days == 0:
        return "day"
    return "month" if days < 31 else "year"


@dataclass(frozen=True, slots=True)
class Declared:
    """The declared figure of one region for one period that is in force; department: empty for the region's own."""

    region: int
    indicator: str
    department: str
    window: Window
    numerator: int
    denominator: int | None


class Amount(NamedTuple):
    """Sums of an indicator's declared figures that all count. denominator: None if no figure has one."""

    indicator: str
    numerator: int
    denominator: int | None


def declared_sums(
    declared: Iterable[Declared], department: str | None, certain: Iterable[Amount] = ()
) -> dict[str, Figure]:
    """Return each indicator's sum over the declared figures, of one department or of whole regions.

    For a period the region's own figure counts if there is one, else the sum over its departments. Nothing is counted
    twice: a year's figure already holds its months. Figures without denominators are counts (denominator 1).

    certain: sums of regions and indicators that `declared` does not have; they are added unchanged.
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
    """Return the figures of one region's indicator whose sum is the region's figure, or a department's.

    Longer periods are taken first, and for one period the region's own figure. A figure whose days lie within a counted
    figure is left out, since that one already holds it.
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
    """Return whether a counted figure holds this one: the same reporter's, or if one of the two is the region's own."""
    own = figure.department
    related = windows.values() if own == "" else (windows.get("", ()), windows.get(own, ()))
    start, end = figure.window.start, figure.window.end
    return any(outer.start <= start and end <= outer.end for listed in related for outer in listed)


def _sum(counted: list[Declared | Amount]) -> Figure:
    denominators = [f.denominator for f in counted if f.denominator is not None]
    numerator = sum(f.numerator for f in counted)
    return Figure(numerator, sum(denominators)) if denominators else Figure(numerator, 1, count=True)


EVER = date(1990, 1, 1)
FAR = date(2261, 12, 31)
_DAY = timedelta(days=1)


class Range(NamedTuple):
    """Cells of days (`d`) or months (`m`) from `low` to `high`, both included, to be added (1) or subtracted (-1)."""

    grain: str
    low: date
    high: date
    sign: int = 1


class Piece(NamedTuple):
    """Cells of one grain from `low` to `high`, both included. signs: for each window 1, -1, or 0 if it has no part."""

    grain: str
    low: date
    high: date
    signs: tuple[int, ...]


def ranges(window: Window) -> list[Range]:
    """Return the fewest cells that make up a window: whole months, and days added or subtracted for a month in part."""
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
    """Return the cells that make up several windows, cut where one begins or ends, so that no cell is read twice."""
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


ELAPSED_BUCKETS: tuple[int, ...] = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90)
"""Upper bounds of the elapsed histogram's buckets, in working days; one more bucket holds all longer cases."""
DAYS_APART = 3
"""Up to this number of days, each bucket of the histogram holds a single number of days."""


@dataclass(frozen=True, slots=True)
class ElapsedHistogram:
    """Decided cases by elapsed working days: one count for each bucket (`ELAPSED_BUCKETS`), and the sum of days."""

    counts: tuple[int, ...]
    total_days: int


PERCENTS: Mapping[str, int] = {"p50": 50, "p90": 90, "p95": 95}


def percentiles_of(days: Iterable[tuple[int, int]]) -> dict[str, int | None]:
    """Return the percentiles of elapsed days, None without cases.

    days: pairs of elapsed days and the number of cases that took them, each number of days once, in any order.
    """
    counted = sorted(days)
    place = dict(zip(PERCENTS, _places([cases for _, cases in counted]), strict=True))
    return {name: None if index is None else counted[index][0] for name, index in place.items()}


def percentiles_of_buckets(
    counts: Sequence[int], longer: Callable[[], Iterable[tuple[int, int]]]
) -> dict[str, int | None]:
    """Return the percentiles of elapsed days by the counts of the elapsed histogram.

    longer: returns the pairs (as for `percentiles_of`) above DAYS_APART; called only if a percentile lies there.
    """
    apart = list(zip(ELAPSED_BUCKETS, counts[: DAYS_APART + 1], strict=False))
    if all(index is None or index <= DAYS_APART for index in _places(counts)):
        return percentiles_of([*apart, (DAYS_APART + 1, sum(counts[DAYS_APART + 1 :]))])
    return percentiles_of([*apart, *longer()])


def _places(counts: Sequence[int]) -> Iterable[int | None]:
    """Yield the index of the group that each percentile lies in, None without cases; ranks are exact whole numbers.

    counts: of the groups in rising order.
    """
    everything = sum(counts)
    for percent in PERCENTS.values():
        rank = -(-percent * everything // 100)
        yield _group_of(rank, counts) if everything else None


def _group_of(rank: int, counts: Sequence[int]) -> int:
    passed = 0
    for index, cases in enumerate(counts):
        passed += cases
        if passed >= rank:
            return index
    raise ValueError(f"rank {rank} of {passed}")
