"""GET /v1/regions: where there is something to see, for those who may see it."""

from __future__ import annotations

from datetime import date

import msgspec

from hallpulse.contract.encode import time_text
from hallpulse.domain.figures import Scope
from hallpulse.store import Grant
from services.gateway.desk import Desk
from services.gateway.rights import may_read

from .common import PlanAnswer, plan_answer


class RegionAnswer(msgspec.Struct, frozen=True):
    """counties: how many of the counties listed the region sums over, itself among them."""

    region: str
    level: str
    counties: int
    plan: PlanAnswer | None


class RegionsAnswer(msgspec.Struct, frozen=True):
    """Counties with data, halls or a plan; the prefectures and provinces above them; and the token's scope."""

    as_of: str
    on: date
    role: str
    department: str | None
    hall: str | None
    regions: list[RegionAnswer]


def regions_answer(desk: Desk, grant: Grant) -> RegionsAnswer:
    today = desk.today()
    with desk.store.read() as moment:
        stored = moment.regions()
    counties = sorted({*stored, *(plan.region for plan in desk.plans if plan.region % 100)})
    above = {code for county in counties for code in (county // 100 * 100, county // 10_000 * 10_000)}
    shown = [code for code in (*counties, *sorted(above)) if _readable(grant, code)]
    return RegionsAnswer(
        as_of=time_text(desk.now()),
        on=today,
        role=grant.role,
        department=grant.department,
        hall=grant.hall,
        regions=[_region(desk, code, counties, today) for code in shown],
    )


def _readable(grant: Grant, region: int) -> bool:
    return may_read(grant, Scope(region, grant.department, grant.hall))


def _region(desk: Desk, region: int, counties: list[int], today: date) -> RegionAnswer:
    plan, (low, high) = desk.plan(region, today), Scope(region).bounds
    return RegionAnswer(
        region=str(region),
        level="county" if region % 100 else "prefecture" if region % 10_000 else "province",
        counties=sum(low <= county <= high for county in counties),
        plan=plan_answer(plan, today) if plan else None,
    )
