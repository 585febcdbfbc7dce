"""A published plan: whose promises they are, over which days, and what each of them asks for.

Every amount is an exact Fraction; a share is kept as a number from 0 to 1 (31.94 % is 3194/10000).
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from .figures import Window
from .indicators import COMPUTED

Unit = Literal["share", "days", "count"]

TREND_DAYS = 91
"""A forecast looks back this far: thirteen whole weeks hold several monthly reports, and every weekday as often."""


@dataclass(frozen=True, slots=True)
class Names:
    """A name as the bureau reads it, and in English."""

    zh: str
    en: str


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
    """What is required rises (or falls) evenly from `start` on the first day to the goal on the last."""

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
    """Nothing is required before the period's last day."""

    def required(self, _period: Window, _goal: Fraction, _on: date) -> Fraction | None:
        return None


Path = Linear | Step | NoPath


class TargetScope(enum.StrEnum):
    """Whether a target binds the region as a whole, or each department on its own."""

    REGION = "region"
    EACH_DEPARTMENT = "each department"


class Severity(enum.StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Target:
    """One promise. source: the plan's item numbers; lead: ids of the departments that answer for it."""

    id: str
    names: Names
    indicator: str
    unit: Unit
    rule: Rule
    path: Path = field(default_factory=NoPath)
    scope: TargetScope = TargetScope.REGION
    severity: Severity = Severity.WARNING
    lead: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    min_denominator: int | None = None

    def goal(self, reference: Fraction | None = None) -> Fraction | None:
        """What must hold at the period's end; None while a declared reference is not known."""
        return self.rule.goal(reference)

    def readings(self) -> dict[str, Fraction]:
        """The goal by each reading of "a further 10 %"; empty where the rule leaves nothing to read."""
        return self.rule.readings() if isinstance(self.rule, Raised) else {}

    @property
    def reference_indicator(self) -> str | None:
        """The declared indicator that the rule compares with, if it does."""
        return self.rule.indicator if isinstance(self.rule, Below) else None


@dataclass(frozen=True, slots=True)
class Phase:
    """A stage of the work; without an end it goes on until further notice."""

    id: str
    names: Names
    start: date
    end: date | None = None

    def contains(self, on: date) -> bool:
        return self.start <= on and (self.end is None or on <= self.end)


@dataclass(frozen=True, slots=True)
class Department:
    """id: the code that events carry."""

    id: str
    names: Names


@dataclass(frozen=True, slots=True)
class DeclaredIndicator:
    """An indicator that the suite does not compute: the region reports its figures."""

    id: str
    names: Names
    unit: Unit = "share"


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan of one region. id: the file's name without its ending; note: shown wherever the plan is.

    tolerance: a share may lie so far behind its path before an alert says so; it changes no verdict.
    """

    id: str
    region: int
    names: Names
    document: str
    period: Window
    targets: tuple[Target, ...]
    phases: tuple[Phase, ...] = ()
    departments: tuple[Department, ...] = ()
    indicators: tuple[DeclaredIndicator, ...] = ()
    min_denominator: int = 1
    note: Names | None = None
    tolerance: Fraction = Fraction(0)

    def window(self, on: date) -> Window | None:
        """The period so far; the whole period once it is over, None before it begins."""
        return None if on < self.period.start else Window(self.period.start, min(on, self.period.end))

    def dates_needed(self, on: date) -> tuple[date, ...]:
        """The days whose figure tables `evaluate` reads, oldest first: the trend's beginning, and today."""
        window = self.window(on)
        if window is None:
            return ()
        before = max(window.start, window.end - timedelta(days=TREND_DAYS))
        return (before, window.end) if before < window.end < self.period.end else (window.end,)

    def required(self, target: Target, on: date, reference: Fraction | None = None) -> Fraction | None:
        """What the target's path asks for today; the goal from the last day on, None where nothing is asked yet.

        A count is required in whole units: half of two lectures by midsummer is one, a third of one is none.
        """
        goal = target.goal(reference)
        if goal is None or on < self.period.start:
            return None
        if on >= self.period.end:
            return goal
        bar = target.path.required(self.period, goal, on)
        return target.rule.whole(bar) if bar is not None and target.unit == "count" else bar

    def least_denominator(self, indicator: str) -> int:
        """Below this many an indicator is not ranked and raises no alert.

        The plan's `min_denominator` guards against chance, so it concerns figures made of cases. A catalogue or a
        declared figure is complete: the one lawsuit of a year counts.
        """
        computed = COMPUTED.get(indicator)
        return self.min_denominator if computed is not None and computed.kind == "case" else 1

    def least_for(self, target: Target) -> int:
        """The same for a target, which may name its own."""
        return self.least_denominator(target.indicator) if target.min_denominator is None else target.min_denominator

    def binds(self, target: Target) -> tuple[str, ...]:
        """The departments that a target judges one by one."""
        return tuple(d.id for d in self.departments) if target.scope is TargetScope.EACH_DEPARTMENT else ()

    def phase_on(self, on: date) -> Phase | None:
        """The latest phase to have begun among those that run on a day."""
        return max((p for p in self.phases if p.contains(on)), key=lambda p: p.start, default=None)

    @property
    def indicator_names(self) -> Mapping[str, Names]:
        """Every indicator that can be shown for this plan: the computed ones and those it declares."""
        computed = {i.id: Names(i.zh, i.en) for i in COMPUTED.values()}
        return computed | {i.id: i.names for i in self.indicators}


def plan_for(plans: Sequence[Plan], region: int, on: date) -> Plan | None:
    """The region's plan whose period holds the day; else the latest one that is still in a phase that ends.

    A plan without successor is thus assessed to the end of its last dated phase, and not for ever.
    """
    own = [plan for plan in plans if plan.region == region]
    running = [p for p in own if p.period.start <= on <= p.period.end]
    closing = [p for p in own if p.period.end < on and any(ph.end is not None and ph.contains(on) for ph in p.phases)]
    return max(running or closing, key=lambda plan: plan.period.start, default=None)
