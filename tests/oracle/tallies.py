"""Daily counts of halls that cannot send cases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from tests.oracle.eventset import Event, family, hall_of, order, region_of

Tally = dict[str, Any]
ACTIVITIES = ("received", "accepted", "rejected", "decided")


def tallies(standing: Iterable[Event], cases: Iterable[dict[str, Any]]) -> list[Tally]:
    """One tally a hall and day: the highest revision, then the later (time, id); `clashes` when cases speak for it."""
    busy = {(case["region"], case["hall"], case.get(name)) for case in cases for name in ACTIVITIES}
    reports: dict[tuple[str, str, date], list[Event]] = {}
    for event in standing:
        if family(event) == "tally":
            day = date.fromisoformat(event["data"]["date"])
            reports.setdefault((region_of(event), hall_of(event), day), []).append(event)
    return [
        {
            **max(found, key=lambda event: (event["data"]["revision"], order(event)))["data"],
            "region": region, "hall": hall, "day": day, "clashes": (region, hall, day) in busy,
        }
        for (region, hall, day), found in sorted(reports.items())
    ]  # fmt: skip


def figures(counted: list[Tally]) -> dict[str, tuple[int, int]]:
    """What the tallies of a window and scope add to the indicators of cases."""

    def total(*fields: str) -> int:
        return sum(tally[field] for tally in counted for field in fields)

    return {
        "unified_acceptance_rate": (total("unified_accepted"), total("accepted")),
        "full_process_acceptance_rate": (total("full_process_accepted"), total("accepted")),
        "acceptance_rate": (total("accepted"), total("accepted", "rejected")),
        "instant_case_share": (total("instant_decided"), total("decided")),
    }
