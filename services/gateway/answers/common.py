"""What every answer is made of: codes as text, exact fractions as numbers, moments in Asia/Shanghai."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec

from hallpulse.contract.encode import time_text
from hallpulse.domain.plan import Names, Plan


class Named(msgspec.Struct, frozen=True):
    """A name in Chinese and in English."""

    zh: str
    en: str


class DepartmentName(msgspec.Struct, frozen=True):
    id: str
    names: Named


class PhaseAnswer(msgspec.Struct, frozen=True):
    id: str
    names: Named
    start: date
    end: date | None


class PlanAnswer(msgspec.Struct, frozen=True):
    """The plan that holds on the day."""

    id: str
    region: str
    names: Named
    document: str
    start: date
    end: date
    min_denominator: int
    phase: PhaseAnswer | None
    note: Named | None


def named(names: Names) -> Named:
    return Named(names.zh, names.en)


def number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def told(time: int | None) -> str | None:
    """Microseconds since 1970-01-01 UTC as RFC 3339 at +08:00."""
    return None if time is None else time_text(time)


def plan_answer(plan: Plan, on: date) -> PlanAnswer:
    phase = plan.phase_on(on)
    return PlanAnswer(
        id=plan.id,
        region=str(plan.region),
        names=named(plan.names),
        document=plan.document,
        start=plan.period.start,
        end=plan.period.end,
        min_denominator=plan.min_denominator,
        phase=PhaseAnswer(phase.id, named(phase.names), phase.start, phase.end) if phase else None,
        note=named(plan.note) if plan.note else None,
    )
