"""The ladder of supervision: matters are opened, answered, returned, raised and closed, and the receivers are notified.

The gateway passes the person's name and the text of the figures. This module checks the step, keeps it, and notifies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Protocol

import msgspec

from hallpulse.domain.ladder import (
    RUNG_NAMES,
    About,
    Deed,
    DepartmentAnswer,
    Fact,
    Matter,
    MatterEntry,
    NewMatter,
    Rung,
    TaskState,
    Wording,
    standing_of,
)
from hallpulse.store import TaskReport
from hallpulse.store.notices import NoticeMessage
from services.notices.channels import BUREAU, Channels

MOST_TEXT = 2_000
Region = Annotated[int, msgspec.Meta(ge=110_000, le=919_999)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Written = Annotated[str, msgspec.Meta(max_length=MOST_TEXT)]
Person = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Pair = tuple[str, str]
"""A text in Chinese and in English."""


class FiguresSaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a step and its figures. facts: a name and a content for each figure."""

    text: Pair
    facts: list[tuple[Pair, Pair]] = []


class MatterOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A matter to open."""

    region: Region
    about: About
    subject: Subject
    department: Code
    title: Pair
    rung: Rung
    deadline: date
    told: FiguresSaid
    reason: Written = ""


class AnswerGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A department's answer."""

    cause: Written
    measures: Written
    done_by: date


class DecisionGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bureau's decision. deadline: for the next answer; rung, told: rung and text of the next step."""

    deed: Deed
    reason: Written = ""
    deadline: date | None = None
    rung: Rung | None = None
    told: FiguresSaid = FiguresSaid(("", ""))


class TaskSaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A department's report on a task of a plan."""

    region: Region
    plan: Code
    task: Code
    department: Code
    state: TaskState
    evidence: Written = ""


class MatterLedger(Protocol):
    """The matters in the database, as `hallpulse.store.MatterRegistry` keeps them."""

    def open(
        self, new: NewMatter, entry: MatterEntry, messages: Callable[[Matter], Sequence[NoticeMessage]]
    ) -> int: ...

    def append(
        self, number: int, entry: MatterEntry, messages: Callable[[Matter], Sequence[NoticeMessage]]
    ) -> Matter: ...

    def report_task(self, report: TaskReport) -> None: ...


class SupervisionRecords:
    """The ladder's records: who opened, answered or decided what, and the messages about it.

    Every method raises ValueError if its input is incomplete or invalid, NotNow if the step may not follow the last
    one, and Unavailable without a database.
    """

    def __init__(self, matters: MatterLedger, channels: Channels, clock: Callable[[], datetime]) -> None:
        self._matters, self._channels, self._clock = matters, channels, clock

    def open(self, opening: object, by: str) -> int:
        """Open a matter; return its number."""
        given, who = _read(opening, MatterOpening), _read(by, Person)
        entry = MatterEntry(
            self._clock(), who, Deed.OPENED, given.rung, given.deadline, Wording(*given.told.text), _facts(given.told),
            _clean("reason", given.reason),
        )  # fmt: skip
        new = NewMatter(given.region, given.about, given.subject, given.department, Wording(*given.title))
        return self._matters.open(new, entry, self._messages)

    def answer(self, number: int, answer: object, by: str) -> None:
        """Keep a department's answer to a matter."""
        given, who = _read(answer, AnswerGiven), _read(by, Person)
        said = DepartmentAnswer(_clean("cause", given.cause), _clean("measures", given.measures), given.done_by)
        self._append(number, MatterEntry(self._clock(), who, Deed.ANSWERED, answer=said))

    def decide(self, number: int, decision: object, by: str) -> None:
        """Keep the bureau's decision on a matter: the answer is returned, or the matter is raised or closed."""
        given, who = _read(decision, DecisionGiven), _read(by, Person)
        if given.deed not in (Deed.RETURNED, Deed.RAISED, Deed.CLOSED):
            raise ValueError("deed: expected returned, raised or closed")
        reason, is_raised = _clean("reason", given.reason), given.deed is Deed.RAISED
        entry = MatterEntry(
            self._clock(), who, given.deed, given.rung if is_raised else None,
            given.deadline if given.deed is not Deed.CLOSED else None, Wording(*given.told.text), _facts(given.told),
            reason,
        )  # fmt: skip
        self._append(number, entry)

    def report_task(self, said: object, by: str) -> None:
        """Keep a department's report on a task. A task that is done needs evidence."""
        given, who = _read(said, TaskSaid), _read(by, Person)
        evidence = _clean("evidence", given.evidence)
        if given.state is TaskState.DONE and not evidence:
            raise ValueError("evidence: expected by what one can see that the task is done")
        place = (given.region, given.plan, given.task, given.department)
        self._matters.report_task(TaskReport(*place, self._clock(), who, given.state, evidence))

    def _append(self, number: int, entry: MatterEntry) -> None:
        try:
            self._matters.append(int(number), entry, self._messages)
        except KeyError:
            raise ValueError(f"matter: there is no matter {number}") from None

    def _messages(self, matter: Matter) -> Sequence[NoticeMessage]:
        """Return the messages about the last entry: to the bureau for an answer, else to the department."""
        receiver = BUREAU if matter.entries[-1].deed is Deed.ANSWERED else f"{matter.of.region}/{matter.of.department}"
        addresses = self._channels.of(receiver)
        counts = {"email": len(addresses.email), "wecom": len(addresses.wecom), "dingtalk": len(addresses.dingtalk)}
        title, body = words_of(matter)
        return [
            NoticeMessage(receiver, channel, place, title, body)
            for channel, count in counts.items()
            for place in range(count)
        ]


_DEEDS = {
    Deed.OPENED: "", Deed.RAISED: "", Deed.RETURNED: "答复退回", Deed.ANSWERED: "已答复", Deed.CLOSED: "已办结",
}  # fmt: skip


def words_of(matter: Matter) -> tuple[str, str]:
    """Return the title and the text of the message about a matter's last entry, in Chinese like all notices."""
    last = matter.entries[-1]
    now = standing_of(matter.entries, last.day)
    what = "·".join(part for part in ("督办", RUNG_NAMES[now.rung].zh, _DEEDS[last.deed]) if part)
    lines = [last.text.zh, f"理由：{last.reason}" if last.reason else ""]
    if last.answer is not None:
        answer = last.answer
        lines += [f"原因：{answer.cause}", f"措施：{answer.measures}", f"完成时限：{answer.done_by}"]
    if last.deadline is not None:
        lines.append(f"答复期限：{last.deadline}")
    return f"【{what}】{matter.of.title.zh}（第 {matter.number} 号）", "\n".join(line for line in lines if line)


def _facts(told: FiguresSaid) -> tuple[Fact, ...]:
    return tuple(Fact(Wording(*name), Wording(*content)) for name, content in told.facts)


def _read(given: object, kind: Any) -> Any:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _clean(field: str, text: str) -> str:
    """Return a person's text without white space around it. Raises ValueError for control characters."""
    kept = text.replace("\r\n", "\n").strip()
    if not kept.replace("\n", " ").replace("\t", " ").isprintable():
        raise ValueError(f"{field}: expected printable characters")
    return kept
