"""GET /v1/cases/REGION/HALL/CASE_ID: a case's events, its limits and their origin, and its clock day by day."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec

from hallpulse.contract.encode import event_json, time_text
from hallpulse.contract.events import corrects_of
from hallpulse.domain.catalogue import ItemSpan
from hallpulse.domain.clock import Case
from hallpulse.domain.clockface import Clock, ClockDay, flag_names
from hallpulse.domain.measures import open_state
from hallpulse.domain.workdays import date_of, day_of
from hallpulse.store import CaseHistory
from services.gateway.desk import Desk


class ItemVersionAnswer(msgspec.Struct, frozen=True):
    """The item's version that holds on the accepted day: from effective_from up to, but not with, until."""

    item_code: str
    name: str
    effective_from: date
    until: date | None
    source: str
    event_id: str
    statutory_days: int | None
    promised_days: int | None


class LimitAnswer(msgspec.Struct, frozen=True):
    """A limit in working days. origin: the case itself, its item's version, or null where there is no limit."""

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
    """The days after start, up to and with end, do not count; end is null while it is open."""

    start: date
    end: date | None
    procedure: str


class ExtensionAnswer(msgspec.Struct, frozen=True):
    event_id: str
    date: date
    days: int


class ClockDayAnswer(msgspec.Struct, frozen=True):
    """why: start, counted, or what keeps the day from counting: weekend, holiday, regional_holiday, suspended.

    name: the holiday's, or the suspension's procedure; elapsed: the working days up to and with this one.
    """

    date: date
    why: str
    elapsed: int
    name: str
    provisional: bool


class EventAnswer(msgspec.Struct, frozen=True):
    """An event as it was sent; one that was retracted or corrected is kept and shown, and counts no more.

    retracted: whether it counts no more; retracted_by, corrected_by: the ids of the events that say so; corrects: the
    id of the event whose place it takes.
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
    """pending: `received` has not come yet; then only the events are known.

    state: of an open case as in cases_open, else decided, withdrawn or rejected. elapsed: to the decision, or to today.
    truncated: a clock of more than 1,100 days is shown up to there.
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
    score: int | None = None
    limits: LimitsAnswer | None = None
    suspensions: list[SuspensionAnswer] = []
    extensions: list[ExtensionAnswer] = []
    flags: list[str] = []
    clock: list[ClockDayAnswer] = []
    truncated: bool = False
    events: list[EventAnswer] = []


def history_answer(desk: Desk, history: CaseHistory) -> CaseHistoryAnswer:
    answer = CaseHistoryAnswer(
        region=str(history.region),
        hall=history.hall,
        case_id=history.case_id,
        as_of=time_text(desk.now()),
        state="pending",
        events=_events(history),
    )
    return _with_clock(answer, history.clock, day_of(desk.today())) if history.clock is not None else answer


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
    """The one word for where a case stands on a day."""
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
