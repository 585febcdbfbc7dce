"""GET /v1/cases: the cases, tallies or items behind a number, by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import quote

import msgspec
from litestar import get

from hallpulse.domain.clockface import flag_names
from hallpulse.domain.figures import Window, period_window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.ladder import USUAL_SUPERVISION, Card, Supervision, days_late
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.workdays import Workdays, day_of
from hallpulse.store import BadCursor, CaseFilter, CasePage, CaseRow, ItemRow, Moment, Past, TallyRow
from services.gateway.access import ACTION, Action
from services.gateway.access_audit import READS
from services.gateway.problems import QUERY, Declined, Kind, expected_of, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Cursor,
    Department,
    FlowPartName,
    From,
    Hall,
    IndicatorId,
    ItemCode,
    Limit,
    MonthOfFlow,
    On,
    PartName,
    RegionCode,
    Resources,
    State,
    To,
    grant_of,
    past_of,
    resources_of,
    scope_of,
    told_at,
    window_of,
)


class CaseAnswer(msgspec.Struct, frozen=True):
    """One case. elapsed: working days of a decided case; amount: what it adds to the total; url: its whole story.

    late_days: working days after its due day, or over its limit; card: yellow or red, by the plan; null where not late.
    """

    region: str
    hall: str
    case_id: str
    item_code: str | None
    department: str | None
    channel: str | None
    received: date | None
    accepted: date | None
    rejected: date | None
    decided: date | None
    withdrawn: date | None
    rated: date | None
    due: date | None
    statutory_due: date | None
    statutory_days: int | None
    promised_days: int | None
    extended_days: int
    elapsed: int | None
    score: int | None
    open: bool
    suspended: bool
    flags: list[str]
    amount: int
    url: str
    late_days: int | None
    card: str | None


class TallyAnswer(msgspec.Struct, frozen=True):
    """A hall's daily count that is part of the total."""

    region: str
    hall: str
    date: date
    amount: int


class ItemAnswer(msgspec.Struct, frozen=True):
    """A catalogue item that is part of the total."""

    region: str
    item_code: str
    name: str
    department: str
    handling: Literal["instant", "promised"]
    statutory_days: int | None
    promised_days: int | None
    amount: int


class CasesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the cases, tallies or items behind a number.

    total: of the whole list, equal to what /v1/indicators says; next_cursor: null on the last page.

    The tallies come with the first page. of: what the total is made of, cases (with tallies, where the indicator takes
    them), items, or a figure that was declared as such and has nothing behind it.
    """

    region: str
    department: str | None
    hall: str | None
    state: str | None = None
    indicator: str | None = None
    part: str | None = None
    flow: str | None = None
    item: str | None = None
    on: date | None = None
    start: date | None = msgspec.field(name="from", default=None)
    end: date | None = msgspec.field(name="to", default=None)
    as_of: str
    of: Literal["cases", "items", "declared"]
    total: int
    cases: list[CaseAnswer]
    tallies: list[TallyAnswer]
    items: list[ItemAnswer]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    wanted: CaseFilter
    past: Past
    cursor: str | None
    limit: int


@get(
    "/v1/cases",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="listCases",
    summary="The cases behind a number",
    opt={ACTION: Action.READ, READS: "list"},
    tags=["cases"],
)
def list_cases(
    request: AnyRequest,
    region: RegionCode,
    *,
    state_: State = None,
    on: On = None,
    indicator: IndicatorId = None,
    part: PartName = None,
    from_: From = None,
    to: To = None,
    flow: FlowPartName = None,
    month: MonthOfFlow = None,
    item: ItemCode = None,
    department: Department = None,
    hall: Hall = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CasesAnswer:
    """Either state, today or on a day; or indicator and part (numerator, if it is left out) over a window; or flow.

    `total` equals the number that /v1/indicators (or its open_cases, or /v1/flow) gives for the same question. Overdue
    cases come first where a state is asked. Without from and to: the same window as /v1/indicators. on: the state by
    the events that happened by that day's end; as_of: by what had arrived by then.
    """
    resources, scope = resources_of(request), scope_of(grant_of(request), region, department, hall)
    if sum(one is not None for one in (state_, indicator, flow)) != 1:
        raise Declined(Kind.CONTRADICTION, "expected one of state, indicator and flow", field="state")
    past, window = past_of(as_of, on), {"part": part, "from": from_, "to": to}
    if state_ is not None:
        _refuse("a state is that of a day", **window, month=month, item=item)
        wanted = CaseFilter(scope, state=state_)
    elif flow is not None:
        _refuse("a flow is that of a month", **window, on=on)
        wanted = CaseFilter(scope, window=_days_of(month), flow=flow, item=item)
    else:
        _refuse("an indicator is that of a window", on=on, month=month, item=item)
        days = window_of(resources, scope.region, from_, to, past)
        wanted = CaseFilter(scope, indicator=indicator, part=part or "numerator", window=days)
    return cases_answer(resources, Asked(wanted, past, cursor, limit))


def _days_of(month: str | None) -> Window:
    if month is None:
        raise Declined(Kind.CONTRADICTION, f"month: expected {expected_of('month')}", field="month")
    return period_window(month)


def _refuse(why: str, **given: str | date | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise Declined(Kind.CONTRADICTION, f"{name}: not expected here: {why}", field=name)


def cases_answer(resources: Resources, asked: Asked) -> CasesAnswer:
    wanted = asked.wanted
    page, cases = _page(resources, asked)
    return CasesAnswer(
        region=str(wanted.scope.region),
        department=wanted.scope.department,
        hall=wanted.scope.hall,
        state=wanted.state,
        indicator=wanted.indicator,
        part=wanted.part if wanted.indicator else None,
        flow=wanted.flow,
        item=wanted.item,
        on=asked.past.on,
        start=wanted.window.start if wanted.window else None,
        end=wanted.window.end if wanted.window else None,
        as_of=told_at(resources, asked.past),
        of=_made_of(wanted.indicator),
        total=page.total,
        cases=cases,
        tallies=[_tally(row) for row in page.tallies],
        items=[_item(row) for row in page.items],
        next_cursor=page.next_cursor,
    )


def _made_of(indicator: str | None) -> Literal["cases", "items", "declared"]:
    computed = COMPUTED.get(indicator or "")
    if indicator is None or (computed is not None and computed.kind == "case"):
        return "cases"
    return "items" if computed is not None else "declared"


def _page(resources: Resources, asked: Asked) -> tuple[CasePage, list[CaseAnswer]]:
    try:
        with resources.read(asked.wanted.scope, asked.past) as moment:
            _check_indicator(resources, moment, asked.wanted)
            today = asked.past.on or resources.today(asked.past)
            page = moment.list_cases(asked.wanted, today, asked.cursor, asked.limit)
            cards = CardsOfCases(resources.plans, moment, today)
            return page, [_case(row, cards.late_days(row), cards.card(row)) for row in page.cases]
    except BadCursor:
        raise Declined(Kind.BAD_PARAMETER, f"cursor: expected {expected_of('cursor')}", field="cursor") from None


def _check_indicator(resources: Resources, moment: Moment, wanted: CaseFilter) -> None:
    indicator, scope = wanted.indicator, wanted.scope
    if indicator is None:
        return
    computed = COMPUTED.get(indicator)
    if scope.hall is not None and (computed is None or computed.kind != "case"):
        detail = "indicator: expected one of cases: catalogue and declared figures are a region's, not a hall's"
        raise Declined(Kind.CONTRADICTION, detail, field="indicator")
    if computed is None and indicator not in _declared(resources, moment, wanted):
        listed = ", ".join(COMPUTED)
        detail = f"indicator: expected one of {listed}, or a declared one of the plan"
        raise Declined(Kind.CONTRADICTION, detail, field="indicator")


def _declared(resources: Resources, moment: Moment, wanted: CaseFilter) -> set[str]:
    """Return the indicators that a plan declares or a hall reported."""
    planned = {indicator.id for plan in resources.plans for indicator in plan.indicators}
    return planned | (set(moment.figures(wanted.scope, wanted.window)) if wanted.window else set())


class CardsOfCases:
    """How late the cases of a list are on a day, and their cards, by the calendar and the plan of each county."""

    def __init__(self, plans: Sequence[Plan], moment: Moment, on: date) -> None:
        self._plans, self._moment, self._on = plans, moment, on
        self._rules: dict[int, tuple[Workdays, Supervision]] = {}

    def late_days(self, row: CaseRow) -> int | None:
        """Working days, None where it is not late."""
        due = day_of(row.due) if row.open and not row.suspended and row.due is not None else None
        allowed = None if row.promised_days is None else row.promised_days + row.extended
        elapsed = row.elapsed if row.decided is not None else None
        return days_late(self._of(row.region)[0], day_of(self._on), due=due, elapsed=elapsed, allowed=allowed)

    def card(self, row: CaseRow) -> Card | None:
        return self._of(row.region)[1].card(self.late_days(row))

    def _of(self, region: int) -> tuple[Workdays, Supervision]:
        if region not in self._rules:
            plan = plan_for(self._plans, region, self._on)
            rules = plan.supervision if plan is not None else USUAL_SUPERVISION
            self._rules[region] = self._moment.workdays(region), rules
        return self._rules[region]


def _case(row: CaseRow, late_days: int | None, card: Card | None) -> CaseAnswer:
    return CaseAnswer(
        region=str(row.region),
        hall=row.hall,
        case_id=row.case_id,
        item_code=row.item_code,
        department=row.department,
        channel=row.channel,
        received=row.received,
        accepted=row.accepted,
        rejected=row.rejected,
        decided=row.decided,
        withdrawn=row.withdrawn,
        rated=row.rated,
        due=row.due,
        statutory_due=row.statutory_due,
        statutory_days=row.statutory_days,
        promised_days=row.promised_days,
        extended_days=row.extended,
        elapsed=row.elapsed,
        score=row.score,
        open=row.open,
        suspended=row.suspended,
        flags=flag_names(row.flags),
        amount=row.amount,
        url=f"/v1/cases/{row.region}/{row.hall}/{quote(row.case_id, safe='')}",
        late_days=late_days,
        card=card,
    )


def _tally(row: TallyRow) -> TallyAnswer:
    return TallyAnswer(str(row.region), row.hall, row.day, row.amount)


def _item(row: ItemRow) -> ItemAnswer:
    return ItemAnswer(
        region=str(row.region),
        item_code=row.item_code,
        name=row.name,
        department=row.department,
        handling="instant" if row.instant else "promised",
        statutory_days=row.statutory_days,
        promised_days=row.promised_days,
        amount=row.amount,
    )
