"""How fast things are told: what a deployment sets, apart from what a plan promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Intervals:
    """When rules are evaluated, how long a condition must hold, how notices are gathered and repeated.

    verdict: a figure must stand so long before it is told; unmeasured: so long may a target go without figures;
    unattended: so long may cases be due soon without one decision; silence: so long may a hall say nothing while it
    is open; opens, closes: a hall's hours on working days, Asia/Shanghai, None for at any time;
    refused_share, refused_events: told when more than the share was refused, out of at least so many events;
    hall_refused_share, hall_refused_over: the same of one hall, told to its owner.
    """

    evaluation: timedelta = 30 * SECOND
    verdict: timedelta = 15 * MINUTE
    unmeasured: timedelta = 7 * DAY
    unattended: timedelta = 3 * HOUR
    silence: timedelta = 2 * HOUR
    opens: int | None = 9
    closes: int | None = 17
    lag: timedelta = 1 * MINUTE
    lag_for: timedelta = 5 * MINUTE
    stale: timedelta = 5 * MINUTE
    refused_over: timedelta = 30 * MINUTE
    refused_share: float = 0.05
    refused_events: int = 20
    hall_refused_over: timedelta = 15 * MINUTE
    hall_refused_share: float = 0.1
    group_wait: timedelta = 30 * SECOND
    group_interval: timedelta = 5 * MINUTE
    repeat: timedelta = 1 * DAY
    sudden: float = 0.01
    falling: float = 0.01
    piled_up: float = 0.2


OFFICE = Intervals()
"""For a bureau at work."""

DEMO = Intervals(
    evaluation=2 * SECOND,
    verdict=0 * SECOND,
    unmeasured=10 * MINUTE,
    unattended=10 * MINUTE,
    silence=30 * SECOND,
    opens=None,
    closes=None,
    lag_for=30 * SECOND,
    stale=30 * SECOND,
    refused_over=2 * MINUTE,
    hall_refused_over=2 * MINUTE,
    group_wait=1 * SECOND,
    group_interval=5 * SECOND,
    repeat=4 * HOUR,
)
"""For a demonstration and for tests: everything within seconds."""


@dataclass(frozen=True, slots=True)
class Links:
    """What notices and boards point to; a gateway or board left empty gives links that begin at the server's root."""

    gateway: str = ""
    grafana: str = ""
    runbook: str = "docs/runbook.md"


def duration(span: timedelta) -> str:
    """As Prometheus and Alertmanager write it, in the largest unit that is whole."""
    whole = round(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"
