"""Alert rules and alert routing, rendered from the plans by services.boards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hallpulse.plans import load_plans
from services.boards import DEMO, OFFICE, Intervals, Links, render_alertmanager, render_rules
from services.local.files import CannotRun

INTERVALS: Mapping[str, Intervals] = {"demo": DEMO, "office": OFFICE}


@dataclass(frozen=True, slots=True)
class Alerts:
    """Rendered alert rules and alert routing.

    rules: file name → content of a Prometheus rule file; routing: Alertmanager's configuration, "" for the default one.
    """

    rules: Mapping[str, str] = field(default_factory=dict)
    routing: str = ""


def rendered_alerts(folder: Path, pace: str, receiver_url: str, links: Links, token_file: str) -> Alerts:
    """Return the rules and routing for the plans in a folder.

    pace: `demo` alerts within seconds, `office` suits a bureau. Raises PlanError if a plan is invalid, CannotRun if
    there is no such pace.
    """
    intervals = INTERVALS.get(pace)
    if intervals is None:
        raise CannotRun(f"HALLPULSE_INTERVALS: expected one of {', '.join(INTERVALS)}, got {pace!r}")
    plans = load_plans(folder)
    rules = render_rules(plans, intervals, links)
    routing = render_alertmanager(plans, receiver_url, intervals, token_file=token_file)
    return Alerts(rules, routing)
