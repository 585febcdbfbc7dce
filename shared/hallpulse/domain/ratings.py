"""Ratings (好差评) as persons gave them: how many of each score, and what became of the bad ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from .case import CaseEvent, facts_of
from .workdays import Workdays, day_of

BAD = 2
"""The highest score of a bad rating, of 5."""
SATISFIED = 3
"""The lowest score of a satisfied person, as the measure `satisfied` has it."""


@dataclass(frozen=True, slots=True)
class BadRating:
    """A bad rating that a person gave. answered: the day of the hall's answer in force; score: 1 or 2."""

    region: int
    hall: str
    case_id: str
    item_code: str
    department: str
    rated: date
    score: int
    verified: bool
    rectified: bool
    answered: date | None


@dataclass(frozen=True, slots=True)
class Ratings:
    """The ratings of a window. counts: (region, hall, department, score) → cases; bad: the latest first.

    bad_in_all: how many there are, where not all of them are listed.
    """

    counts: Mapping[tuple[int, str, str, int], int]
    bad: Sequence[BadRating]
    bad_in_all: int


def answered_on(events: Sequence[CaseEvent]) -> int | None:
    """Return the day on which the hall answered the rating of a case; None without an answer in force."""
    answered = facts_of(events).answered
    return answered.day if answered is not None else None


def waiting_days(one: BadRating, today: date, workdays: Workdays) -> int:
    """Return the working days from the rating to its answer, or to today without one."""
    until = one.answered or today
    return workdays.count(day_of(one.rated), day_of(until)) if until > one.rated else 0
