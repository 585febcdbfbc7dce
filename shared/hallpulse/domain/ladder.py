"""The ladder of supervision (督办): 提醒 → 督促整改 → 通报批评, and the cards of cases that are late.

A matter is something that a department has to answer for: a target, its work as a whole, a late case, a finding or a
task of the plan. Everything done about it is an entry; entries are only added, and how the matter stands on a day
follows from them alone.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from .errors import HallpulseError
from .workdays import SHANGHAI, Workdays

About = Literal["target", "department", "case", "finding", "task"]
"""The kinds of subjects that a matter can be about."""
ABOUT: tuple[About, ...] = ("target", "department", "case", "finding", "task")


class Wording(NamedTuple):
    """A text in Chinese and in English."""

    zh: str
    en: str


NO_WORDS = Wording("", "")


class Rung(enum.StrEnum):
    REMINDER = "reminder"
    RECTIFICATION = "rectification"
    CRITICISM = "criticism"

    @property
    def above(self) -> Rung | None:
        """The next step up; None above the last one."""
        return _ABOVE.get(self)


_ABOVE: Mapping[Rung, Rung] = {Rung.REMINDER: Rung.RECTIFICATION, Rung.RECTIFICATION: Rung.CRITICISM}
MOST_DAYS = 366
"""A deadline lies at most this number of days ahead."""
FIRST_RUNGS = (Rung.REMINDER, Rung.RECTIFICATION)
"""The rungs on which a matter may begin: no department is criticised in public before it has had a chance to answer."""
RUNG_NAMES: Mapping[Rung, Wording] = {
    Rung.REMINDER: Wording("提醒", "reminder"),
    Rung.RECTIFICATION: Wording("督促整改", "order to rectify"),
    Rung.CRITICISM: Wording("通报批评", "public criticism"),
}


class Deed(enum.StrEnum):
    """Kinds of entries: `answered` is the department's, the others are the bureau's."""

    OPENED = "opened"
    ANSWERED = "answered"
    RETURNED = "returned"
    RAISED = "raised"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class DepartmentAnswer:
    """A department's answer: 原因, 措施, 完成时限."""

    cause: str
    measures: str
    done_by: date


class Fact(NamedTuple):
    """One line of the facts on which a text rests."""

    name: Wording
    content: Wording


@dataclass(frozen=True, slots=True)
class MatterEntry:
    """One thing done about a matter.

    rung: set by `opened` and `raised`; deadline: the last day for an answer, set by these and by `returned`; text,
    facts: made from the figures of that moment, set by `opened` and `raised`; reason: the bureau's own words.
    """

    at: datetime
    by: str
    deed: Deed
    rung: Rung | None = None
    deadline: date | None = None
    text: Wording = NO_WORDS
    facts: tuple[Fact, ...] = ()
    reason: str = ""
    answer: DepartmentAnswer | None = None

    @property
    def day(self) -> date:
        """The day of the entry in Asia/Shanghai."""
        return self.at.astimezone(SHANGHAI).date()


@dataclass(frozen=True, slots=True)
class NewMatter:
    """A matter that is to be opened. subject: the id of its subject; title: the subject's names at that time."""

    region: int
    about: About
    subject: str
    department: str
    title: Wording


@dataclass(frozen=True, slots=True)
class Matter:
    """A matter with its entries, the oldest first. number: the one that people refer to it by."""

    number: int
    of: NewMatter
    entries: tuple[MatterEntry, ...]


class MatterState(enum.StrEnum):
    """The states of a matter.

    waiting: for the first answer on a rung; late: the deadline passed without an answer; answered: the bureau decides.
    """

    WAITING = "waiting"
    LATE = "late"
    ANSWERED = "answered"
    RETURNED = "returned"
    CLOSED = "closed"


STATE_NAMES: Mapping[MatterState, Wording] = {
    MatterState.WAITING: Wording("待答复", "waiting for an answer"),
    MatterState.LATE: Wording("逾期未答复", "answer overdue"),
    MatterState.ANSWERED: Wording("已答复，待审核", "answered, to be decided"),
    MatterState.RETURNED: Wording("已退回，待重新答复", "returned, to be answered again"),
    MatterState.CLOSED: Wording("已办结", "closed"),
}
_ANSWERABLE = (MatterState.WAITING, MatterState.LATE, MatterState.RETURNED)
_RAISABLE = (MatterState.LATE, MatterState.ANSWERED, MatterState.RETURNED)


@dataclass(frozen=True, slots=True)
class MatterStanding:
    """The standing of a matter on a day.

    deadline: of the answer that is awaited, or of the last one; answer: the last answer; answered: the index of its
    entry; unfinished: the answer's 完成时限 has passed and the bureau has not closed the matter.
    """

    state: MatterState
    rung: Rung
    deadline: date
    answer: DepartmentAnswer | None = None
    answered: int | None = None
    unfinished: bool = False

    @property
    def waits_for(self) -> Literal["department", "bureau"] | None:
        """The side whose turn it is, None once closed; after a missed deadline the department may still answer."""
        if self.state is MatterState.CLOSED:
            return None
        return "bureau" if self.state in (MatterState.ANSWERED, MatterState.LATE) else "department"

    @property
    def possible(self) -> tuple[Deed, ...]:
        """The deeds that may follow."""
        if self.state is MatterState.CLOSED:
            return ()
        found = [Deed.ANSWERED] if self.state in _ANSWERABLE else [Deed.RETURNED]
        if self.state in _RAISABLE and self.rung.above is not None:
            found.append(Deed.RAISED)
        return (*found, Deed.CLOSED)


def standing_of(entries: Sequence[MatterEntry], on: date) -> MatterStanding:
    """Return how a matter stands at the end of a day, by the entries made up to then.

    Raises ValueError if the matter was not opened by then.
    """
    found: MatterStanding | None = None
    for place, entry in enumerate(entries):
        if entry.day <= on:
            found = _after(found, entry, place)
    if found is None:
        raise ValueError("the matter was not opened by that day")
    if found.state in (MatterState.WAITING, MatterState.RETURNED) and on > found.deadline:
        return _with_state(found, MatterState.LATE)
    if found.state is MatterState.ANSWERED and found.answer is not None and on > found.answer.done_by:
        return MatterStanding(found.state, found.rung, found.deadline, found.answer, found.answered, unfinished=True)
    return found


def _after(before: MatterStanding | None, entry: MatterEntry, place: int) -> MatterStanding:
    if before is None:
        if entry.deed is not Deed.OPENED or entry.rung is None or entry.deadline is None:
            raise ValueError(f"a matter is opened first, with a step and a deadline; got {entry.deed}")
        return MatterStanding(MatterState.WAITING, entry.rung, entry.deadline)
    match entry.deed:
        case Deed.ANSWERED:
            return MatterStanding(MatterState.ANSWERED, before.rung, before.deadline, entry.answer, place)
        case Deed.RETURNED:
            deadline = entry.deadline or before.deadline
            return MatterStanding(MatterState.RETURNED, before.rung, deadline, before.answer, before.answered)
        case Deed.RAISED:
            rung, deadline = entry.rung or before.rung, entry.deadline or before.deadline
            return MatterStanding(MatterState.WAITING, rung, deadline, before.answer, before.answered)
        case _:
            return _with_state(before, MatterState.CLOSED)


def _with_state(before: MatterStanding, state: MatterState) -> MatterStanding:
    return MatterStanding(state, before.rung, before.deadline, before.answer, before.answered)


class NotNow(HallpulseError):
    """An entry does not fit how the matter stands: another person acted first, or its time has not come."""


def check_opening(entry: MatterEntry) -> None:
    """Raise ValueError if a matter cannot begin with the entry; the message begins with the field."""
    if entry.rung not in FIRST_RUNGS:
        raise ValueError(f"rung: expected one of {', '.join(FIRST_RUNGS)}: no matter begins with public criticism")
    _check_deadline(entry)


def check_following(entries: Sequence[MatterEntry], new: MatterEntry) -> None:
    """Raise NotNow if `new` may not follow these entries on its day, ValueError if it is wrong or incomplete."""
    now = standing_of(entries, new.day)
    if new.deed not in now.possible:
        listed = ", ".join(now.possible) or "nothing"
        raise NotNow(f"the matter is {now.state} ({now.rung}): {new.deed} does not follow; expected {listed}")
    if new.deed is Deed.ANSWERED:
        _check_answer(new, entries[0].day)
    if new.deed in (Deed.RETURNED, Deed.RAISED):
        _check_deadline(new)
    if new.deed is Deed.RAISED and new.rung is not now.rung.above:
        raise ValueError(f"rung: expected {now.rung.above} after {now.rung}")
    if not new.reason.strip() and _needs_reason(new.deed, now.state):
        raise ValueError(f"reason: expected why the matter is {new.deed}")


def _needs_reason(deed: Deed, state: MatterState) -> bool:
    """Return whether a deed needs a reason: a missed deadline explains the next rung, an answer explains closing."""
    match deed:
        case Deed.RETURNED:
            return True
        case Deed.RAISED:
            return state is not MatterState.LATE
        case Deed.CLOSED:
            return state is not MatterState.ANSWERED
        case _:
            return False


def _check_deadline(entry: MatterEntry) -> None:
    if entry.deadline is None or not 0 <= (entry.deadline - entry.day).days <= MOST_DAYS:
        raise ValueError(f"deadline: expected a day from {entry.day} on, within {MOST_DAYS} days")


def _check_answer(entry: MatterEntry, opened: date) -> None:
    answer = entry.answer
    if answer is None or not answer.cause.strip():
        raise ValueError("cause: expected why it came so")
    if not answer.measures.strip():
        raise ValueError("measures: expected what is done about it")
    if answer.done_by < opened:
        raise ValueError(f"done_by: expected a day from {opened} on, when the matter was opened")


class Card(enum.StrEnum):
    """The card of a late case."""

    YELLOW = "yellow"
    RED = "red"


CARD_NAMES: Mapping[Card, Wording] = {
    Card.YELLOW: Wording("黄牌", "yellow card"),
    Card.RED: Wording("红牌", "red card"),
}


@dataclass(frozen=True, slots=True)
class Supervision:
    """A plan's rules of supervision.

    yellow, red: a case has the card from this number of working days after its due day on; reminder, rectification,
    criticism: the usual number of working days that a department has for its answer.
    """

    yellow: int = 1
    red: int = 5
    reminder: int = 3
    rectification: int = 5
    criticism: int = 5

    def card(self, late: int | None) -> Card | None:
        """Return the card of a case; late: the number of working days by which it is late, or None."""
        if late is None or late < self.yellow:
            return None
        return Card.RED if late >= self.red else Card.YELLOW

    def days(self, rung: Rung) -> int:
        """Return the usual number of working days for an answer on a rung."""
        return {Rung.REMINDER: self.reminder, Rung.RECTIFICATION: self.rectification}.get(rung, self.criticism)


USUAL_SUPERVISION = Supervision()


class TaskState(enum.StrEnum):
    """The state of a plan's task, as its department states it."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    DONE = "done"


TASK_STATE_NAMES: Mapping[TaskState, Wording] = {
    TaskState.NOT_STARTED: Wording("未开始", "not started"),
    TaskState.IN_PROGRESS: Wording("进行中", "in progress"),
    TaskState.DONE: Wording("已完成", "done"),
}


@dataclass(frozen=True, slots=True)
class PlanTask:
    """A task of the plan's list (任务清单). id: its number there; phase: the id of the phase that it is due in."""

    id: str
    name: Wording
    lead: tuple[str, ...]
    phase: str
    evidence: Wording


def days_late(workdays: Workdays, on: int, *, due: int | None, elapsed: int | None, allowed: int | None) -> int | None:
    """Return the working days by which a case is late; None if it is not late or has no limit.

    on: the day, since 1970-01-01; due: an open case's due day, from which the days are counted; elapsed, allowed: a
    decided case's working days, and its limit with extensions.
    """
    if elapsed is not None:
        late = 0 if allowed is None else elapsed - allowed
    else:
        late = 0 if due is None else workdays.count(due, on)
    return late if late > 0 else None
