"""The points that a plan gives its departments, and which of them are alike. All points are exact Fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

from .rules import Unit


class Named(Protocol):
    """A name in Chinese and in English."""

    @property
    def zh(self) -> str: ...

    @property
    def en(self) -> str: ...


class ScoreStep(NamedTuple):
    """A bar, and the points of a value that keeps it."""

    bar: Fraction
    points: Fraction


@dataclass(frozen=True, slots=True)
class ScoredIndicator:
    """An indicator that gives points. steps: from the fewest points to the most; falling: less is better."""

    id: str
    names: Named
    indicator: str
    unit: Unit
    steps: tuple[ScoreStep, ...]
    falling: bool = False
    weight: Fraction = Fraction(1)

    @property
    def most(self) -> Fraction:
        return self.steps[-1].points * self.weight

    def points(self, value: Fraction) -> Fraction:
        """Return the points of the highest step that the value keeps, 0 below the first one."""
        kept = [step.points for step in self.steps if (value <= step.bar if self.falling else value >= step.bar)]
        return (kept[-1] if kept else Fraction(0)) * self.weight


@dataclass(frozen=True, slots=True)
class Deduction:
    """Points taken off for each finding of a check, `most` in all."""

    check: str
    points: Fraction
    most: Fraction


@dataclass(frozen=True, slots=True)
class Group:
    """Departments that are alike and compared with each other alone."""

    id: str
    names: Named
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """The indicators that a plan gives points for, and the findings that it takes them off for."""

    items: tuple[ScoredIndicator, ...]
    deductions: tuple[Deduction, ...] = ()
