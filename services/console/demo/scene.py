"""What is shown: a plan, and a county that lives under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.workdays import day_of
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings
from services.importing.surroundings import clock, today, workdays
from services.simulator import County
from services.simulator.county import CASES_A_YEAR, moment

FIRST_REGION = 222424
_DAYS_AFTER = 30


@dataclass(frozen=True, slots=True)
class Scene:
    """plan: in force today, else the latest that has begun; on: the day that is judged."""

    plan: Plan
    on: date


def scene(settings: Settings) -> Scene:
    """Raises HallpulseError where no plan file can be used."""
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
    """The simulated county: up to now, or somewhat past the end of a plan that is over, until late events are in."""
    end = moment(day_of(shown.plan.period.end) + _DAYS_AFTER)
    return County(shown.plan, workdays(settings, shown.plan.region), min(clock(), end), cases=cases)


def _of_one_region(plans: Sequence[Plan]) -> list[Plan]:
    regions = [plan.region for plan in plans]
    region = FIRST_REGION if FIRST_REGION in regions else min(regions, default=FIRST_REGION)
    return [plan for plan in plans if plan.region == region]
