"""What every answer is made of: a scope, a window, and figures kept as two integers until shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction


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
