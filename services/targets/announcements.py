"""Breaches and recoveries of targets: which of them are still to be announced, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any, NamedTuple

from hallpulse.domain.compression import Mark
from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import TargetResult

BREACHED = "target_breached"
RECOVERED = "target_recovered"


class Standing(NamedTuple):
    """A target's verdict: whether the goal is met, and whether what is required today is."""

    met: bool | None
    on_pace: bool | None


class Key(NamedTuple):
    """A target of a plan, of its region or of one department."""

    region: int
    plan: str
    target: str
    department: str | None


class Announced(NamedTuple):
    """A target, and its verdict as it was last announced or settled without a word."""

    key: Key
    verdict: Standing


@dataclass(frozen=True, slots=True)
class TargetChange:
    """A breach or a recovery.

    kind: BREACHED or RECOVERED, which is also the name of the event;
    at: of the reading, in seconds since 1970-01-01 UTC.
    """

    kind: str
    key: Key
    was: Standing
    now: Standing
    result: TargetResult
    at: float

    @property
    def announced(self) -> Announced:
        return Announced(self.key, self.now)

    def payload(self) -> dict[str, Any]:
        """The event's data: the target's answer, and what was said before."""
        at = datetime.fromtimestamp(self.at, UTC).isoformat()
        before = {"was_met": self.was.met, "was_on_pace": self.was.on_pace, "at": at}
        return {"region": self.key.region, "plan": self.key.plan, **result_answer(self.result), **before}


UNKNOWN = Standing(None, None)


class Announcements:
    """The last announced verdict of each target.

    known: those of a process that has ended, with which this one goes on; without them the first snapshot is only where
    it begins. A figure that goes missing is neither a breach nor a recovery: the verdict last announced stands.
    """

    def __init__(self, known: Iterable[Announced] | None = None) -> None:
        self._begun = known is not None
        self._announced = dict(known or ())
        self._settled: dict[Key, Standing] = {}

    def due(self, taken: float, results: Mapping[Key, TargetResult]) -> list[TargetChange]:
        """Return what turned since it was last announced; the same again until `announced`.

        taken: when the results were read, in seconds since 1970-01-01 UTC.
        """
        if not self._begun:
            self._begun = True
            self._settle({key: Standing(result.met, result.on_pace) for key, result in results.items()})
        found = []
        for key, result in results.items():
            was = self._announced.get(key, UNKNOWN)
            now = _after(was, result)
            kind = _kind(was, now)
            if kind is not None:
                found.append(TargetChange(kind, key, was, now, result, taken))
            elif self._announced.get(key) != now:
                self._settle({key: now})
        return found

    def announced(self, said: Iterable[Announced]) -> None:
        """Note what others were told, whatever has been read since: what turned back meanwhile is then due."""
        self._announced |= dict(said)

    def take_settled(self) -> list[Announced]:
        """Return the verdicts that changed without an announcement, once."""
        settled, self._settled = self._settled, {}
        return [Announced(key, verdict) for key, verdict in settled.items()]

    def _settle(self, verdicts: Mapping[Key, Standing]) -> None:
        self._announced |= verdicts
        self._settled |= verdicts


def _after(was: Standing, result: TargetResult) -> Standing:
    return Standing(
        was.met if result.met is None else result.met, was.on_pace if result.on_pace is None else result.on_pace
    )


def _kind(was: Standing, now: Standing) -> str | None:
    if (was.met and now.met is False) or (was.on_pace is not False and now.on_pace is False):
        return BREACHED
    if (was.met is False and now.met) or (was.on_pace is False and now.on_pace):
        return RECOVERED
    return None


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
        "forecast_reason": result.unforeseen.value if result.unforeseen else None,
        "reason": result.reason,
        "marks": [_mark(mark) for mark in result.marks],
    }


def _mark(mark: Mark) -> dict[str, Any]:
    """A finding that the figure gains from, and the figure without it."""
    without = mark.without
    return {
        "check": mark.check,
        "findings": mark.findings,
        "without": {
            "numerator": without.numerator,
            "denominator": without.denominator,
            "value": _number(without.value),
        },
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
