"""The timing of alerts. A deployment sets it; it is not part of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hallpulse.domain.sources import CLOSES, OPENS, SILENCE

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals of rules and notices: evaluation, duration of a condition, grouping and repetition.

    verdict: a target's state must last this long before an alert; unmeasured: a target may lack figures this long;
    unattended: a department may have cases due soon this long without deciding one; silence: a hall may send nothing
    this long while it is open; opens, closes: a hall's hours on working days, Asia/Shanghai, None for always; lag,
    lag_for: ingest may lag this much, for this long; stale: figures may be this old; refused_share, refused_events,
    refused_over: alert above this share of refused events, out of at least this number, over this time;
    hall_refused_share, hall_refused_over: the same for one hall, told to its owner; group_wait, group_interval, repeat:
    Alertmanager's settings; sudden: alert if the compression falls by this much (0.01 is a point) in a week; falling:
    if a share's forecast is this much below its value today; piled_up: if this share of open cases is overdue.
    """

    evaluation: timedelta = 30 * SECOND
    verdict: timedelta = 15 * MINUTE
    unmeasured: timedelta = 7 * DAY
    unattended: timedelta = 3 * HOUR
    silence: timedelta = SILENCE
    opens: int | None = OPENS
    closes: int | None = CLOSES
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
"""Intervals for a bureau."""

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
"""Intervals for a demonstration and for tests: everything within seconds."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses to which notices and boards link.

    An empty address of the gateway or of Grafana makes their links relative to the server's root.
    """

    gateway: str = ""
    grafana: str = ""
    runbook: str = "docs/runbook.md"


def duration(span: timedelta) -> str:
    """Return a duration in Prometheus' and Alertmanager's form, in the largest unit that fits exactly: 2m, 90s."""
    whole = round(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"
