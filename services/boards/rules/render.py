"""Plans → rules files, by name. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Sequence

from hallpulse.domain.plan import Plan
from services.boards.intervals import Intervals, Links
from services.boards.rules.cases import case_alerts
from services.boards.rules.measured import Measured
from services.boards.rules.rule import Group, as_file, with_runbook
from services.boards.rules.suite import data_alerts, hall_alerts, health_alerts, plan_alert, suite_records
from services.boards.rules.targets import target_alerts

SUITE_FILE = "suite.yml"


def render_rules(plans: Sequence[Plan], intervals: Intervals, links: Links | None = None) -> dict[str, str]:
    """File name → its text: one file a plan, and one for what holds with any plan."""
    links = links or Links()
    files = {f"{plan.id}.yml": as_file(_linked(plan_groups(plan, intervals, links), links)) for plan in plans}
    return {**files, SUITE_FILE: as_file(_linked(suite_groups(intervals, links), links))}


def plan_groups(plan: Plan, intervals: Intervals, links: Links) -> list[Group]:
    targets = [alert for t in plan.targets for alert in target_alerts(Measured(plan, t), intervals, links)]
    cases = [*case_alerts(plan, intervals, links), plan_alert(plan, intervals, links)]
    return [
        Group(f"{plan.id} targets", intervals.evaluation, targets),
        Group(f"{plan.id} cases", intervals.evaluation, cases),
    ]


def suite_groups(intervals: Intervals, links: Links) -> list[Group]:
    return [
        Group("halls", intervals.evaluation, [*suite_records(intervals), *hall_alerts(intervals, links)]),
        Group("data", intervals.evaluation, data_alerts(intervals, links)),
        Group("suite", intervals.evaluation, health_alerts(intervals, links)),
    ]


def _linked(groups: Sequence[Group], links: Links) -> list[Group]:
    return [with_runbook(group, links) for group in groups]
