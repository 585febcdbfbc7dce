"""A result as it crosses a wire: numbers where there is a value, null where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import TargetResult


def result_answer(result: TargetResult) -> dict[str, Any]:
    target, forecast, counted = result.target, result.forecast, result.value is not None
    return {
        "id": target.id,
        "department": result.department,
        "indicator": target.indicator,
        "state": result.state.value,
        "value": _number(result.value),
        "numerator": result.figure.numerator if counted else None,
        "denominator": result.figure.denominator if counted else None,
        "required": _number(result.required),
        "goal": _number(result.goal),
        "gap": _number(result.gap),
        "met": result.met,
        "on_pace": result.on_pace,
        "forecast": _number(forecast.value) if forecast else None,
        "forecast_from": [forecast.since.isoformat(), forecast.until.isoformat()] if forecast else None,
        "readings": {name: _number(goal) for name, goal in result.readings.items()},
        "reason": result.reason,
    }


def evaluation_answer(region: int, on: date, plan: Plan | None, results: Sequence[TargetResult]) -> dict[str, Any]:
    """`plan` is null, and the list empty, where no plan of the region is in force on the day."""
    return {
        "region": region,
        "on": on.isoformat(),
        "plan": plan.id if plan else None,
        "targets": [result_answer(result) for result in results],
    }


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
