"""GET /v1/figures: the declared figures behind a number, every report of them and whether it counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypeAlias

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from hallpulse.domain.plan import Names
from hallpulse.domain.workdays import time_text
from hallpulse.store import FigureFilter, FigureReport, Past
from services.gateway.access import ACTION, Action
from services.gateway.figures import Named, named
from services.gateway.list_forms import FIGURES
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import EXPECTED, QUERY, problems
from services.gateway.request import (
    AnyRequest,
    Department,
    From,
    IndicatorId,
    RegionCode,
    To,
    day_of_calendar,
    query_of,
    told_at,
    window_of,
)

ArrivedFrom: TypeAlias = Annotated[
    date | None, QueryParameter(name="arrived_from", description=EXPECTED["arrived_from"])
]


class FigureReportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One report. who: hall and reporter; time: when it was said; arrived: when it came, to the minute.

    status: counted, superseded (another report took its place), nested (it lies in another figure that counts already),
    or why it counts nowhere: unknown_figure, impossible_figure.
    """

    region: str
    indicator: str
    names: Named
    department: str | None
    period: str
    numerator: int
    denominator: int | None
    revision: int
    hall: str
    reporter: str | None
    note: str | None
    event_id: str
    time: str
    arrived: str
    status: str


class FigureReportsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every report of the periods that lie wholly in the window; those counted add up to the indicator."""

    region: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    figures: list[FigureReportAnswer]


@get(
    "/v1/figures",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getFigures",
    summary="The declared figures behind a number: every report, and whether it counts",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_figures(
    request: AnyRequest,
    region: RegionCode,
    *,
    from_: From = None,
    to: To = None,
    indicator: IndicatorId = None,
    department: Department = None,
    arrived_from: ArrivedFrom = None,
    listing: NamedDependency[ListAsked],
) -> Response[FigureReportsAnswer]:
    """Lists the reports of periods that lie wholly in the window. Without from and to: the window of /v1/indicators.

    arrived_from: only those that arrived on this day (Asia/Shanghai) or later; whether one counts follows from all.
    """
    resources, scope, _ = query_of(request, region, department)
    window = window_of(resources, scope.region, from_, to)
    since = None if arrived_from is None else day_of_calendar("arrived_from", arrived_from, window.start)
    with resources.store.read() as moment:
        found = moment.figure_reports(FigureFilter(scope, window, indicator, since))
    called = {one.id: one.names for plan in resources.plans for one in plan.indicators}
    answer = FigureReportsAnswer(
        region=str(scope.region),
        start=window.start,
        end=window.end,
        as_of=told_at(resources, Past()),
        figures=[report_answer(one, called.get(one.indicator, Names(one.indicator, one.indicator))) for one in found],
    )
    return listed(resources, listing, answer, FIGURES)


def report_answer(one: FigureReport, names: Names) -> FigureReportAnswer:
    extra = msgspec.json.decode(one.extra) if one.extra is not None else {}
    return FigureReportAnswer(
        region=str(one.region),
        indicator=one.indicator,
        names=named(names),
        department=one.department or None,
        period=one.period,
        numerator=one.numerator,
        denominator=one.denominator,
        revision=one.revision,
        hall=one.hall,
        reporter=_text(extra.get("reporter")),
        note=_text(extra.get("note")),
        event_id=one.id,
        time=time_text(one.time),
        arrived=time_text(one.arrived * 60_000_000),
        status=one.status,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
