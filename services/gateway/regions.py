"""GET /v1/regions: the regions and halls that a token reads, with their names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
from litestar import get

from hallpulse.domain.figures import Scope
from hallpulse.domain.succession import Succession
from hallpulse.domain.workdays import time_text
from hallpulse.store import Grant
from services.gateway.access import ACTION, Action, may_read
from services.gateway.figures import Named, named
from services.gateway.problems import problems
from services.gateway.request import AnyRequest, Resources, grant_of, resources_of
from services.gateway.targets import PlanAnswer, plan_answer


class SuccessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A code that another one succeeds from a day on. ends: whether the earlier code ends on that day, or goes on.

    document: the number of the decree; reason: in the bureau's words.
    """

    region: str
    start: date = msgspec.field(name="from")
    ends: bool
    document: str
    reason: str


class RegionAnswer(msgspec.Struct, frozen=True):
    """A region that the token reads.

    counties: how many of the listed counties the region sums over; 1 for a listed county. ended: the first day on which
    a county's code is no longer in force; null while it is. successors: the codes that succeed it; predecessors: those
    that it succeeded.
    """

    region: str
    level: str
    counties: int
    plan: PlanAnswer | None
    names: Named
    ended: date | None
    successors: list[SuccessionAnswer]
    predecessors: list[SuccessionAnswer]


class HallName(msgspec.Struct, frozen=True):
    """A hall that has a name or is closed. closed: the first day on which it is closed, null if it is open."""

    region: str
    hall: str
    names: Named
    closed: date | None


class RegionsAnswer(msgspec.Struct, frozen=True):
    """Counties with data, halls or a plan; the prefectures and provinces above them; and the token's scope."""

    as_of: str
    on: date
    role: str
    department: str | None
    hall: str | None
    regions: list[RegionAnswer]
    halls: list[HallName]


def regions_answer(resources: Resources, grant: Grant) -> RegionsAnswer:
    today = resources.today()
    with resources.store.read() as moment:
        stored, facts, successions = moment.regions(), moment.hall_facts(), moment.successions()
    counties = sorted({*stored, *(plan.region for plan in resources.plans if plan.region % 100)})
    above = {code for county in counties for code in (county // 100 * 100, county // 10_000 * 10_000)}
    shown = [code for code in (*counties, *sorted(above)) if _readable(grant, code)]
    return RegionsAnswer(
        as_of=time_text(resources.now()),
        on=today,
        role=grant.role,
        department=grant.department,
        hall=grant.hall,
        regions=[_region(resources, code, counties, today, successions) for code in shown],
        halls=[
            HallName(str(region), hall, Named(one.name_zh or hall, one.name_en or one.name_zh or hall), one.closed)
            for (region, hall), one in sorted(facts.items())
            if region in shown and grant.hall in (None, hall)
        ],
    )


@get(
    "/v1/regions",
    sync_to_thread=True,
    responses=problems(401, 429, 500, 503),
    operation_id="getRegions",
    summary="The regions that this token reads",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_regions(request: AnyRequest) -> RegionsAnswer:
    """Lists the counties with data, halls or a plan, and the prefectures and provinces above them."""
    return regions_answer(resources_of(request), grant_of(request))


def _readable(grant: Grant, region: int) -> bool:
    return may_read(grant, Scope(region, grant.department, grant.hall))


def _region(
    resources: Resources, region: int, counties: list[int], today: date, successions: Sequence[Succession]
) -> RegionAnswer:
    plan, (low, high) = resources.plan(region, today), Scope(region).bounds
    return RegionAnswer(
        region=str(region),
        level="county" if region % 100 else "prefecture" if region % 10_000 else "province",
        counties=sum(low <= county <= high for county in counties),
        plan=plan_answer(plan, today) if plan else None,
        names=named(resources.book.names("region", str(region), str(region))),
        ended=next((one.day for one in successions if one.region == region and one.ends), None),
        successors=[_succession(one.successor, one) for one in successions if one.region == region],
        predecessors=[_succession(one.region, one) for one in successions if one.successor == region],
    )


def _succession(other: int, one: Succession) -> SuccessionAnswer:
    return SuccessionAnswer(region=str(other), start=one.day, ends=one.ends, document=one.document, reason=one.reason)
