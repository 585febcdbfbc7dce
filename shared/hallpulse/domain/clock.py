"""The clock of a case: limits, elapsed working days, due day, state; all pure, today an argument.

Sources: 行政许可法 第三十二条 (five working days to accept), 第四十五条 (time that does not count),
第八十二条 (working days). Days are ints since 1970-01-01, Asia/Shanghai.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from .case import AUTOMATIC, RECTIFIED, VERIFIED, CaseEvent, Facts, Flag, Kind, Opening, Suspension, facts_of, in_force
from .catalogue import ItemSpan, Timeline, Timelines, span_on
from .workdays import Workdays, minute_of_day

DAYS_TO_ACCEPT = 5
LONG_SUSPENSION_DAYS = 60
AT_ONCE_MICROSECONDS = 10_000_000
NONE_LIKE_LIMITS = frozenset({500, 999, 9999})
_NO_OPENING = Opening()


class Limits(NamedTuple):
    """A case's limits in working days, each with its source: `case`, `item` or None.

    span: the item's version on the day of acceptance.
    """

    statutory: int | None
    promised: int | None
    statutory_from: str | None
    promised_from: str | None
    span: ItemSpan | None


@dataclass(slots=True)
class Case:
    """A case whose `received` event has arrived, with all that indicators and lists need. Days are since 1970-01-01.

    elapsed: working days of a decided case; due, statutory_due: the last day that keeps the promised or the statutory
    limit, None without a limit or while a suspension is open; soon_from: the first day with at most one working day
    left; late_from: the first day past the limit; unaccepted_from: the first day on which acceptance is late;
    counts_as_due: whether due_kept_rate counts the case: open ones too, so that late cases do not vanish;
    rated_by_default: no person gave the rating; rating_verified, rating_rectified: the hall's answer to the rating;
    rated_minute: minute of the day, Asia/Shanghai; suspensions: their number.
    """

    item_code: str
    department: str
    channel: str
    received: int
    accepted: int | None
    rejected: int | None
    decided: int | None
    withdrawn: int | None
    rated: int | None
    score: int | None
    unified: bool
    full_process: bool
    statutory_days: int | None
    promised_days: int | None
    extended: int
    rated_by_default: bool = False
    rating_verified: bool = False
    rating_rectified: bool = False
    timed: bool = False
    elapsed: int | None = None
    promise_kept: bool = False
    statutory_kept: bool = False
    due: int | None = None
    statutory_due: int | None = None
    counts_as_due: bool = False
    open: bool = False
    suspended: bool = False
    soon_from: int | None = None
    late_from: int | None = None
    unaccepted_from: int | None = None
    flags: int = 0
    rated_minute: int | None = None
    suspensions: int = 0


def fold(events: Sequence[CaseEvent], workdays: Workdays, timelines: Timelines) -> Case | None:
    """Return the case that a set of events describes; None while its `received` event is missing.

    timelines: item_code → the item's versions in the case's region.
    """
    facts = facts_of(events)
    received = facts.received
    if received is None or received.opening is None:
        return None
    return _case(facts, received, received.opening, workdays, timelines)


def accepted_event(facts: Facts) -> CaseEvent | None:
    """Return the acceptance in force; None if there is none, or if a later `rejected` event replaced it."""
    accepted, rejected = facts.accepted, facts.rejected
    if accepted is None or rejected is None:
        return accepted
    return accepted if accepted.is_later(rejected) else None


def _accepted_day(facts: Facts, accepted: CaseEvent | None, received: CaseEvent) -> int | None:
    """Return the day of acceptance; the day of receipt if a case was decided without acceptance or rejection."""
    if accepted is not None:
        return accepted.day
    return received.day if facts.decided is not None and facts.rejected is None else None


def limits_of(opening: Opening, over: Opening, accepted: int | None, spans: Timeline) -> Limits:
    """Return a case's limits: each from its `accepted` event, else from `received`, else from the item's version.

    opening: of `received`; over: of `accepted`; accepted: the day of acceptance, whose version in `spans` counts.
    """
    span = span_on(spans, accepted) if accepted is not None else None
    statutory = opening.statutory_days if over.statutory_days is None else over.statutory_days
    promised = opening.promised_days if over.promised_days is None else over.promised_days
    statutory_from = None if statutory is None else "case"
    promised_from = None if promised is None else "case"
    if span is not None:
        version = span.version
        if statutory is None:
            statutory, statutory_from = version.statutory_days, "item"
        if promised is None:
            promised, promised_from = version.promised_days, "item"
            if promised is None and version.instant:
                promised = 0
    return Limits(statutory, promised, statutory_from, promised_from, span)


def clipped(suspensions: Sequence[Suspension], decided: int | None) -> Sequence[Suspension]:
    """Return the suspensions that stop the clock: a decision ends the open ones, and later ones do not count."""
    if decided is None or not suspensions:
        return suspensions
    return [
        Suspension(s.start, decided if s.end is None else min(s.end, decided), s.procedure)
        for s in suspensions
        if s.start < decided
    ]


def suspended_days(workdays: Workdays, suspensions: Sequence[Suspension], after: int, until: int) -> int:
    """Return the number of working days of (after, until] that lie in a suspension; an open one has no end yet."""
    total = 0
    for start, end, _ in suspensions:
        total += workdays.count(max(start, after), until if end is None else min(end, until))
    return total


def due_day(workdays: Workdays, suspensions: Sequence[Suspension], accepted: int, days: int) -> int:
    """Return the first day on which this number of working days has passed since acceptance, without suspended ones."""
    due = workdays.nth_after(accepted, days)
    if not suspensions or days <= 0:
        return due
    paused = suspended_days(workdays, suspensions, accepted, due)
    while True:
        due = workdays.nth_after(accepted, days + paused)
        now_paused = suspended_days(workdays, suspensions, accepted, due)
        if now_paused == paused:
            return due
        paused = now_paused


class KeptPromise(NamedTuple):
    """A timed case that kept its promise: days of acceptance and decision, working days taken and promised."""

    accepted: int
    decided: int
    elapsed: int
    promised_days: int


def needed_late_extension(case: KeptPromise, events: Sequence[CaseEvent], workdays: Workdays) -> bool:
    """Return whether the case kept its promise only because of an extension made after the due day had passed."""
    suspensions = clipped(facts_of(events).suspensions, case.decided)
    extensions = sorted((event for event in in_force(events) if event.kind == Kind.EXTENDED), key=_BY_TIME)
    limit = case.promised_days
    for event in extensions:
        if event.day <= due_day(workdays, suspensions, case.accepted, limit):
            limit += event.number or 0
    return case.elapsed > limit


_BY_TIME = attrgetter("time", "id")


def _case(facts: Facts, received: CaseEvent, opening: Opening, workdays: Workdays, timelines: Timelines) -> Case:
    item_code = opening.item_code or ""
    over_event = accepted_event(facts)
    over = (over_event.opening if over_event is not None else None) or _NO_OPENING
    accepted = _accepted_day(facts, over_event, received)
    limits = limits_of(opening, over, accepted, timelines.get(item_code, ()))
    rated, answered = facts.rated, facts.answered
    case = Case(
        item_code,
        opening.department or "",
        opening.channel or "",
        received.day,
        accepted,
        rejected=_day(facts.rejected) if over_event is None else None,
        decided=_day(facts.decided),
        withdrawn=_day(facts.withdrawn),
        rated=_day(rated),
        score=rated.number if rated is not None else None,
        unified=bool(opening.unified if over.unified is None else over.unified),
        full_process=bool(opening.full_process if over.full_process is None else over.full_process),
        statutory_days=limits.statutory,
        promised_days=limits.promised,
        extended=facts.extended,
    )
    if rated is not None:
        case.rated_minute = minute_of_day(rated.time)
        case.rated_by_default = rated.says(AUTOMATIC)
        if answered is not None:
            case.rating_verified, case.rating_rectified = answered.says(VERIFIED), answered.says(RECTIFIED)
    suspensions = clipped(facts.suspensions, case.decided)
    case.suspensions = len(suspensions)
    _set_clock(case, workdays, suspensions)
    case.counts_as_due = case.due is not None and (case.timed if case.decided is not None else case.withdrawn is None)
    _set_open(case, workdays, suspensions, _day(facts.supplement_requested))
    case.flags = _flags(case, facts, limits, workdays, suspensions)
    return case


def _day(event: CaseEvent | None) -> int | None:
    return event.day if event is not None else None


def _set_clock(case: Case, workdays: Workdays, suspensions: Sequence[Suspension]) -> None:
    accepted, decided = case.accepted, case.decided
    if accepted is None:
        return
    if decided is not None and decided >= accepted:
        case.timed = True
        case.elapsed = workdays.count(accepted, decided) - suspended_days(workdays, suspensions, accepted, decided)
        case.promise_kept = case.promised_days is not None and case.elapsed <= case.promised_days + case.extended
        case.statutory_kept = case.statutory_days is not None and case.elapsed <= case.statutory_days + case.extended
    case.suspended = any(s.end is None for s in suspensions)
    if case.suspended:
        return
    if case.promised_days is not None:
        case.due = due_day(workdays, suspensions, accepted, case.promised_days + case.extended)
    if case.statutory_days is not None:
        case.statutory_due = due_day(workdays, suspensions, accepted, case.statutory_days + case.extended)


def _set_open(
    case: Case, workdays: Workdays, suspensions: Sequence[Suspension], supplement_requested: int | None
) -> None:
    """Set the days from which on an undecided case is due soon, late, or not accepted in time.

    The promised limit counts, or the statutory limit if there is none; a case with neither is never late.
    """
    case.open = case.decided is None and case.withdrawn is None and case.rejected is None
    if not case.open:
        case.suspended = False
        return
    if case.accepted is None:
        asked = supplement_requested
        if asked is None or workdays.count(case.received, asked) > DAYS_TO_ACCEPT:
            case.unaccepted_from = workdays.nth_after(case.received, DAYS_TO_ACCEPT + 1)
        return
    limit = case.statutory_days if case.promised_days is None else case.promised_days
    if limit is None or case.suspended:
        return
    limit += case.extended
    case.soon_from = due_day(workdays, suspensions, case.accepted, max(limit - 1, 0))
    case.late_from = due_day(workdays, suspensions, case.accepted, limit + 1)


def _flags(case: Case, facts: Facts, limits: Limits, workdays: Workdays, suspensions: Sequence[Suspension]) -> int:
    flags = facts.flags
    decided, accepted = facts.decided, facts.accepted
    if decided is not None:
        flags |= _decision_flags(case, decided, accepted)
    elif case.rated is not None:
        flags |= Flag.RATED_UNDECIDED
    if accepted is not None and facts.rejected is not None:
        flags |= Flag.ACCEPTED_AND_REJECTED
    if case.accepted is not None:
        flags |= _limit_flags(limits)
        if accepted is not None and facts.received is not None and accepted.time < facts.received.time:
            flags |= Flag.ACCEPTED_BEFORE_RECEIVED
    if suspensions:
        flags |= _suspension_flags(case, workdays, suspensions)
    if _rated_at_once(facts.rated, decided):
        flags |= Flag.RATED_AT_ONCE
    if facts.replaced and case.promise_kept and _needed(case, facts.replaced):
        flags |= Flag.LIMIT_CHANGED
    return int(flags)


def _suspension_flags(case: Case, workdays: Workdays, suspensions: Sequence[Suspension]) -> int:
    """Flag long suspensions, and those that began when at most one working day of the promised limit was left."""
    flags = 0
    for index, (start, end, _) in enumerate(suspensions):
        if end is not None and workdays.count(start, end) > LONG_SUSPENSION_DAYS:
            flags |= Flag.LONG_SUSPENSION
        if case.accepted is None or case.promised_days is None or start < case.accepted:
            continue
        used = workdays.count(case.accepted, start)
        used -= suspended_days(workdays, suspensions[:index], case.accepted, start)
        limit = case.promised_days + case.extended
        if limit > 1 and limit - 1 <= used <= limit:
            flags |= Flag.SUSPENDED_ON_EVE
    return flags


def _needed(case: Case, replaced: Sequence[CaseEvent]) -> bool:
    """Return whether the case would have missed a promise that a replaced event stated."""
    stated = (event.opening.promised_days for event in replaced if event.opening is not None)
    return any(days is not None and days + case.extended < (case.elapsed or 0) for days in stated)


def _rated_at_once(rated: CaseEvent | None, decided: CaseEvent | None) -> bool:
    """Return whether a five, given as a person's, came within 10 s of the decision: no one fills in a form so fast."""
    if rated is None or decided is None or rated.number != 5 or rated.says(AUTOMATIC):
        return False
    return 0 <= rated.time - decided.time <= AT_ONCE_MICROSECONDS


def _decision_flags(case: Case, decided: CaseEvent, accepted: CaseEvent | None) -> int:
    flags = 0
    if case.accepted is not None and not case.timed:
        flags |= Flag.DECIDED_BEFORE_ACCEPTED
    if accepted is not None and case.rejected is None and decided.time < accepted.time:
        flags |= Flag.ACCEPTED_AFTER_DECIDED
    if case.withdrawn is not None:
        flags |= Flag.DECIDED_AND_WITHDRAWN
    if case.rejected is not None:
        flags |= Flag.DECIDED_AFTER_REJECTION
    return flags


def _limit_flags(limits: Limits) -> int:
    flags = 0
    statutory, promised = limits.statutory, limits.promised
    if limits.span is None and (statutory is None or promised is None):
        flags |= Flag.UNKNOWN_ITEM
    if statutory is not None and promised is not None and promised > statutory:
        flags |= Flag.PROMISED_OVER_STATUTORY
    if statutory in NONE_LIKE_LIMITS or promised in NONE_LIKE_LIMITS:
        flags |= Flag.LIMIT_LOOKS_LIKE_NONE
    return flags
