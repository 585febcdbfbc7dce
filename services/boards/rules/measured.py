"""The expressions of a target's figures: of the region, or of each department that it binds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hallpulse.domain.plan import Names, Plan, Target, TargetScope
from hallpulse.domain.rules import Unit
from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from services.boards.promql import NO_DATA, UNIT_WORDS, amount, number, query_of, select


@dataclass(frozen=True, slots=True)
class Measured:
    """A target of a plan with the expressions for its aspects."""

    plan: Plan
    target: Target

    @property
    def each_department(self) -> bool:
        return self.target.scope is TargetScope.EACH_DEPARTMENT

    @property
    def tolerance(self) -> Fraction:
        return self.plan.tolerance if self.target.unit == "share" else Fraction(0)

    def of(self, aspect: str) -> str:
        """Return the series of one aspect: goal, required, gap, met, on_pace, forecast, state."""
        return select(f"hallpulse_{self._prefix}target_{aspect}", region=self.plan.region, target=self.target.id)

    def in_state(self, *states: State) -> str:
        """Return a condition: the target is in one of the states, under this plan (other plans of the region do not
        count).
        """
        numbers = [STATE_NUMBERS.index(state) for state in states]
        match = " or ".join(f"{self.of('state')} == {n}" for n in numbers)
        return f"and ({match}) and on (region) {in_force(self.plan)}"

    @property
    def from_path(self) -> str:
        """Return how far the value is ahead of the required one; negative is behind."""
        signs = ("-", "+") if self.target.rule.less_is_better else ("+", "-")
        return f"{self.of('gap')} {signs[0]} {self.of('goal')} {signs[1]} {self.of('required')}"

    @property
    def forecast_gap(self) -> str:
        """Return the gap that the forecast leaves at the period's end; negative is short."""
        ends, goal = self.of("forecast"), self.of("goal")
        return f"{goal} - {ends}" if self.target.rule.less_is_better else f"{ends} - {goal}"

    @property
    def trend(self) -> str:
        """Return forecast minus today's value, signed so that negative is worse."""
        return f"{self.forecast_gap} - {self.of('gap')}"

    def said(self, aspect: str, otherwise: str = NO_DATA.zh) -> str:
        """Return an aspect as text of a notice, or else a text; `value` is the indicator's own."""
        return amount(self._of_alert(aspect), self.target.unit, self._arguments, otherwise)

    def said_in(self, aspect: str, words: Mapping[Unit, Names] = UNIT_WORDS) -> Names:
        """Return an aspect with its unit, in both languages."""
        unit = words[self.target.unit]
        return Names(self.said(aspect) + unit.zh, self.said(aspect, NO_DATA.en) + unit.en)

    @property
    def is_known(self) -> str:
        """Return the query of the value, which is empty where there is none."""
        return query_of(self._of_alert("value"), self._arguments)

    @property
    def _prefix(self) -> str:
        return "department_" if self.each_department else ""

    @property
    def _arguments(self) -> Sequence[str]:
        return ("$labels.department",) if self.each_department else ()

    def _of_alert(self, aspect: str) -> str:
        if aspect == "value":
            metric, what = f"hallpulse_{self._prefix}indicator_ratio", ("indicator", self.target.indicator)
        else:
            metric, what = f"hallpulse_{self._prefix}target_{aspect}", ("target", self.target.id)
        found = select(metric, region=self.plan.region, **dict([what]))
        return found.replace("}", ",department=%q}") if self.each_department else found


def in_force(plan: Plan) -> str:
    return select("hallpulse_plan_info", region=plan.region, plan=plan.id)


def below(expr: str, bar: Fraction | float) -> str:
    return f"({expr}) <= {number(bar)}"
