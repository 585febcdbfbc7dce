"""PromQL expressions of a target's figures, for the region or for each department that the target binds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hallpulse.domain.plan import Names, Plan, Target, TargetScope
from hallpulse.domain.rules import Below
from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from services.boards.promql import GAP_WORDS, NO_DATA, PLACES, UNIT_WORDS, amount, number, query_of, scaled, select

UNKNOWN_GOAL = Names("尚未公布", "not published yet")
_BELOW, _ABOVE = Names("低于", "below"), Names("高于", "above")


@dataclass(frozen=True, slots=True)
class Measured:
    """A target of a plan, with the PromQL expressions of its figures."""

    plan: Plan
    target: Target

    @property
    def each_department(self) -> bool:
        return self.target.scope is TargetScope.EACH_DEPARTMENT

    @property
    def tolerance(self) -> Fraction:
        return self.plan.tolerance if self.target.unit == "share" else Fraction(0)

    def of(self, aspect: str) -> str:
        """Return the selector of one figure of the target.

        aspect: goal, required, gap, met, on_pace, forecast or state.
        """
        return select(f"hallpulse_{self._prefix}target_{aspect}", region=self.plan.region, target=self.target.id)

    def in_state(self, *states: State) -> str:
        """Return the condition that this plan is in force and the target is in one of the states."""
        numbers = [STATE_NUMBERS.index(state) for state in states]
        match = " or ".join(f"{self.of('state')} == {n}" for n in numbers)
        return f"and ({match}) and on (region) {in_force(self.plan)}"

    @property
    def from_path(self) -> str:
        """Return the expression of how far the value is ahead of the required value; negative is behind."""
        signs = ("-", "+") if self.target.rule.less_is_better else ("+", "-")
        return f"{self.of('gap')} {signs[0]} {self.of('goal')} {signs[1]} {self.of('required')}"

    @property
    def forecast_gap(self) -> str:
        """Return the expression of the gap at the period's end by the forecast; negative is short."""
        ends, goal = self.of("forecast"), self.of("goal")
        return f"{goal} - {ends}" if self.target.rule.less_is_better else f"{ends} - {goal}"

    @property
    def trend(self) -> str:
        """Return the expression of the forecast minus today's value, signed so that negative is worse."""
        return f"{self.forecast_gap} - {self.of('gap')}"

    def said(self, aspect: str, otherwise: str = NO_DATA.zh) -> str:
        """Return the template that shows a figure in a notice.

        aspect: a figure of the target, or `value` for the indicator's value; otherwise: the text if there is none.
        """
        return amount(self._of_alert(aspect), self.target.unit, self._arguments, otherwise)

    def said_in(self, aspect: str, otherwise: Names = NO_DATA) -> Names:
        """Return the templates that show a figure with its unit, or the text `otherwise`, in both languages."""
        target, expr, words = self.target, self._of_alert(aspect), UNIT_WORDS[self.target.unit]
        zh = amount(expr, target.unit, self._arguments, otherwise.zh, words.zh)
        return Names(zh, amount(expr, target.unit, self._arguments, otherwise.en, words.en))

    @property
    def goal_words(self) -> Names:
        """Return the templates of the goal as the rule puts it: a value to reach, a limit to keep or to stay below."""
        goal = self.said_in("goal", UNKNOWN_GOAL)
        if not self.target.rule.less_is_better:
            return Names(f"目标 {goal.zh}", f"goal {goal.en}")
        if isinstance(self.target.rule, Below):
            return Names(f"目标为低于 {goal.zh}", f"goal below {goal.en}")
        return Names(f"目标上限 {goal.zh}", f"goal at most {goal.en}")

    @property
    def against_goal(self) -> Names:
        """Return the templates that say on which side of the goal the value lies, and by how much, without a sign."""
        falling, unit, places = self.target.rule.less_is_better, self.target.unit, PLACES[self.target.unit]
        bar = Names("目标上限", "the limit") if falling else Names("目标", "the goal")
        words, least = GAP_WORDS[unit], number(Fraction(1, 10**places))
        shown = f'{{{{ $gap | printf "%.{places}f" | reReplaceAll "^-" "" }}}}'
        sides = [
            Names(f"{at.zh}{bar.zh} {shown}{words.zh}", f"{shown}{words.en} {at.en} {bar.en}")
            for at in ((_ABOVE, _BELOW) if falling else (_BELOW, _ABOVE))
        ]
        near = Names(f"与{bar.zh}相差不足 {least}{words.zh}", f"within {least}{words.en} of {bar.en}")
        if unit == "count":
            near = Names(f"与{bar.zh}持平", f"level with {bar.en}")
        return Names(
            self._by_gap(sides[0].zh, sides[1].zh, near.zh, "差距无法计算"),
            self._by_gap(sides[0].en, sides[1].en, near.en, "its gap cannot be computed"),
        )

    def _by_gap(self, short: str, good: str, near: str, unknown: str) -> str:
        """Return a template that shows one of four texts, and holds the gap as $gap; near: it would be shown as 0."""
        unit = self.target.unit
        query = query_of(scaled(self._of_alert("gap"), unit), self._arguments)
        half = number(Fraction(1, 2 * 10 ** PLACES[unit]))
        first = f"{{{{ $gap := . | first | value }}}}{{{{ if lt $gap -{half} }}}}{short}"
        others = f"{{{{ else if gt $gap {half} }}}}{good}{{{{ else }}}}{near}{{{{ end }}}}"
        return f"{{{{ with query {query} }}}}{first}{others}{{{{ else }}}}{unknown}{{{{ end }}}}"

    @property
    def is_known(self) -> str:
        """Return the template's query of the indicator's value; it finds nothing if there is no value."""
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
