"""GET /v1/cases/REGION/HALL/CASE_ID: a case's events, its limits and their origin, and its clock day by day."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
from litestar import get

from hallpulse.contract.encode import event_json
from hallpulse.contract.events import corrects_of
from hallpulse.domain.catalogue import ItemSpan
from hallpulse.domain.clock import Case
from hallpulse.domain.clockface import Clock, ClockDay, flag_names
from hallpulse.domain.figures import Scope
from hallpulse.domain.ladder import USUAL_SUPERVISION, days_late
from hallpulse.domain.measures import open_state
from hallpulse.domain.workdays import Workdays, date_of, day_of
from hallpulse.store import CaseHistory, Grant, Moment, Past
from services.gateway.access import ACTION, Action, may_read, reach, whose
from services.gateway.access_audit import READS
from services.gateway.problems import QUERY, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    CaseIdInPath,
    CaseKey,
    CountyInPath,
    HallInPath,
    Resources,
    case_key,
    grant_of,
    past_of,
    resources_of,
    told_at,
)

_PREFIX = "/v1/cases/"


class ItemVersionAnswer(msgspec.Struct, frozen=True):
    """The item's version in force on the day of acceptance. until: the day before which it ends, null for no end."""

    item_code: str
    name: str
    effective_from: date
    until: date | None
    source: str
    event_id: str
    statutory_days: int | None
    promised_days: int | None


class LimitAnswer(msgspec.Struct, frozen=True):
    """A limit in working days. origin: `case` if the case states it, `item` for its item's version, null for no limit.

    extended_days: days added by extensions; due: the last day that keeps the limit; kept: null before the decision.
    """

    days: int | None
    origin: Literal["case", "item"] | None
    extended_days: int
    due: date | None
    kept: bool | None


class LimitsAnswer(msgspec.Struct, frozen=True):
    promised: LimitAnswer
    statutory: LimitAnswer
    item_version: ItemVersionAnswer | None


class SuspensionAnswer(msgspec.Struct, frozen=True):
    """A suspension: the days after start up to end, end included, do not count. end: null while it is open."""

    start: date
    end: date | None
    procedure: str


class ExtensionAnswer(msgspec.Struct, frozen=True):
    event_id: str
    date: date
    days: int


class ClockDayAnswer(msgspec.Struct, frozen=True):
    """A day of a case's clock.

    why: start, counted, or what keeps the day from counting: weekend, holiday, regional_holiday, suspended.

    name: of the holiday, or of the suspension's procedure; elapsed: the working days up to this day, included.
    """

    date: date
    why: str
    elapsed: int
    name: str
    provisional: bool


class EventAnswer(msgspec.Struct, frozen=True):
    """An event as it was sent. A retracted or corrected event is kept and shown, but no longer counts.

    retracted: whether it no longer counts; retracted_by, corrected_by: the ids of the events that retract or correct
    it; corrects: the id of the event that this one replaces.
    """

    retracted: bool
    event: dict[str, Any]
    retracted_by: list[str] = []
    corrected_by: list[str] = []
    corrects: str | None = None


class Dates(msgspec.Struct, frozen=True):
    received: date
    accepted: date | None
    rejected: date | None
    decided: date | None
    withdrawn: date | None
    rated: date | None


class CaseHistoryAnswer(msgspec.Struct, frozen=True):
    """A case with its events, limits and clock.

    pending: `received` has not come yet; then only the events are known.

    state: for an open case as in cases_open, else decided, withdrawn or rejected. elapsed: working days to the decision
    or to today. late_days, card: as in a list of cases. truncated: the clock has more than 1,100 days and is cut there.
    """

    region: str
    hall: str
    case_id: str
    as_of: str
    state: str
    item_code: str | None = None
    department: str | None = None
    channel: str | None = None
    dates: Dates | None = None
    timed: bool = False
    elapsed: int | None = None
    due: date | None = None
    late_days: int | None = None
    card: str | None = None
    score: int | None = None
    limits: LimitsAnswer | None = None
    suspensions: list[SuspensionAnswer] = []
    extensions: list[ExtensionAnswer] = []
    flags: list[str] = []
    clock: list[ClockDayAnswer] = []
    truncated: bool = False
    events: list[EventAnswer] = []


@get(
    "/v1/cases/{region:str}/{hall:str}/{case_id:path}",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getCase",
    summary="One case: its events and its clock, day by day",
    opt={ACTION: Action.READ, READS: "case"},
    tags=["cases"],
)
def get_case(
    request: AnyRequest, region: CountyInPath, hall: HallInPath, case_id: CaseIdInPath, as_of: AsOf = None
) -> CaseHistoryAnswer:
    """Returns a case's events, limits, flags and clock: which days counted, which did not, and why.

    as_of: use only events that had arrived by then; 404 if no event of the case had.
    """
    del region, hall, case_id  # only documented: an id may hold a slash, which only the raw path tells from a separator
    path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
    key = case_key(unquote(path[len(_PREFIX) :]))
    if key is None:
        raise Declined(Kind.NOT_FOUND, "expected /v1/cases/REGION/HALL/CASE_ID, REGION a county's code")
    resources, grant, past = resources_of(request), grant_of(request), past_of(as_of)
    if past.as_of is not None:  # today's rights, checked before the past is computed, which costs more
        with resources.store.read() as moment:
            _check_may_read(moment, grant, key)
    with resources.read(Scope(key.region), past) as moment:
        if past.as_of is None:
            _check_may_read(moment, grant, key)
        history = moment.case_history(*key, resources.today(past))
        if history is None:
            raise Declined(Kind.NOT_FOUND, f"no event of /{key.region}/{key.hall} names this case")
        return history_answer(resources, history, past, moment.workdays(key.region))


def _check_may_read(moment: Moment, grant: Grant, key: CaseKey) -> None:
    """Raise Declined (403) before the case is read, unless it is of the token's hall or department.

    One query checks the department. It takes the same time for another department's case and for one that is missing.
    """
    department = grant.department
    scope = Scope(key.region, department, key.hall if department is None else None)
    if not may_read(grant, scope) or (department is not None and not moment.is_of(*key, department)):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} reads {reach(grant)}")


def history_answer(resources: Resources, history: CaseHistory, past: Past, workdays: Workdays) -> CaseHistoryAnswer:
    answer = CaseHistoryAnswer(
        region=str(history.region),
        hall=history.hall,
        case_id=history.case_id,
        as_of=told_at(resources, past),
        state="pending",
        events=_events(history),
    )
    if history.clock is None:
        return answer
    today = day_of(resources.today(past))
    late = lateness_of(history.clock.case, workdays, today)
    plan = resources.plan(history.region, resources.today(past))
    card = (plan.supervision if plan is not None else USUAL_SUPERVISION).card(late)
    return msgspec.structs.replace(_with_clock(answer, history.clock, today), late_days=late, card=card)


def lateness_of(case: Case, workdays: Workdays, today: int) -> int | None:
    """Return the working days by which a case is late on a day; None if it is not late."""
    allowed = None if case.promised_days is None else case.promised_days + case.extended
    due, elapsed = case.due if case.open else None, case.elapsed if case.timed else None
    return days_late(workdays, today, due=due, elapsed=elapsed, allowed=allowed)


def _events(history: CaseHistory) -> list[EventAnswer]:
    corrects = {event.id: corrects_of(event.data) for event in history.events}
    answers = []
    for event in history.events:
        by = history.taken_out.get(event.id, ())
        answers.append(
            EventAnswer(
                retracted=event.id in history.taken_out,
                event=event_json(event),
                retracted_by=[one for one in by if corrects[one] != event.id],
                corrected_by=[one for one in by if corrects[one] == event.id],
                corrects=corrects[event.id],
            )
        )
    return answers


def _with_clock(answer: CaseHistoryAnswer, clock: Clock, today: int) -> CaseHistoryAnswer:
    case = clock.case
    return msgspec.structs.replace(
        answer,
        state=state_of(case, today),
        item_code=case.item_code,
        department=case.department,
        channel=case.channel,
        dates=_dates(case),
        timed=case.timed,
        elapsed=clock.elapsed,
        due=_date(case.due),
        score=case.score,
        limits=_limits(clock),
        suspensions=[SuspensionAnswer(date_of(s.start), _date(s.end), s.procedure) for s in clock.suspensions],
        extensions=[ExtensionAnswer(e.id, date_of(e.day), e.number or 0) for e in clock.extensions],
        flags=flag_names(case.flags),
        clock=[_day(day) for day in clock.days],
        truncated=clock.truncated,
    )


def state_of(case: Case, today: int) -> str:
    """Return a case's state on a day as one word, such as `overdue` or `decided`."""
    closed = {"decided": case.decided, "withdrawn": case.withdrawn, "rejected": case.rejected}
    return open_state(case, today) or next((word for word, day in closed.items() if day is not None), "closed")


def _dates(case: Case) -> Dates:
    return Dates(
        date_of(case.received),
        _date(case.accepted),
        _date(case.rejected),
        _date(case.decided),
        _date(case.withdrawn),
        _date(case.rated),
    )


def _limits(clock: Clock) -> LimitsAnswer:
    case, limits = clock.case, clock.limits
    decided = case.timed
    return LimitsAnswer(
        promised=LimitAnswer(
            limits.promised,
            _origin(limits.promised_from),
            case.extended,
            _date(case.due),
            case.promise_kept if decided and limits.promised is not None else None,
        ),
        statutory=LimitAnswer(
            limits.statutory,
            _origin(limits.statutory_from),
            case.extended,
            _date(case.statutory_due),
            case.statutory_kept if decided and limits.statutory is not None else None,
        ),
        item_version=_version(case.item_code, clock.span) if clock.span else None,
    )


def _origin(name: str | None) -> Literal["case", "item"] | None:
    if name is None:
        return None
    return "case" if name == "case" else "item"


def _version(item_code: str, span: ItemSpan) -> ItemVersionAnswer:
    version = span.version
    return ItemVersionAnswer(
        item_code=item_code,
        name=version.name,
        effective_from=date_of(span.start),
        until=_date(span.end),
        source=span.hall,
        event_id=span.id,
        statutory_days=version.statutory_days,
        promised_days=version.promised_days,
    )


def _day(day: ClockDay) -> ClockDayAnswer:
    return ClockDayAnswer(date_of(day.day), day.why, day.elapsed, day.name, day.provisional)


def _date(day: int | None) -> date | None:
    return None if day is None else date_of(day)
