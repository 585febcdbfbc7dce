"""GET /v1/cases: the cases, tallies or items behind a number, by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.enums import MediaType

from hallpulse.domain.clockface import flag_names
from hallpulse.domain.figures import Scope, Window, period_window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.ladder import Card
from hallpulse.store import BadCursor, BadOrder, CaseFilter, CasePage, CaseRow, ItemRow, Moment, Order, Past
from services.gateway.access import ACTION, Action
from services.gateway.access_audit import READS
from services.gateway.case_narrowing import CardsOfCases, Narrowing, sought_of
from services.gateway.list_forms import CASE_COLUMNS, CASES, ITEM_COLUMNS, ITEMS_BEHIND
from services.gateway.lists import LISTING, MOST_FILE_ROWS, CardName, ListAsked, ListFile, Offset, Row, file_answer
from services.gateway.naming import with_names
from services.gateway.problems import MOST_ROWS, QUERY, Declined, Kind, expected_of, problems
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
    query_of,
    told_at,
    window_of,
)


class CaseAnswer(msgspec.Struct, frozen=True):
    """A case. elapsed: working days of a decided case; amount: its part of the total; url: address of its history.

    late_days: working days after its due day, or over its limit; card: yellow or red, by the plan; null if it is not
    late. item_name: of the item's last version.
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
    item_name: str | None = None


class TallyAnswer(msgspec.Struct, frozen=True):
    """A hall's tally of a day that is part of the total."""

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

    total: of the whole list, equal to what /v1/indicators says; of one narrowed by text or card, of what is left
    without tallies; rows: how many cases or items the list has; next_cursor: null on the last page.

    The tallies come with the first page. of: what the total consists of: cases (with tallies, if the indicator uses
    them), items, or declared figures, which have no cases behind them.
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
    rows: int
    cases: list[CaseAnswer]
    tallies: list[TallyAnswer]
    items: list[ItemAnswer]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Question:
    """The parameters that say behind which number the cases stand; None for each that was left out."""

    state: str | None
    indicator: str | None
    part: Literal["numerator", "denominator"] | None
    start: date | None
    end: date | None
    flow: str | None
    month: str | None
    item: str | None

    def filter(self, resources: Resources, scope: Scope, past: Past) -> CaseFilter:
        """Return the cases that are asked for. Raise Declined (422) for parameters that contradict each other."""
        if sum(one is not None for one in (self.state, self.indicator, self.flow)) != 1:
            raise Declined(Kind.CONTRADICTION, "expected one of state, indicator and flow", field="state")
        window = {"part": self.part, "from": self.start, "to": self.end}
        if self.state is not None:
            _refuse("a state is that of a day", **window, month=self.month, item=self.item)
            return CaseFilter(scope, state=self.state)
        if self.flow is not None:
            _refuse("a flow is that of a month", **window, on=past.on)
            return CaseFilter(scope, window=_days_of(self.month), flow=self.flow, item=self.item)
        _refuse("an indicator is that of a window", on=past.on, month=self.month, item=self.item)
        days = window_of(resources, scope.region, self.start, self.end, past)
        return CaseFilter(scope, indicator=self.indicator, part=self.part or "numerator", window=days)


@dataclass(frozen=True, slots=True)
class Asked:
    wanted: CaseFilter
    past: Past
    cursor: str | None
    limit: int
    offset: int = 0


@get(
    "/v1/cases",
    sync_to_thread=True,
    dependencies=LISTING,
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
    offset: Offset = 0,
    card: CardName = None,
    listing: NamedDependency[ListAsked],
) -> Response[CasesAnswer]:
    """Lists the cases behind a number, which is named by state, by indicator and part, or by flow.

    state: today or on a day; indicator and part (numerator by default): over a window; flow: of a month. `total` equals
    the number that /v1/indicators (or its open_cases, or /v1/flow) gives for the same question. With state, overdue
    cases come first. Without from and to: the same window as /v1/indicators. on: the state by the events that happened
    by that day's end; as_of: by the events that had arrived by then. text: of a case's number, its item, its department
    or hall; card: of the day. A file has the whole list, without the tallies.
    """
    resources, scope, past = query_of(request, region, department, hall, as_of, on)
    wanted = _Question(state_, indicator, part, from_, to, flow, month, item).filter(resources, scope, past)
    _check_page(cursor, offset, listing)
    asked = Asked(_ordered(wanted, listing), past, cursor, limit, offset)
    narrowing = Narrowing(listing.text, card)
    if listing.form is not None:
        return case_file(resources, asked, narrowing, listing)
    return Response(cases_answer(resources, asked, narrowing), media_type=MediaType.JSON)


def _check_page(cursor: str | None, offset: int, listing: ListAsked) -> None:
    if cursor is not None and offset:
        raise Declined(Kind.CONTRADICTION, "offset: not expected together with cursor", field="offset")
    if listing.only:
        raise Declined(Kind.CONTRADICTION, "only: not expected here: department, hall and card narrow it", field="only")


def _ordered(wanted: CaseFilter, listing: ListAsked) -> CaseFilter:
    if listing.sort is None:
        return wanted
    return replace(wanted, order=Order(listing.sort.lstrip("-"), listing.sort.startswith("-")))


def _days_of(month: str | None) -> Window:
    if month is None:
        raise Declined(Kind.CONTRADICTION, f"month: expected {expected_of('month')}", field="month")
    return period_window(month)


def _refuse(why: str, **given: str | date | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise Declined(Kind.CONTRADICTION, f"{name}: not expected here: {why}", field=name)


def cases_answer(resources: Resources, asked: Asked, narrowing: Narrowing) -> CasesAnswer:
    with resources.read(asked.wanted.scope, asked.past) as moment:
        return _answer(resources, moment, *_narrowed(resources, moment, asked, narrowing))


def _narrowed(resources: Resources, moment: Moment, asked: Asked, narrowing: Narrowing) -> tuple[Asked, CardsOfCases]:
    """Return what is asked with what the store seeks, and the cards of the cases: the same for every page of a list."""
    _check_indicator(resources, moment, asked.wanted)
    cards = CardsOfCases(resources.plans, moment, asked.past.on or resources.today(asked.past))
    sought = sought_of(resources, moment, asked.wanted.scope, narrowing, cards)
    return replace(asked, wanted=replace(asked.wanted, sought=sought)), cards


def _answer(resources: Resources, moment: Moment, asked: Asked, cards: CardsOfCases) -> CasesAnswer:
    wanted = asked.wanted
    page = _page(resources, moment, asked)
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
        rows=page.rows,
        cases=[_case(row, cards.late_days(row), cards.card(row)) for row in page.cases],
        tallies=[TallyAnswer(str(row.region), row.hall, row.day, row.amount) for row in page.tallies],
        items=[_item(row) for row in page.items],
        next_cursor=page.next_cursor,
    )


def _made_of(indicator: str | None) -> Literal["cases", "items", "declared"]:
    computed = COMPUTED.get(indicator or "")
    if indicator is None or (computed is not None and computed.kind == "case"):
        return "cases"
    return "items" if computed is not None else "declared"


def case_file(resources: Resources, asked: Asked, narrowing: Narrowing, listing: ListAsked) -> Response[Any]:
    """Return the whole list as a file, read at one moment. Raise Declined (422) if it is too long."""
    resources.book.refresh()
    with resources.read(asked.wanted.scope, asked.past) as moment:
        asked, cards = _narrowed(resources, moment, replace(asked, cursor=None, offset=0, limit=MOST_ROWS), narrowing)
        first = _answer(resources, moment, asked, cards)
        form, columns = (ITEMS_BEHIND, ITEM_COLUMNS) if first.of == "items" else (CASES, CASE_COLUMNS)
        rows = _all_rows(resources, moment, asked, cards, first) if first.rows <= MOST_FILE_ROWS else iter(())
        told = {"region": first.region}
        return file_answer(resources, listing, ListFile(form, told, rows, first.rows), columns)


def _all_rows(
    resources: Resources, moment: Moment, asked: Asked, cards: CardsOfCases, first: CasesAnswer
) -> Iterator[Row]:
    page = first
    while True:
        yield from (with_names(one, resources.book) for one in (page.items if page.of == "items" else page.cases))
        if page.next_cursor is None:
            return
        page = _answer(resources, moment, replace(asked, cursor=page.next_cursor), cards)


def _page(resources: Resources, moment: Moment, asked: Asked) -> CasePage:
    today = asked.past.on or resources.today(asked.past)
    try:
        return moment.list_cases(asked.wanted, today, asked.cursor, asked.limit, asked.offset)
    except BadCursor:
        raise Declined(Kind.BAD_PARAMETER, f"cursor: expected {expected_of('cursor')}", field="cursor") from None
    except BadOrder as error:
        raise Declined(Kind.CONTRADICTION, str(error), field="sort") from None


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
        item_name=row.item_name,
    )


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
