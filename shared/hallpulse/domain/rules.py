"""Rules of targets: rules with a goal at the period's end, and paths that say how much of it is due on a day.

A kind of rule or path is a small object, not a branch of a switch. Amounts are exact Fractions.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import ClassVar, Literal

from .figures import Window

Unit = Literal["share", "days", "count"]


class Reading(enum.StrEnum):
    """How "a further 10 %" on top of a base is meant; a plan says which, the code never does."""

    POINTS = "points"
    RELATIVE = "relative"
    REMAINING = "remaining"

    def goal(self, base: Fraction, increase: Fraction) -> Fraction:
        """31.94 % raised by 10 %: 41.94 % as points, 35.134 % as relative; a tenth of what is left as remaining."""
        if self is Reading.POINTS:
            return base + increase
        if self is Reading.RELATIVE:
            return base * (1 + increase)
        return base + (1 - base) * increase


class _Rising:
    """More is better: a value keeps a bar that it reaches."""

    __slots__ = ()
    less_is_better: ClassVar[bool] = False

    def keeps(self, value: Fraction, bar: Fraction) -> bool:
        return value >= bar

    def gap(self, value: Fraction, bar: Fraction) -> Fraction:
        """How far the value is on the good side; negative is short."""
        return value - bar

    def whole(self, bar: Fraction) -> Fraction:
        """The bar for a count, which has no halves."""
        return Fraction(math.floor(bar))


class _Falling:
    """Less is better: a value keeps a bar that it does not exceed."""

    __slots__ = ()
    less_is_better: ClassVar[bool] = True

    def keeps(self, value: Fraction, bar: Fraction) -> bool:
        return value <= bar

    def gap(self, value: Fraction, bar: Fraction) -> Fraction:
        """How far the value is on the good side; negative is short."""
        return bar - value

    def whole(self, bar: Fraction) -> Fraction:
        """The bar for a count, which has no halves."""
        return Fraction(math.ceil(bar))


@dataclass(frozen=True, slots=True)
class AtLeast(_Rising):
    bar: Fraction

    def goal(self, _reference: Fraction | None = None) -> Fraction | None:
        return self.bar


@dataclass(frozen=True, slots=True)
class Raised(_Rising):
    """A base raised by so much, by the reading that the plan names."""

    base: Fraction
    increase: Fraction
    reading: Reading

    def goal(self, _reference: Fraction | None = None) -> Fraction | None:
        return self.reading.goal(self.base, self.increase)

    def readings(self) -> dict[str, Fraction]:
        """The goal by every reading; the plan's own is one of them."""
        return {reading.value: reading.goal(self.base, self.increase) for reading in Reading}


@dataclass(frozen=True, slots=True)
class AtMost(_Falling):
    bar: Fraction

    def goal(self, _reference: Fraction | None = None) -> Fraction | None:
        return self.bar


@dataclass(frozen=True, slots=True)
class Below(_Falling):
    """Under a reference, not equal to it: one that the plan states, or the figure declared under `indicator`."""

    reference: Fraction | None = None
    indicator: str | None = None

    def goal(self, reference: Fraction | None = None) -> Fraction | None:
        return self.reference if self.indicator is None else reference

    def keeps(self, value: Fraction, bar: Fraction) -> bool:
        return value < bar


Rule = AtLeast | AtMost | Below | Raised


@dataclass(frozen=True, slots=True)
class Linear:
    """A requirement that rises (or falls) evenly from `start` on the first day to the goal on the last."""

    start: Fraction

    def required(self, period: Window, goal: Fraction, on: date) -> Fraction | None:
        length = (period.end - period.start).days
        share = Fraction((on - period.start).days, length) if length else Fraction(1)
        return self.start + (goal - self.start) * share


@dataclass(frozen=True, slots=True)
class Step:
    """The whole goal is required from a day on (the period's first, unless another is named), nothing before."""

    first: date | None = None

    def required(self, period: Window, goal: Fraction, on: date) -> Fraction | None:
        return goal if on >= (self.first or period.start) else None


@dataclass(frozen=True, slots=True)
class NoPath:
    """No requirement before the period's last day."""

    def required(self, _period: Window, _goal: Fraction, _on: date) -> Fraction | None:
        return None


Path = Linear | Step | NoPath
