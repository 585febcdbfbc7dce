"""Rendering of plans into rules files. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Sequence

from hallpulse.domain.plan import Plan
from services.boards.alerting.alertmanager import render_alertmanager
from services.boards.intervals import Intervals, Links
from services.boards.rules.cases import case_alerts
from services.boards.rules.measured import Measured
from services.boards.rules.rule import Group, as_file, with_runbook
from services.boards.rules.suite import (
    data_alerts,
    hall_alerts,
    health_alerts,
    integrity_alerts,
    plan_alert,
    suite_records,
)
from services.boards.rules.targets import target_alerts
from services.boards.rules.unit_tests import render_tests

TOKEN_FILE = "/run/secrets/notices_token"
"""The path at which deployments mount the token that Alertmanager presents to the notices service."""


def rule_files(plans: Sequence[Plan], intervals: Intervals, links: Links, receiver_url: str) -> dict[str, str]:
    """Return all files by path: rules/ for Prometheus, tests/ for promtool, and alertmanager.yml."""
    rules = {f"rules/{name}": text for name, text in render_rules(plans, intervals, links).items()}
    tests = {f"tests/{p.id}.test.yml": render_tests(p, f"../rules/{p.id}.yml", intervals) for p in plans}
    routes = render_alertmanager(plans, receiver_url, intervals, token_file=TOKEN_FILE)
    return {**rules, **tests, "alertmanager.yml": routes}


SUITE_FILE = "suite.yml"


def render_rules(plans: Sequence[Plan], intervals: Intervals, links: Links | None = None) -> dict[str, str]:
    """Return the rules files by name: one for each plan, and one for the rules common to all plans."""
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
        Group("integrity", intervals.evaluation, integrity_alerts(links)),
        Group("suite", intervals.evaluation, health_alerts(intervals, links)),
    ]


def _linked(groups: Sequence[Group], links: Links) -> list[Group]:
    return [with_runbook(group, links) for group in groups]
