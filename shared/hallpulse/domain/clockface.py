"""The clock of a case day by day, so that a person can check it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .case import CaseEvent, Flag, Kind, Suspension, facts_of, in_force
from .catalogue import ItemSpan, Timelines
from .clock import Case, Limits, accepted_event, clipped, fold, limits_of
from .workdays import Workdays

MOST_DAYS = 1_100
Why = Literal["start", "counted", "weekend", "holiday", "regional_holiday", "suspended"]


@dataclass(frozen=True, slots=True)
class ClockDay:
    """One day of a clock: whether it counts, and why.

    elapsed: working days counted up to and including this day; name: the holiday's name or the suspension's procedure;
    provisional: no official list of that year's holidays is known yet.
    """

    day: int
    why: Why
    elapsed: int
    name: str = ""
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A case with the days of its clock.

    The days run from acceptance to the decision; of an open case, to today or to the due day, whichever is later.
    truncated: the list stops before that, since there are more than MOST_DAYS.
    """

    case: Case
    limits: Limits
    span: ItemSpan | None
    suspensions: tuple[Suspension, ...]
    extensions: tuple[CaseEvent, ...]
    days: tuple[ClockDay, ...]
    truncated: bool
    elapsed: int | None


def clock_of(events: Sequence[CaseEvent], workdays: Workdays, timelines: Timelines, today: int) -> Clock | None:
    """Return the clock of a case; None while its `received` event is missing."""
    case = fold(events, workdays, timelines)
    facts = facts_of(events)
    received = facts.received
    if case is None or received is None or received.opening is None:
        return None
    over = accepted_event(facts)
    opening = received.opening
    limits = limits_of(
        opening, (over.opening if over else None) or type(opening)(), case.accepted, timelines.get(case.item_code, ())
    )
    suspensions = tuple(clipped(facts.suspensions, case.decided))
    end = _end(case, today)
    days = _days(case.accepted, end, workdays, suspensions) if case.accepted is not None else ()
    extensions = tuple(event for event in in_force(events) if event.kind == Kind.EXTENDED)
    elapsed = case.elapsed if case.decided is not None else _elapsed_today(days, today)
    truncated = bool(days) and days[-1].day < end
    return Clock(case, limits, limits.span, suspensions, extensions, days, truncated, elapsed)


def flag_names(flags: int) -> list[str]:
    """Return the names of the flags, in lower case."""
    return [flag.name.lower() for flag in Flag if flags & flag and flag.name]


def _end(case: Case, today: int) -> int:
    if case.decided is not None:
        return case.decided
    closed = case.withdrawn if case.withdrawn is not None else case.rejected
    if closed is not None:
        return closed
    return max(day for day in (case.due, today) if day is not None)


def _days(accepted: int, end: int, workdays: Workdays, suspensions: Sequence[Suspension]) -> tuple[ClockDay, ...]:
    days = [ClockDay(accepted, "start", 0, provisional=workdays.provisional(accepted))]
    for day in range(accepted + 1, min(end, accepted + MOST_DAYS) + 1):
        days.append(_day(day, days[-1].elapsed, workdays, suspensions))
    return tuple(days)


def _day(day: int, elapsed: int, workdays: Workdays, suspensions: Sequence[Suspension]) -> ClockDay:
    provisional = workdays.provisional(day)
    off = workdays.reason_off(day)
    special = workdays.special.get(day)
    name = special.name if special is not None else ""
    if off is not None:
        return ClockDay(day, off, elapsed, name, provisional)
    for start, stop, procedure in suspensions:
        if start < day and (stop is None or day <= stop):
            return ClockDay(day, "suspended", elapsed, procedure, provisional)
    return ClockDay(day, "counted", elapsed + 1, name, provisional)


def _elapsed_today(days: Sequence[ClockDay], today: int) -> int | None:
    passed = [day.elapsed for day in days if day.day <= today]
    return passed[-1] if passed else None
