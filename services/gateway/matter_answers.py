"""The answers about matters of supervision: their types, and how they are made from a matter."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from hallpulse.domain.ladder import (
    RUNG_NAMES,
    STATE_NAMES,
    Deed,
    DepartmentAnswer,
    Fact,
    Matter,
    MatterEntry,
    Wording,
    standing_of,
)
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import Grant
from services.gateway.access import Action, actions
from services.gateway.figures import Named
from services.gateway.request import Resources


class FactAnswer(msgspec.Struct, frozen=True):
    """A figure that a text rests on, with its value when the text was made."""

    names: Named
    content: Named


class AnswerOfDepartment(msgspec.Struct, frozen=True):
    """A department's answer: cause (原因), measures (措施) and completion date (完成时限)."""

    cause: str
    measures: str
    done_by: date


class MatterEntryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a matter. deed: opened, answered, returned, raised or closed; at: in Asia/Shanghai; by: a person."""

    deed: str
    at: str
    by: str
    rung: str | None
    deadline: date | None
    text: Named
    facts: list[FactAnswer]
    reason: str
    answer: AnswerOfDepartment | None


class MatterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A matter as it stands today.

    about: target, department, case, finding or task; subject: its id; names: its names when the matter was opened.
    state: waiting, late, answered, returned or closed; deadline: for the answer; waits_for: department, bureau, or null
    if it is closed; unfinished: the completion date (完成时限) in the answer has passed. may: what this token or person
    may do now; next_rung: the rung to which `raised` would lead. entries: the oldest first, where a target was asked.
    """

    matter: int
    region: str
    about: str
    subject: str
    names: Named
    department: str
    rung: str
    rung_names: Named
    state: str
    state_names: Named
    deadline: date
    waits_for: str | None
    unfinished: bool
    opened: str
    answer: AnswerOfDepartment | None
    may: list[str]
    next_rung: str | None
    entries: list[MatterEntryAnswer] | msgspec.UnsetType = msgspec.UNSET


class OneMatter(MatterAnswer, frozen=True, kw_only=True):
    """A matter with its history, the oldest entry first."""

    entries: list[MatterEntryAnswer]


class MattersAnswer(msgspec.Struct, frozen=True):
    """The matters of a scope, the newest first."""

    region: str
    on: date
    matters: list[MatterAnswer]


class MatterDraftAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The text and figures of a matter if it were opened now.

    departments: all that it can concern; wrong: whether there is anything to answer for; open: the number of the open
    matter on this subject and department, null if there is none.
    """

    region: str
    about: str
    subject: str
    names: Named
    department: str
    departments: list[dict[str, str | Named]]
    rung: str
    deadline: date
    text: Named
    facts: list[FactAnswer]
    card: str | None
    wrong: bool
    open: int | None


_MAY = {
    Action.ANSWER: (Deed.ANSWERED,),
    Action.SUPERVISE: (Deed.RETURNED, Deed.RAISED, Deed.CLOSED),
}


def matter_answer(resources: Resources, grant: Grant, matter: Matter) -> MatterAnswer:
    return MatterAnswer(**_said(resources, grant, matter))


def one_matter(resources: Resources, grant: Grant, matter: Matter) -> OneMatter:
    return OneMatter(**_said(resources, grant, matter), entries=[_entry(one) for one in matter.entries])


def _said(resources: Resources, grant: Grant, matter: Matter) -> dict[str, Any]:
    now, of = standing_of(matter.entries, resources.today()), matter.of
    own = [deed for action, deeds in _MAY.items() if action in actions(grant) for deed in deeds]
    return {
        "matter": matter.number,
        "region": str(of.region),
        "about": of.about,
        "subject": of.subject,
        "names": wording_answer(of.title),
        "department": of.department,
        "rung": now.rung,
        "rung_names": wording_answer(RUNG_NAMES[now.rung]),
        "state": now.state,
        "state_names": wording_answer(STATE_NAMES[now.state]),
        "deadline": now.deadline,
        "waits_for": now.waits_for,
        "unfinished": now.unfinished,
        "opened": _time(matter.entries[0]),
        "answer": _answer_of(now.answer),
        "may": [deed for deed in now.possible if deed in own],
        "next_rung": now.rung.above,
    }


def _entry(entry: MatterEntry) -> MatterEntryAnswer:
    return MatterEntryAnswer(
        deed=entry.deed,
        at=_time(entry),
        by=entry.by,
        rung=entry.rung,
        deadline=entry.deadline,
        text=wording_answer(entry.text),
        facts=[fact_answer(one) for one in entry.facts],
        reason=entry.reason,
        answer=_answer_of(entry.answer),
    )


def _answer_of(answer: DepartmentAnswer | None) -> AnswerOfDepartment | None:
    return None if answer is None else AnswerOfDepartment(answer.cause, answer.measures, answer.done_by)


def _time(entry: MatterEntry) -> str:
    return entry.at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def wording_answer(text: Wording) -> Named:
    return Named(text.zh, text.en)


def fact_answer(fact: Fact) -> FactAnswer:
    return FactAnswer(wording_answer(fact.name), wording_answer(fact.content))
