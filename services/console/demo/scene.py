"""The setting of a demonstration: the plan, its county, the county's halls, and the number of cases."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hallpulse.broker.management import BrokerUsers
from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.workdays import day_of
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings
from hallpulse.store import Store, hash_of
from services.importing.surroundings import clock, today, workdays
from services.local.suite_directory import SuiteDirectory
from services.simulator import County
from services.simulator.county import CASES_A_YEAR, moment


def refuse_another(layout: SuiteDirectory, cases: int) -> None:
    """Raise HallpulseError if the directory holds a demonstration with another number of cases a year."""
    try:
        found = json.loads(_place(layout).read_text())["cases"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if found != cases:
        raise HallpulseError(
            f"{layout.root} holds a demonstration of {found} cases a year:"
            " delete it with `hallpulse down --purge`, or choose another directory with --dir"
        )


def mark(layout: SuiteDirectory, cases: int) -> None:
    _place(layout).write_text(json.dumps({"cases": cases}))


def _place(layout: SuiteDirectory) -> Path:
    """Return the path of the file that keeps the number of cases.

    It is in the database's directory, so that it is deleted with the data.
    """
    return (layout.database if layout.database.is_dir() else layout.root) / "demonstration.json"


Wanted = Mapping[tuple[int, str], Sequence[str]]
"""(region, hall) → the event families that it may send."""


def register(settings: Settings, store: Store, wanted: Wanted, names: Mapping[str, str]) -> int:
    """Register the halls that are not registered yet, and return their number. names: hall → Chinese name.

    Registered halls keep their keys. The new halls' keys are not shown; `hallpulse hall rotate` gives new ones.
    """
    known = {(hall.region, hall.hall) for hall in store.halls.list()}
    missing = {place: families for place, families in wanted.items() if place not in known}
    for (region, hall), families in missing.items():
        if settings.management_url:
            vhost = unquote(urlsplit(settings.amqp_url).path.removeprefix("/")) or "/"
            BrokerUsers(settings.management_url, vhost).put(region, hall, families)
        store.halls.add(region, hall, families, hash_of(secrets.token_urlsafe(32)), names.get(hall))
    return len(missing)


FIRST_REGION = 222424
_DAYS_AFTER = 30


@dataclass(frozen=True, slots=True)
class Scene:
    """A demonstration's plan and date.

    plan: the plan in force today, else the one that began last; on: the day on which the targets are judged, today or
    the plan's last day.
    """

    plan: Plan
    on: date


def scene(settings: Settings) -> Scene:
    """Return the scene for today. Raises HallpulseError if a plan file is invalid or no plan has begun."""
    try:
        plans = load_plans(settings.plans)
    except PlanError as error:
        raise HallpulseError(f"{error.problems[0]}: see hallpulse plan check") from None
    day = today()
    begun = [plan for plan in _of_one_region(plans) if plan.period.start <= day]
    if not begun:
        raise HallpulseError(f"{settings.plans}: expected the plan of a county that has begun by {day}")
    plan = plan_for(begun, begun[0].region, day) or max(begun, key=lambda plan: plan.period.start)
    return Scene(plan, min(day, plan.period.end))


def county_of(shown: Scene, settings: Settings, cases: int = CASES_A_YEAR) -> County:
    """Return the simulated county. It ends now, or 30 days after the plan's end, when its late events have arrived."""
    end = moment(day_of(shown.plan.period.end) + _DAYS_AFTER)
    return County(shown.plan, workdays(settings, shown.plan.region), min(clock(), end), cases=cases)


def _of_one_region(plans: Sequence[Plan]) -> list[Plan]:
    regions = [plan.region for plan in plans]
    region = FIRST_REGION if FIRST_REGION in regions else min(regions, default=FIRST_REGION)
    return [plan for plan in plans if plan.region == region]
