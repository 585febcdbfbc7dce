"""Alertmanager's configuration: one receiver for each lead department, one notice for each cause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hallpulse.domain.plan import Plan
from services.boards.intervals import OFFICE, Intervals, duration
from services.boards.rules.rule import as_yaml

BUREAU, OPERATORS, HALLS = "bureau", "operators", "halls"
GENERATED = "# 由 hallpulse rules render 生成，请勿手改。 Rendered by `hallpulse rules render`.\n"


def render_alertmanager(
    plans: Sequence[Plan], receiver_url: str, intervals: Intervals = OFFICE, *, token_file: str = ""
) -> str:
    """Return the text of alertmanager.yml. token_file: path of the file with the receiver's bearer token, if any."""
    who = _departments(plans)
    names = [BUREAU, OPERATORS, HALLS, *(f"{region}/{department}" for region, department in who)]
    return as_yaml(
        {
            "route": {
                "receiver": BUREAU,
                "group_by": ["region", "lead", "alertname"],
                "group_wait": duration(intervals.group_wait),
                "group_interval": duration(intervals.group_interval),
                "repeat_interval": duration(intervals.repeat),
                "routes": [_operators(), _halls(), *(_route(region, department) for region, department in who)],
            },
            "inhibit_rules": INHIBITIONS,
            "receivers": [_receiver(name, receiver_url, token_file) for name in names],
        },
        GENERATED,
    )


def _departments(plans: Sequence[Plan]) -> list[tuple[int, str]]:
    return sorted({(plan.region, department.id) for plan in plans for department in plan.departments})


def _operators() -> dict[str, Any]:
    return {"receiver": OPERATORS, "matchers": [f'lead="{OPERATORS}"']}


def _halls() -> dict[str, Any]:
    """Return the route to hall owners: plans do not name halls, so the receiver finds the owner by the labels."""
    return {"receiver": HALLS, "matchers": ['lead="hall"'], "group_by": ["region", "hall", "alertname"]}


def _route(region: int, department: str) -> dict[str, Any]:
    """Return the route to one lead department: an alert with several leads reaches each of them.

    An alert without a lead reaches the bureau.
    """
    name = re.escape(department).replace("\\", "\\\\").replace('"', '\\"')
    matchers = [f'region="{region}"', f'lead=~"(.*,)?{name}(,.*)?"']
    return {"receiver": f"{region}/{department}", "matchers": matchers, "continue": True}


def _receiver(name: str, url: str, token_file: str) -> dict[str, Any]:
    webhook: dict[str, Any] = {"url": url, "send_resolved": True}
    if token_file:
        webhook["http_config"] = {"authorization": {"credentials_file": token_file}}
    return {"name": name, "webhook_configs": [webhook]}


def _inhibit(source: str, targets: str, *equal: str) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "source_matchers": [f'alertname="{source}"'],
        "target_matchers": [f'alertname=~"{targets}"'],
    }
    return {**rule, "equal": list(equal)} if equal else rule


_SAME_TARGET = ("region", "target", "department")
_SAME_DEPARTMENT = ("region", "department")
INHIBITIONS = [
    # While figures are old, alerts computed from them say nothing new.
    _inhibit("FiguresStale", "Target.*|Cases.*|CompressionDropped|PlanNotMeasured|HallSilent"),
    _inhibit("IngestStopped", "HallSilent|IngestLag|IngestStuck|IngestAbsent"),
    _inhibit("IngestStuck", "HallSilent|IngestLag"),
    _inhibit("IngestAbsent", "HallSilent"),
    _inhibit("IngestLag", "HallSilent"),
    # The notice of a drop includes what the other notices say, and names the cause.
    _inhibit("CompressionDropped", "TargetBehindPath|TargetShortAtEnd|TargetFalling", "region", "indicator"),
    _inhibit("TargetMissed", "TargetBehindPath|TargetShortAtEnd|TargetFalling", *_SAME_TARGET),
    _inhibit("TargetBehindPath", "TargetShortAtEnd|TargetFalling", *_SAME_TARGET),
    _inhibit("TargetShortAtEnd", "TargetFalling", *_SAME_TARGET),
    _inhibit("CasesPilingUp", "CasesOverdue|CasesDueSoonUnattended", *_SAME_DEPARTMENT),
    _inhibit("CasesOverdue", "CasesDueSoonUnattended", *_SAME_DEPARTMENT),
]
"""Inhibitions: of two alerts with one cause, the worse or more specific one mutes the other."""
