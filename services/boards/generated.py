"""All that is rendered from plans, by the path at which it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from hallpulse.domain.plan import Plan
from services.boards.alerting.alertmanager import render_alertmanager
from services.boards.intervals import Intervals, Links
from services.boards.rules.render import render_rules
from services.boards.rules.unit_tests import render_tests

TOKEN_FILE = "/run/secrets/notices_token"
"""Where the deployments mount what Alertmanager shows to the notices service."""


def rule_files(plans: Sequence[Plan], intervals: Intervals, links: Links, receiver_url: str) -> dict[str, str]:
    """rules/ for Prometheus, tests/ for promtool, alertmanager.yml."""
    rules = {f"rules/{name}": text for name, text in render_rules(plans, intervals, links).items()}
    tests = {f"tests/{p.id}.test.yml": render_tests(p, f"../rules/{p.id}.yml", intervals) for p in plans}
    routes = render_alertmanager(plans, receiver_url, intervals, token_file=TOKEN_FILE)
    return {**rules, **tests, "alertmanager.yml": routes}
