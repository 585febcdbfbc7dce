"""promtool tests of a plan's rules, rendered from the plan: alerts that must fire, and alerts that must not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

from hallpulse.domain.compression import COMPRESSION
from hallpulse.domain.indicators import RAISED
from hallpulse.domain.plan import Plan, Target, TargetScope
from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from services.boards.intervals import HOUR, Intervals, duration
from services.boards.promql import number, select
from services.boards.rules.measured import Measured
from services.boards.rules.rule import as_yaml

FIRING = 'count by (alertname, target) (ALERTS{alertstate="firing",target!=""})'
STEP = 12 * HOUR
PLAIN_GOAL = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A test case: every target has the same state and gaps, and must raise the same alert.

    alert: the alert that each target must raise, None for none; gap, end: the gap today and the gap at the period's end
    by the forecast, as shares (targets that are counts use whole units); in_force: whether the plan is in force;
    shares_only: test only targets that are shares; marked: test only the region's targets of the compression, with
    figures that gain from a finding.
    """

    name: str
    state: State
    alert: str | None
    gap: Fraction | None = None
    end: Fraction | None = None
    in_force: bool = True
    shares_only: bool = False
    marked: bool = False


def scenarios(plan: Plan) -> Sequence[Scenario]:
    short, some, little = Fraction(-1, 20), Fraction(1, 20), Fraction(1, 1000)
    return (
        Scenario("a target that is met raises nothing", State.MET, None, some, some),
        Scenario("a target on its path raises nothing", State.ON_PACE, None, some, some),
        Scenario("behind the path", State.BEHIND, "TargetBehindPath", short - plan.tolerance, short - plan.tolerance),
        Scenario("behind, but under another plan", State.BEHIND, None, short, short, in_force=False),
        Scenario("missed", State.MISSED, "TargetMissed", short, short),
        Scenario("well today, short at the end", State.ON_PACE, "TargetShortAtEnd", little, -little),
        Scenario("well, but falling", State.MET, "TargetFalling", some, some / 4, shares_only=True),
        Scenario("met, but by raised statutory limits", State.MET, "TargetMarked", some, some, marked=True),
        Scenario("marked, but under another plan", State.MET, None, some, some, in_force=False, marked=True),
        Scenario("not measured is said, in time", State.NOT_MEASURED, "TargetNotMeasured"),
        Scenario("too few cases raise nothing", State.BELOW_MIN_DENOMINATOR, None),
        Scenario("not started raises nothing", State.NOT_STARTED, None),
    )


def render_tests(plan: Plan, rules_file: str, intervals: Intervals) -> str:
    """Return the text of the test file for a plan's rules. rules_file: path of the rules, relative to the test file."""
    tests = [_test(plan, scenario, intervals) for scenario in scenarios(plan)]
    if plan.tolerance:
        tests.append(_test(plan, _tolerated(plan), intervals))
    return as_yaml({"rule_files": [rules_file], "evaluation_interval": duration(STEP), "tests": tests})


def _tolerated(plan: Plan) -> Scenario:
    gap = -plan.tolerance / 2
    return Scenario("behind, but within the tolerance", State.BEHIND, None, gap, gap, shares_only=True)


def _test(plan: Plan, scenario: Scenario, intervals: Intervals) -> dict[str, Any]:
    shown = [t for t in plan.targets if _is_shown(t, scenario)]
    lasting = _lasting(scenario.alert, intervals)
    steps = -(-lasting // STEP) + 2
    series = [_one(select("hallpulse_plan_info", region=plan.region, plan=_plan_id(plan, scenario)), 1, steps)]
    for target in shown:
        series.extend(_series(Measured(plan, target), scenario, steps))
        if scenario.marked:
            labels: dict[str, str | int] = {"region": plan.region, "target": target.id, "check": RAISED}
            series.append(_one(select("hallpulse_target_marked", **labels), 1, steps))
    fired = [_sample(target, scenario.alert) for target in shown if scenario.alert]
    checks = [_check(steps, fired)]
    if scenario.alert and lasting > STEP:
        checks.insert(0, _check(1, []))
    return {
        "name": scenario.name,
        "interval": duration(STEP),
        "input_series": series,
        "promql_expr_test": checks,
    }


def _lasting(alert: str | None, intervals: Intervals) -> timedelta:
    """Return how long the alert's condition must hold before it fires."""
    if alert == "TargetMarked":
        return timedelta(0)
    return intervals.unmeasured if alert == "TargetNotMeasured" else intervals.verdict


def _is_shown(target: Target, scenario: Scenario) -> bool:
    if scenario.marked:
        return target.indicator == COMPRESSION and target.scope is TargetScope.REGION
    return target.unit == "share" or not scenario.shares_only


def _plan_id(plan: Plan, scenario: Scenario) -> str:
    return plan.id if scenario.in_force else "another-plan"


def _check(steps: int, fired: list[dict[str, Any]]) -> dict[str, Any]:
    return {"expr": FIRING, "eval_time": duration(steps * STEP), "exp_samples": fired}


def _sample(target: Target, alert: str | None) -> dict[str, Any]:
    return {"labels": f'{{alertname="{alert}",target="{target.id}"}}', "value": 1}


def _series(measured: Measured, scenario: Scenario, steps: int) -> Iterator[dict[str, str]]:
    target = measured.target
    goal = target.goal() or PLAIN_GOAL
    amounts: dict[str, Fraction | int] = {
        "state": STATE_NUMBERS.index(scenario.state),
        "goal": goal,
        "required": goal,
    }
    if scenario.gap is not None and scenario.end is not None:
        end = _whole(target, scenario.end)
        amounts |= {
            "gap": _whole(target, scenario.gap),
            "forecast": goal - end if target.rule.less_is_better else goal + end,
        }
    for aspect, amount in amounts.items():
        yield _one(_labelled(measured, aspect), amount, steps)


def _whole(target: Target, gap: Fraction) -> Fraction:
    return gap if target.unit == "share" else Fraction(1 if gap > 0 else -1)


def _labelled(measured: Measured, aspect: str) -> str:
    """Return the series of a figure with the labels that the targets service gives it.

    For a target that binds each department, it is the series of the plan's first department.
    """
    plan, target = measured.plan, measured.target
    labels: dict[str, str | int] = {"region": plan.region, "target": target.id, "indicator": target.indicator}
    if not measured.each_department:
        return select(f"hallpulse_target_{aspect}", **labels)
    return select(f"hallpulse_department_target_{aspect}", **labels, department=plan.departments[0].id)


def _one(series: str, amount: Fraction | int, steps: int) -> dict[str, str]:
    return {"series": series, "values": f"{number(Fraction(amount))}x{steps}"}
