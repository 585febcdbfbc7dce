"""Breaches and recoveries of targets: which ones must still be announced, and with which data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any, NamedTuple

from hallpulse.domain.indicators import Mark
from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import TargetResult

BREACHED = "target_breached"
RECOVERED = "target_recovered"


class Standing(NamedTuple):
    """A target's verdict: whether its goal is met, and whether the value required today is; None if not known."""

    met: bool | None
    on_pace: bool | None


class Key(NamedTuple):
    """The key of a target in a plan, for the whole region (department None) or for one department."""

    region: int
    plan: str
    target: str
    department: str | None


class Announced(NamedTuple):
    """A target and its last verdict, which was announced or needed no announcement."""

    key: Key
    verdict: Standing


@dataclass(frozen=True, slots=True)
class TargetChange:
    """A breach or a recovery.

    kind: BREACHED or RECOVERED, which is also the name of the event; was, now: the last verdict and the present one;
    at: time of the reading, in seconds since 1970-01-01 UTC.
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
        """Return the event's data: the target's answer, its last verdict, and the time of the reading."""
        at = datetime.fromtimestamp(self.at, UTC).isoformat()
        before = {"was_met": self.was.met, "was_on_pace": self.was.on_pace, "at": at}
        return {"region": self.key.region, "plan": self.key.plan, **result_answer(self.result), **before}


UNKNOWN = Standing(None, None)


class Announcements:
    """The last announced verdict of each target.

    known: the verdicts of a process that has ended, from which this one goes on. Without them the first snapshot is the
    starting point, and nothing in it is announced. A missing figure is neither a breach nor a recovery: the last
    verdict stands.
    """

    def __init__(self, known: Iterable[Announced] | None = None) -> None:
        self._begun = known is not None
        self._announced = dict(known or ())
        self._settled: dict[Key, Standing] = {}

    def due(self, taken: float, results: Mapping[Key, TargetResult]) -> list[TargetChange]:
        """Return the targets that turned since their last verdict, again at every call until `announced`.

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
        """Note verdicts as announced. If a target has turned back since, it is due again."""
        self._announced |= dict(said)

    def take_settled(self) -> list[Announced]:
        """Return the verdicts that changed without an announcement since the last call."""
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
    """Return a mark as JSON values: the check, its findings, and the figure without them."""
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
    """Return the answer to `evaluate`. Without a plan in force on the day, `plan` is null and the list is empty."""
    return {
        "region": region,
        "on": on.isoformat(),
        "plan": plan.id if plan else None,
        "targets": [result_answer(result) for result in results],
    }


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
