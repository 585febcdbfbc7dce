"""Scores of departments, if a plan has them: points by steps and weights, less deductions, ranked within groups.

All points are exact Fractions. An indicator that cannot be measured gives no points, and its points are not counted as
possible: a department is ranked by the share of its points in the possible ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Protocol

from .figures import Figure, FigureTable, Scope, Window
from .indicators import AnyDoubt, CaseDoubt, Doubt, Mark, marks_on
from .integrity import Findings
from .plan import Plan
from .reporting import Arrivals
from .scoring import Deduction, Group, ScoredIndicator, Scoring
from .targets import read_arrivals, with_reports

NOTHING_COUNTED, TOO_FEW = "nothing_counted", "too_few"
"""Reasons why an indicator gives a department no points."""


@dataclass(frozen=True, slots=True)
class ItemScore:
    """A department's points for an indicator; None if it could not be measured, and `reason` then says why."""

    item: ScoredIndicator
    figure: Figure
    points: Fraction | None
    reason: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Deducted:
    """Points taken off a department for the findings of a check. points: 0 or more, the deduction's `most` at most."""

    deduction: Deduction
    findings: int
    points: Fraction


@dataclass(frozen=True, slots=True)
class DepartmentScore:
    """A department's score. rank: in its group, 1 is best; equal shares share a rank; None if nothing was measured."""

    department: str
    items: tuple[ItemScore, ...]
    deducted: tuple[Deducted, ...]
    rank: int | None = None

    @property
    def possible(self) -> Fraction:
        return sum((one.item.most for one in self.items if one.points is not None), Fraction(0))

    @property
    def points(self) -> Fraction:
        """The points given, less the points taken off; may lie below 0."""
        given = sum((one.points for one in self.items if one.points is not None), Fraction(0))
        return given - sum((one.points for one in self.deducted), Fraction(0))

    @property
    def share(self) -> Fraction | None:
        return self.points / self.possible if self.possible else None

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple(mark for one in self.items for mark in one.marks)


@dataclass(frozen=True, slots=True)
class GroupScores:
    """A group and its departments' scores, the best first, those without a rank last."""

    group: Group
    departments: tuple[DepartmentScore, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """The figures that are scored.

    least: indicator → its least denominator; findings: department → check → number of findings; doubts: the region's.
    """

    table: FigureTable
    least: Mapping[str, int]
    findings: Mapping[str, Mapping[str, int]]
    doubts: Sequence[AnyDoubt] = ()


def scores_of(scoring: Scoring, groups: Sequence[Group], given: Scored) -> tuple[GroupScores, ...]:
    """Return the scores of each group's departments, ranked within the group."""
    return tuple(GroupScores(group, _ranked(scoring, group, given)) for group in groups)


def _ranked(scoring: Scoring, group: Group, given: Scored) -> tuple[DepartmentScore, ...]:
    found = [_score(scoring, department, given) for department in group.departments]
    shares = [one.share for one in found if one.share is not None]
    ranked = [
        one if (own := one.share) is None else replace(one, rank=1 + sum(other > own for other in shares))
        for one in found
    ]
    return tuple(sorted(ranked, key=lambda one: (one.rank is None, one.rank or 0)))


def _score(scoring: Scoring, department: str, given: Scored) -> DepartmentScore:
    findings = given.findings.get(department, {})
    return DepartmentScore(
        department,
        tuple(_item(one, department, given) for one in scoring.items),
        tuple(_deducted(one, findings.get(one.check, 0)) for one in scoring.deductions if findings.get(one.check)),
    )


def _item(item: ScoredIndicator, department: str, given: Scored) -> ItemScore:
    figure = given.table.figure(item.indicator, department)
    marks = marks_on(item.indicator, figure, given.doubts, department)
    if figure.value is None:
        return ItemScore(item, figure, None, NOTHING_COUNTED)
    if item.unit != "count" and figure.denominator < given.least.get(item.indicator, 1):
        return ItemScore(item, figure, None, TOO_FEW, marks)
    return ItemScore(item, figure, item.points(figure.value), marks=marks)


def _deducted(deduction: Deduction, findings: int) -> Deducted:
    return Deducted(deduction, findings, min(deduction.points * findings, deduction.most))


class ScoreSource(Protocol):
    """The queries of a store that scores need."""

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def first_reports(self, region: int, window: Window) -> Arrivals: ...

    def doubts(self, scope: Scope, since: date, on: date) -> list[Doubt]: ...

    def case_doubts(self, scope: Scope, window: Window) -> list[CaseDoubt]: ...

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]: ...


def read_scores(plan: Plan, on: date, source: ScoreSource) -> tuple[GroupScores, ...]:
    """Return the scores of a plan's departments over its period so far; none before it begins, or without `scores`."""
    window = plan.window(on)
    if plan.scoring is None or window is None:
        return ()
    reports = plan.reports(read_arrivals(plan, source), on)
    table = with_reports(plan, source.figure_table(plan.region, window), reports)
    least = {one.indicator: plan.least_denominator(one.indicator) for one in plan.scoring.items}
    findings = _findings(plan, plan.scoring, window, source)
    doubts: list[AnyDoubt] = [
        *source.doubts(Scope(plan.region), plan.eve, window.end),
        *source.case_doubts(Scope(plan.region), window),
    ]
    given = Scored(table, least, findings, doubts)
    return scores_of(plan.scoring, plan.compared, given)


def _findings(plan: Plan, scoring: Scoring, window: Window, source: ScoreSource) -> dict[str, dict[str, int]]:
    """Return department → check → number of findings, for the checks that take points off."""
    checks = {one.check for one in scoring.deductions}
    counts: dict[str, dict[str, int]] = {}
    for one in source.integrity(Scope(plan.region), window, window.end) if checks else ():
        if one.check.id in checks:
            for group in one.by("department"):
                counts.setdefault(group.id, {})[one.check.id] = group.count
    return counts
