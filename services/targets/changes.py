"""Results as others are told of them: as an answer, and as breaches and recoveries between two snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import TargetResult

from .snapshot import Snapshot

BREACHED = "target_breached"
RECOVERED = "target_recovered"


class Verdict(NamedTuple):
    met: bool | None
    on_pace: bool | None


class Key(NamedTuple):
    """A target of a plan, of its region or of one department."""

    region: int
    plan: str
    target: str
    department: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """kind: BREACHED or RECOVERED, which is also the name of the event."""

    kind: str
    key: Key
    was: Verdict
    now: Verdict
    result: TargetResult

    def payload(self) -> dict[str, Any]:
        """The event's data: the target's answer, and what was said before."""
        before = {"was_met": self.was.met, "was_on_pace": self.was.on_pace}
        return {"region": self.key.region, "plan": self.key.plan, **result_answer(self.result), **before}


UNKNOWN = Verdict(None, None)


class Announcements:
    """What others have been told of each target. The first snapshot after a start is only where it begins.

    A figure that goes missing is neither a breach nor a recovery: what was last said of the target stands.
    """

    def __init__(self) -> None:
        self._told: dict[Key, Verdict] | None = None
        self._due: dict[Key, Change] = {}

    def due(self, snapshot: Snapshot) -> list[Change]:
        """What turned since it was last told; the same again until `told`."""
        results = _results(snapshot)
        if self._told is None:
            self._told = {key: Verdict(result.met, result.on_pace) for key, result in results.items()}
        found = []
        for key, result in results.items():
            was = self._told.get(key, UNKNOWN)
            now = _after(was, result)
            kind = _kind(was, now)
            if kind is None:
                self._told[key] = now
            else:
                found.append(Change(kind, key, was, now, result))
        self._due = {change.key: change for change in found}
        return found

    def told(self, keys: Iterable[Key]) -> None:
        """What was last due of these has been announced."""
        if self._told is not None:
            self._told |= {key: self._due[key].now for key in keys if key in self._due}


def _after(was: Verdict, result: TargetResult) -> Verdict:
    return Verdict(
        was.met if result.met is None else result.met, was.on_pace if result.on_pace is None else result.on_pace
    )


def _kind(was: Verdict, now: Verdict) -> str | None:
    if (was.met and now.met is False) or (was.on_pace is not False and now.on_pace is False):
        return BREACHED
    if (was.met is False and now.met) or (was.on_pace is False and now.on_pace):
        return RECOVERED
    return None


def _results(snapshot: Snapshot) -> dict[Key, TargetResult]:
    return {
        Key(view.region, view.plan.id, result.target.id, result.department): result
        for view in snapshot.regions
        if view.plan is not None
        for result in view.results
    }


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
