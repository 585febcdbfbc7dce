"""Declared figures: which of them can be right, by the plans of the region and of the regions above it.

A figure that cannot be right is kept and is a finding, but counts nowhere. The judgement is computed from the declared
figures and the plans in force; it is never stored.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from .figures import Window, length_of, period_window, region_bounds
from .plan import DeclaredIndicator, Plan

FindingId = Literal["unknown_figure", "impossible_figure"]
UNKNOWN: FindingId = "unknown_figure"
IMPOSSIBLE: FindingId = "impossible_figure"
_LENGTHS = {"day": ("一日（YYYY-MM-DD）", "a day, YYYY-MM-DD"), "month": ("一个月（YYYY-MM）", "a month, YYYY-MM"),
            "year": ("一年（YYYY）", "a year, YYYY")}  # fmt: skip
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Declaration:
    """A figure as it was declared. department: empty for the region's own; arrived: the day, Asia/Shanghai."""

    region: int
    indicator: str
    department: str
    window: Window
    numerator: int
    denominator: int | None
    arrived: date


class Wrong(enum.StrEnum):
    """Faults of a declared figure: a closed list."""

    NO_PLAN = "no-plan"
    UNKNOWN_INDICATOR = "unknown-indicator"
    UNKNOWN_DEPARTMENT = "unknown-department"
    WRONG_LENGTH = "wrong-length"
    NOT_BEGUN = "future-period"
    NEGATIVE = "negative"
    NO_DENOMINATOR = "no-denominator"
    NEEDLESS_DENOMINATOR = "needless-denominator"
    OVER_DENOMINATOR = "over-denominator"


_UNKNOWN = (Wrong.NO_PLAN, Wrong.UNKNOWN_INDICATOR, Wrong.UNKNOWN_DEPARTMENT)


class Fault(NamedTuple):
    """The reason why a declared figure cannot be right. field: the wrong field; zh, en: what was expected."""

    wrong: Wrong
    field: str
    zh: str
    en: str

    @property
    def finding(self) -> FindingId:
        return UNKNOWN if self.wrong in _UNKNOWN else IMPOSSIBLE


def plans_over(plans: Iterable[Plan], region: int) -> Iterator[Plan]:
    """Yield the plans of the region itself and of the prefecture and the province above it."""
    for plan in plans:
        low, high = region_bounds(plan.region)
        if low <= region <= high:
            yield plan


def holding(plans: Iterable[Plan], region: int, window: Window) -> list[Plan]:
    """Return the plans over a region whose period holds all days of the window, those of the nearest region first."""
    held = (p for p in plans_over(plans, region) if p.period.start <= window.start and window.end <= p.period.end)
    return sorted(held, key=_breadth)


def asked_of(plans: Sequence[Plan], region: int, department: str, month: str) -> list[DeclaredIndicator]:
    """Return the indicators that a department reports for a month, mandatory ones first: the rows of its form."""
    window = period_window(month)
    held = holding(plans, region, window)
    must: list[str] = []
    for plan in held:
        if plan.reporting is not None:
            must += plan.reporting.asked(department, window.start)
    led = [t.indicator for plan in held for t in plan.targets if department in t.lead and plan.is_declared(t.indicator)]
    wanted = list(dict.fromkeys((*must, *led)))
    known = {one.id: one for plan in held for one in plan.indicators if length_of(window) in one.periods}
    return [known[id_] for id_ in wanted if id_ in known]


def _breadth(plan: Plan) -> int:
    low, high = region_bounds(plan.region)
    return high - low


def fault_of(plans: Sequence[Plan], said: Declaration) -> Fault | None:
    """Return the fault of a declared figure; None if it counts. It counts if at least one plan accepts it."""
    held = holding(plans, said.region, said.window)
    named = [one for plan in held for one in plan.indicators if one.id == said.indicator]
    if not named:
        return _unknown_indicator(held, said)
    departments = [department.id for plan in held for department in plan.departments]
    if said.department and said.department not in departments:
        return _unknown_department(departments)
    faults = [_impossible(one, said) for one in named]
    return None if None in faults else faults[0]


def _unknown_indicator(held: Sequence[Plan], said: Declaration) -> Fault:
    if not held:
        start, end = said.window.start, said.window.end
        return Fault(
            Wrong.NO_PLAN,
            "period",
            f"本地区没有方案的期间包含 {start} 至 {end}",
            f"expected days of a plan's period, got {start} to {end}",
        )
    known = [one.id for plan in held for one in plan.indicators]
    return Fault(
        Wrong.UNKNOWN_INDICATOR,
        "indicator",
        f"应为方案列出的申报指标之一：{_some(known)}",
        f"expected one of {_some(known)}",
    )


def _unknown_department(departments: Sequence[str]) -> Fault:
    some = _some(departments)
    return Fault(Wrong.UNKNOWN_DEPARTMENT, "department", f"应为方案列出的部门之一：{some}", f"expected one of {some}")


def _some(names: Sequence[str]) -> str:
    rest = ", …" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + rest if names else "none"


def _impossible(indicator: DeclaredIndicator, said: Declaration) -> Fault | None:
    return _wrong_period(indicator, said) or _wrong_numbers(indicator, said.numerator, said.denominator)


def _wrong_period(indicator: DeclaredIndicator, said: Declaration) -> Fault | None:
    if length_of(said.window) not in indicator.periods:
        zh = "或".join(_LENGTHS[length][0] for length in indicator.periods)
        en = " or ".join(_LENGTHS[length][1] for length in indicator.periods)
        return Fault(Wrong.WRONG_LENGTH, "period", f"方案要求按{zh}申报", f"expected {en}")
    if said.window.start > said.arrived:
        return Fault(
            Wrong.NOT_BEGUN,
            "period",
            f"应为已经开始的期间：{said.window.start} 尚未到来",
            "expected a period that has begun",
        )
    return None


def _wrong_numbers(indicator: DeclaredIndicator, numerator: int, denominator: int | None) -> Fault | None:
    for field, amount in (("numerator", numerator), ("denominator", denominator)):
        if amount is not None and amount < 0:
            return Fault(Wrong.NEGATIVE, field, "应为 0 或更大的整数", "expected a whole number, 0 or more")
    if indicator.unit == "share" and denominator is None:
        return Fault(
            Wrong.NO_DENOMINATOR,
            "denominator",
            "比例类指标应填分母；本期没有的填 0 / 0",
            "expected a denominator: 0/0 where there is none",
        )
    if indicator.unit == "share" and denominator is not None and numerator > denominator:
        return Fault(
            Wrong.OVER_DENOMINATOR, "numerator", f"分子不应大于分母：{numerator} > {denominator}",
            f"expected at most the denominator: {numerator} > {denominator}",
        )  # fmt: skip
    if indicator.unit == "count" and denominator is not None:
        return Fault(
            Wrong.NEEDLESS_DENOMINATOR,
            "denominator",
            "计数类指标没有分母，应留空",
            "expected none: the indicator is a count",
        )
    return None
