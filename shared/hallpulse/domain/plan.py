"""A published plan: its region, its period, and its targets with what each of them requires.

Every amount is an exact Fraction; a share is kept as a number from 0 to 1 (31.94 % is 3194/10000).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from .figures import LENGTHS, Length, Window
from .indicators import COMPUTED
from .integrity import USUAL, Thresholds, ThresholdsOf
from .ladder import USUAL_SUPERVISION, PlanTask, Supervision
from .reporting import MONTHLY_REPORT, Arrivals, Reporting, Reports, reports_on
from .rules import Below, NoPath, Path, Raised, Rule, Unit
from .scoring import Group, Scoring

TREND_DAYS = 91
"""Days that a forecast looks back: thirteen whole weeks hold several monthly reports, and each weekday as often."""
TREND_PARTS = 3


@dataclass(frozen=True, slots=True)
class Names:
    """A name in Chinese, as the bureau uses it, and in English."""

    zh: str
    en: str


class TargetScope(enum.StrEnum):
    """The scope of a target: it binds the region as a whole, or each department."""

    REGION = "region"
    EACH_DEPARTMENT = "each department"


class Severity(enum.StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Target:
    """One target of a plan. source: the plan's item numbers; lead: ids of the departments that answer for it."""

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
        """Return the goal at the period's end; None while a declared reference is not known."""
        return self.rule.goal(reference)

    def readings(self) -> dict[str, Fraction]:
        """Return the goal under each reading of "a further 10 %"; empty for a rule that can be read in one way only."""
        return self.rule.readings() if isinstance(self.rule, Raised) else {}

    @property
    def reference_indicator(self) -> str | None:
        """The declared indicator that the rule compares with; None if it compares with none."""
        return self.rule.indicator if isinstance(self.rule, Below) else None


REPORTED_IN_TIME = Names("每月报送及时率", "share of monthly reports that came in time")


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the plan's work. end: None if it goes on until further notice."""

    id: str
    names: Names
    start: date
    end: date | None = None

    def contains(self, on: date) -> bool:
        return self.start <= on and (self.end is None or on <= self.end)


@dataclass(frozen=True, slots=True)
class Department:
    """A department of the plan. id: the code that events carry."""

    id: str
    names: Names


@dataclass(frozen=True, slots=True)
class DeclaredIndicator:
    """An indicator that the suite does not compute: the region declares its figures.

    periods: the lengths of the periods for which figures may be declared.
    """

    id: str
    names: Names
    unit: Unit = "share"
    periods: tuple[Length, ...] = LENGTHS


@dataclass(frozen=True, slots=True)
class Letter:
    """The address of the plan's reports: 主送, 编制单位, 签发, 抄送. signer: empty if the name is written by hand."""

    to: Names
    issuer: Names
    signer: str = ""
    copies: tuple[Names, ...] = ()


EVERY_DEPARTMENT, OTHER_DEPARTMENTS = Names("全部部门", "all departments"), Names("其他部门", "other departments")


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan of one region.

    id: the file's name without its ending; document: the number of the plan's document (文号); note: shown wherever the
    plan is shown; region_names: the region's names, if the plan states them. min_denominator: see `least_denominator`.

    tolerance: how far a share may lie behind its path before an alert fires; it changes no verdict. reporting: which
    departments report what each month, measured as `monthly_report`; integrity: thresholds of the checks. groups:
    comparable departments; scoring: the points that it gives; letter: the address of its reports; supervision: cards
    for late cases and days for answers; tasks: its list of tasks (任务清单).
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
    region_names: Names | None = None
    tolerance: Fraction = Fraction(0)
    reporting: Reporting | None = None
    integrity: Thresholds = USUAL
    groups: tuple[Group, ...] = ()
    scoring: Scoring | None = None
    letter: Letter | None = None
    supervision: Supervision = USUAL_SUPERVISION
    tasks: tuple[PlanTask, ...] = ()

    def window(self, on: date) -> Window | None:
        """Return the period so far; the whole period once it is over, None before it begins."""
        return None if on < self.period.start else Window(self.period.start, min(on, self.period.end))

    def dates_needed(self, on: date) -> tuple[date, ...]:
        """Return the days whose figure tables `evaluate` reads, oldest first: from the beginning of the trend to `on`.

        The two days between them show whether a catalogue changed in one step, which is no trend, and how much the
        parts of the past differ.
        """
        window = self.window(on)
        if window is None:
            return ()
        before = max(window.start, window.end - timedelta(days=TREND_DAYS))
        if not before < window.end < self.period.end:
            return (window.end,)
        days, parts = (window.end - before).days, range(TREND_PARTS + 1)
        return tuple(dict.fromkeys(before + timedelta(days=days * part // TREND_PARTS) for part in parts))

    def required(self, target: Target, on: date, reference: Fraction | None = None) -> Fraction | None:
        """Return the value that the path requires on a day: None before there is one, the goal from the last day on.

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
        """Return the least denominator with which an indicator is ranked and raises alerts.

        The plan's `min_denominator` guards against chance, so it applies to figures made of cases. A catalogue or a
        declared figure is complete: even the only lawsuit of a year counts.
        """
        computed = COMPUTED.get(indicator)
        return self.min_denominator if computed is not None and computed.kind == "case" else 1

    @property
    def eve(self) -> date:
        """The day before the period: figures of that day are the plan's starting point."""
        return self.period.start - timedelta(days=1)

    def least_for(self, target: Target) -> int:
        """Return the least denominator of a target: its own, else its indicator's."""
        return self.least_denominator(target.indicator) if target.min_denominator is None else target.min_denominator

    def binds(self, target: Target) -> tuple[str, ...]:
        """Return the departments that a target judges one by one; none if it binds the region as a whole."""
        return tuple(d.id for d in self.departments) if target.scope is TargetScope.EACH_DEPARTMENT else ()

    @property
    def compared(self) -> tuple[Group, ...]:
        """The groups within which departments are compared: the plan's, and one of the departments in no group."""
        grouped = {id_ for group in self.groups for id_ in group.departments}
        rest = tuple(d.id for d in self.departments if d.id not in grouped)
        others = Group("all", EVERY_DEPARTMENT, rest) if not self.groups else Group("others", OTHER_DEPARTMENTS, rest)
        return (*self.groups, others) if rest else self.groups

    def phase_on(self, on: date) -> Phase | None:
        """Return the phase that began last among those that run on a day, or None."""
        return max((p for p in self.phases if p.contains(on)), key=lambda p: p.start, default=None)

    @property
    def indicator_names(self) -> Mapping[str, Names]:
        """The names of every indicator that can be shown for this plan: computed, declared and measured ones."""
        computed = {i.id: Names(i.zh, i.en) for i in COMPUTED.values()}
        measured = {MONTHLY_REPORT: REPORTED_IN_TIME} if self.reporting is not None else {}
        return computed | {i.id: i.names for i in self.indicators} | measured

    def is_declared(self, indicator: str) -> bool:
        """Return whether an indicator's figures are declared, that is, neither computed nor measured."""
        return indicator not in COMPUTED and not (self.reporting is not None and indicator == MONTHLY_REPORT)

    def reports(self, arrivals: Arrivals, on: date) -> Reports:
        """Return the departments' monthly reports that are due on a day; none if the plan asks for none."""
        if self.reporting is None:
            return Reports(())
        return reports_on(self.reporting, tuple(d.id for d in self.departments), self.period, arrivals, on)


def plan_for(plans: Sequence[Plan], region: int, on: date) -> Plan | None:
    """Return the region's plan whose period holds the day, else the latest plan of which a phase that ends holds it.

    So a plan without a successor is assessed until its last phase with an end is over, and not for ever.
    """
    own = [plan for plan in plans if plan.region == region]
    running = [p for p in own if p.period.start <= on <= p.period.end]
    closing = [p for p in own if p.period.end < on and any(ph.end is not None and ph.contains(on) for ph in p.phases)]
    return max(running or closing, key=lambda plan: plan.period.start, default=None)


def thresholds_on(plans: Sequence[Plan], on: date) -> ThresholdsOf:
    """Return the thresholds of the integrity checks by the plans in force on a day."""
    return ThresholdsOf({plan.region: plan.integrity for plan in plans if plan_for(plans, plan.region, on) is plan})
