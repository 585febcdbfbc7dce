"""The points that a plan gives its departments, and the groups in which it compares them, as exact Fractions."""

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
    """A bound for a value, and the points if the value keeps it."""

    bar: Fraction
    points: Fraction


@dataclass(frozen=True, slots=True)
class ScoredIndicator:
    """An indicator that gives points. steps: from the fewest points to the most; falling: a lower value is better."""

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
    """Points taken off for each finding of a check, at most `most` in all."""

    check: str
    points: Fraction
    most: Fraction


@dataclass(frozen=True, slots=True)
class Group:
    """Comparable departments, which are ranked only among each other."""

    id: str
    names: Named
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """The indicators for which a plan gives points, and the findings for which it takes points off."""

    items: tuple[ScoredIndicator, ...]
    deductions: tuple[Deduction, ...] = ()
