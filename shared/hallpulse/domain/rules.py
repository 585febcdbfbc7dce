"""Rules of targets, which give the goal at the period's end, and paths, which give the value required on a day before.

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
    """Readings of "a further 10 %" on top of a base; the plan says which one is meant, the code never does."""

    POINTS = "points"
    RELATIVE = "relative"
    REMAINING = "remaining"

    def goal(self, base: Fraction, increase: Fraction) -> Fraction:
        """Return the raised base: 31.94 % and 10 % give 41.94 % (points), 35.134 % (relative), 38.746 % (remaining)."""
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
        """Return how far the value lies on the good side of the bar; negative is short."""
        return value - bar

    def whole(self, bar: Fraction) -> Fraction:
        """Return the bar for a count, rounded down to a whole number."""
        return Fraction(math.floor(bar))


class _Falling:
    """Less is better: a value keeps a bar that it does not exceed."""

    __slots__ = ()
    less_is_better: ClassVar[bool] = True

    def keeps(self, value: Fraction, bar: Fraction) -> bool:
        return value <= bar

    def gap(self, value: Fraction, bar: Fraction) -> Fraction:
        """Return how far the value lies on the good side of the bar; negative is short."""
        return bar - value

    def whole(self, bar: Fraction) -> Fraction:
        """Return the bar for a count, rounded up to a whole number."""
        return Fraction(math.ceil(bar))


@dataclass(frozen=True, slots=True)
class AtLeast(_Rising):
    kind: ClassVar[str] = "at_least"
    bar: Fraction

    def goal(self, _reference: Fraction | None = None) -> Fraction | None:
        return self.bar


@dataclass(frozen=True, slots=True)
class Raised(_Rising):
    """A base raised by `increase`, under the reading that the plan names."""

    kind: ClassVar[str] = "base"
    base: Fraction
    increase: Fraction
    reading: Reading

    def goal(self, _reference: Fraction | None = None) -> Fraction | None:
        return self.reading.goal(self.base, self.increase)

    def readings(self) -> dict[str, Fraction]:
        """Return the goal under every reading; the plan's own reading is one of them."""
        return {reading.value: reading.goal(self.base, self.increase) for reading in Reading}


@dataclass(frozen=True, slots=True)
class AtMost(_Falling):
    kind: ClassVar[str] = "at_most"
    bar: Fraction

    def goal(self, _reference: Fraction | None = None) -> Fraction | None:
        return self.bar


@dataclass(frozen=True, slots=True)
class Below(_Falling):
    """A value must lie below a reference, not equal it: one that the plan states, or `indicator`'s declared figure."""

    kind: ClassVar[str] = "below"
    reference: Fraction | None = None
    indicator: str | None = None

    def goal(self, reference: Fraction | None = None) -> Fraction | None:
        return self.reference if self.indicator is None else reference

    def keeps(self, value: Fraction, bar: Fraction) -> bool:
        return value < bar


Rule = AtLeast | AtMost | Below | Raised
BARS = (AtLeast, AtMost)
"""The rules that compare a value with a bar alone; a plan writes one as `kind: bar`."""


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
    """The whole goal is required from one day on (`first`, else the period's first day), nothing before."""

    first: date | None = None

    def required(self, period: Window, goal: Fraction, on: date) -> Fraction | None:
        return goal if on >= (self.first or period.start) else None


@dataclass(frozen=True, slots=True)
class NoPath:
    """No requirement before the period's last day."""

    def required(self, _period: Window, _goal: Fraction, _on: date) -> Fraction | None:
        return None


Path = Linear | Step | NoPath
