"""Monthly reports of departments: the form of a month, outstanding reports, and the bureau's verdicts.

A report consists of the declared figures of a month, which are posted to /v1/figures. Besides them only the bureau's
verdict is kept: seen, or returned with a reason until the figures that it names have a later revision.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from hallpulse.domain.declarations import asked_of
from hallpulse.domain.figures import Scope, Window, period_window
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.reporting import months_of
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import FigureFilter, FigureReport, Review
from services.gateway.access import ACTION, Action, is_of, reach, whose
from services.gateway.figure_reports import FigureReportAnswer, report_answer
from services.gateway.figures import Named, named
from services.gateway.problems import EXPECTED, QUERY, WRITES, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    Department,
    Month,
    RegionCode,
    Resources,
    body_of,
    check_text,
    grant_of,
    query_of,
    resources_of,
)

MOST_REASON = 500
State: TypeAlias = Literal["open", "submitted", "seen", "returned", "missing", "late"]
OneDepartment: TypeAlias = Annotated[
    str, QueryParameter(name="department", pattern=r"^[^\x00-\x1f\x7f]{1,64}$", description=EXPECTED["department"])
]


class ReviewAnswer(msgspec.Struct, frozen=True):
    """The bureau's verdict on a report. indicators: the figures that it saw, or wants corrected."""

    verdict: str
    by: str
    at: str
    reason: str
    indicators: list[str]


class MonthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A department's report of a month.

    state: open (incomplete and not due), submitted (complete), late (complete, but some figures after the last day),
    missing (incomplete and due), seen, or returned (by the bureau, and not corrected yet). days: by how many days the
    last figure was late.
    """

    month: str
    last_day: date
    state: State
    missing: list[str]
    days: int | None
    review: ReviewAnswer | None


class DepartmentMonths(msgspec.Struct, frozen=True):
    department: str
    names: Named
    months: list[MonthAnswer]


class OutstandingAnswer(msgspec.Struct, frozen=True):
    """Departments × months of the plan in force that have begun. plan: null if none asks for monthly reports."""

    region: str
    on: date
    plan: str | None
    months: list[str]
    departments: list[DepartmentMonths]


class FormRow(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the form. asked: whether the monthly report is incomplete without it; unit: share, days or count.

    now, before: the report that counts for this month and for the month before; history: every report for this month,
    the newest first.
    """

    indicator: str
    names: Named
    unit: str
    asked: bool
    now: FigureReportAnswer | None
    before: FigureReportAnswer | None
    history: list[FigureReportAnswer]


class FormAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The form of a department's month. report: null if the plan asks the department for no monthly report."""

    region: str
    department: str
    names: Named
    month: str
    before: str
    rows: list[FormRow]
    report: MonthAnswer | None


class ReviewIn(msgspec.Struct, forbid_unknown_fields=True):
    """A verdict on a report. reason: required for a return; indicators: those to correct, by default all that came."""

    region: str
    department: str
    month: str
    verdict: Literal["seen", "returned"]
    reason: Annotated[str, msgspec.Meta(max_length=MOST_REASON)] = ""
    indicators: list[str] = []


class Reported(NamedTuple):
    """The declared figures of a region that have arrived, by department and month."""

    reports: Mapping[tuple[str, str], Sequence[FigureReport]]

    def of(self, department: str, month: str) -> Sequence[FigureReport]:
        return self.reports.get((department, month), ())

    def revisions(self, department: str, month: str) -> dict[str, int]:
        """Return indicator → highest revision of the figures that can be right."""
        found: dict[str, int] = {}
        for one in self.of(department, month):
            if one.status in ("counted", "superseded", "nested"):
                found[one.indicator] = max(found.get(one.indicator, 0), one.revision)
        return found


def reported(resources: Resources, region: int, window: Window, department: str | None = None) -> Reported:
    with resources.store.read() as moment:
        found = moment.figure_reports(FigureFilter(Scope(region, department), window))
    by_month: dict[tuple[str, str], list[FigureReport]] = defaultdict(list)
    for one in found:
        if one.region == region:
            by_month[one.department, one.period].append(one)
    return Reported(by_month)


class Looked(NamedTuple):
    """A region's monthly reports and verdicts, as known on a day."""

    came: Reported
    reviews: Mapping[tuple[str, str], Review]
    today: date


def month_answer(plan: Plan, department: str, month: date, looked: Looked) -> MonthAnswer | None:
    """Return the state of a department's month; None if the plan asks nothing of it."""
    came, review = looked.came, looked.reviews.get((department, f"{month:%Y-%m}"))
    asked = plan.reporting.asked(department, month) if plan.reporting is not None else ()
    if plan.reporting is None or not asked:
        return None
    name, last_day = f"{month:%Y-%m}", plan.reporting.last_day(month)
    arrived = _first_days(came.of(department, name))
    missing = [indicator for indicator in asked if indicator not in arrived]
    days = None if missing else max(0, *((arrived[i] - last_day).days for i in asked))
    return MonthAnswer(
        month=name,
        last_day=last_day,
        state=_state(missing, days, review, came.revisions(department, name), due=last_day < looked.today),
        missing=missing,
        days=days,
        review=_review(review) if review is not None else None,
    )


def _first_days(reports: Sequence[FigureReport]) -> dict[str, date]:
    """Return indicator → day (Asia/Shanghai) on which the first report that can be right arrived."""
    found: dict[str, date] = {}
    for one in reports:
        if one.status in ("counted", "superseded", "nested"):
            day = date.fromordinal(_EPOCH + (one.arrived + 480) // 1440)
            found[one.indicator] = min(found.get(one.indicator, day), day)
    return found


_EPOCH = date(1970, 1, 1).toordinal()


def _state(
    missing: Sequence[str], days: int | None, review: Review | None, now: Mapping[str, int], *, due: bool
) -> State:
    if review is not None and review.verdict == "returned":
        if any(now.get(indicator, 0) <= revision for indicator, revision in review.revisions.items()):
            return "returned"
    elif review is not None and dict(review.revisions) == dict(now) and not missing:
        return "seen"
    if missing:
        return "missing" if due else "open"
    return "late" if days else "submitted"


def _review(review: Review) -> ReviewAnswer:
    at = review.at.astimezone(SHANGHAI).isoformat(timespec="seconds")
    return ReviewAnswer(review.verdict, review.by, at, review.reason, sorted(review.revisions))


def outstanding_answer(resources: Resources, region: int, department: str | None) -> OutstandingAnswer:
    today = resources.today()
    plan = resources.plan(region, today)
    if plan is None or plan.reporting is None:
        return OutstandingAnswer(str(region), today, None, [], [])
    months = [month for month in months_of(plan.period) if month <= today]
    came = reported(resources, region, plan.period, department)
    looked = Looked(came, resources.reviews.latest(region, department), today)
    rows = []
    for one in plan.departments:
        if department in (None, one.id):
            cells = (month_answer(plan, one.id, month, looked) for month in months)
            rows.append(DepartmentMonths(one.id, named(one.names), [cell for cell in cells if cell is not None]))
    return OutstandingAnswer(str(region), today, plan.id, [f"{m:%Y-%m}" for m in months], rows)


@get(
    "/v1/outstanding",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getOutstanding",
    summary="The monthly reports of departments: what came, what is late, missing or returned",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_outstanding(request: AnyRequest, region: RegionCode, *, department: Department = None) -> OutstandingAnswer:
    """Lists the monthly reports under the plan in force today. A department must name itself in `department`."""
    resources, scope, _ = query_of(request, region, department)
    return outstanding_answer(resources, scope.region, scope.department)


def _before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


@get(
    "/v1/form",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getForm",
    summary="The form of a department's month: the figures asked for, those declared, and last month's",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_form(request: AnyRequest, region: RegionCode, department: OneDepartment, month: Month) -> FormAnswer:
    """Returns every figure that the plan asks of the department for the month, those of the monthly report first."""
    resources, scope, _ = query_of(request, region, department)
    first = period_window(month).start
    plan = resources.plan(scope.region, first)
    names = _names_of(plan, department)
    if plan is None or names is None:
        raise Declined(Kind.NOT_FOUND, f"no plan of {region} holds {month} and names this department")
    before = _before(first)
    window = Window(before, period_window(month).end)
    came = reported(resources, scope.region, window, department)
    looked = Looked(came, resources.reviews.latest(scope.region, department), resources.today())
    asked = plan.reporting.asked(department, first) if plan.reporting is not None else ()
    rows = [
        FormRow(
            indicator=one.id,
            names=named(one.names),
            unit=one.unit,
            asked=one.id in asked,
            now=_counted(came.of(department, month), one.id, one.names),
            before=_counted(came.of(department, f"{before:%Y-%m}"), one.id, one.names),
            history=_history(came.of(department, month), one.id, one.names),
        )
        for one in asked_of(resources.plans, scope.region, department, month)
    ]
    return FormAnswer(
        region=region,
        department=department,
        names=named(names),
        month=month,
        before=f"{before:%Y-%m}",
        rows=rows,
        report=month_answer(plan, department, first, looked),
    )


def _names_of(plan: Plan | None, department: str) -> Names | None:
    return next((one.names for one in plan.departments if one.id == department), None) if plan else None


def _counted(reports: Sequence[FigureReport], indicator: str, names: Names) -> FigureReportAnswer | None:
    """Return the department's report that stands. One that lies in a figure of the region (`nested`) stands, too."""
    standing = (r for r in reports if r.indicator == indicator and r.status in ("counted", "nested"))
    found = max(standing, key=lambda r: r.revision, default=None)
    return report_answer(found, names) if found is not None else None


def _history(reports: Sequence[FigureReport], indicator: str, names: Names) -> list[FigureReportAnswer]:
    own = sorted((r for r in reports if r.indicator == indicator), key=lambda r: (-r.revision, -r.time))
    return [report_answer(one, names) for one in own]


@post(
    "/v1/reviews",
    status_code=201,
    responses=problems(*WRITES, 404),
    operation_id="postReview",
    summary="Mark a department's monthly report as seen, or return it with a reason",
    opt={ACTION: Action.REVIEW},
    tags=["figures"],
)
async def post_review(request: AnyRequest) -> MonthAnswer:
    """Keeps a verdict, for the bureau. A return changes no figure: the report counts until it is corrected."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, ReviewIn)
    region, first = _checked(given)
    check_text(resources, reason=given.reason)
    if not is_of(grant, region):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} judges no report of {given.region}: it is of {reach(grant)}")
    return await asyncio.to_thread(_judge, resources, given, first, grant.name)


def _checked(given: ReviewIn) -> tuple[int, date]:
    """Return the county and the month's first day. Raises Declined (422) for a wrong one, or no reason."""
    if not (given.region.isascii() and given.region.isdecimal() and len(given.region) == 6):
        raise Declined(Kind.CONTRADICTION, "region: expected a county's code of 6 digits", field="region")
    try:
        first = period_window(given.month).start
    except ValueError:
        first = None
    if first is None or len(given.month) != 7:
        raise Declined(Kind.CONTRADICTION, "month: expected YYYY-MM", field="month")
    if given.verdict == "returned" and not given.reason.strip():
        raise Declined(Kind.CONTRADICTION, "reason: expected why the report is returned", field="reason")
    return int(given.region), first


def _judge(resources: Resources, given: ReviewIn, first: date, by: str) -> MonthAnswer:
    region = int(given.region)
    plan = resources.plan(region, first)
    if plan is None or _names_of(plan, given.department) is None:
        detail = f"no plan of {region} holds {given.month} and names this department"
        raise Declined(Kind.NOT_FOUND, detail, field="department")
    came = reported(resources, region, period_window(given.month), given.department)
    revisions = came.revisions(given.department, given.month)
    unknown = [one for one in given.indicators if one not in revisions]
    if unknown or not revisions:
        detail = "indicators: expected figures that came" if unknown else "month: no figure of this month came yet"
        raise Declined(Kind.CONTRADICTION, detail, field="indicators" if unknown else "month")
    judged = {one: revisions[one] for one in given.indicators} if given.indicators else revisions
    at = resources.clock()
    review = Review(region, given.department, given.month, at, by, given.verdict, given.reason.strip(), judged)
    resources.reviews.add(review)
    looked = Looked(came, {(given.department, given.month): review}, resources.today())
    found = month_answer(plan, given.department, first, looked)
    if found is None:
        raise Declined(Kind.NOT_FOUND, "the plan asks for no monthly report of this department")
    return found
