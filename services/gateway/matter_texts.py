"""The texts of matters of supervision, made from the figures that the API would return at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from hallpulse.display import amount, difference
from hallpulse.domain.catalogue import span_on
from hallpulse.domain.clock import Case
from hallpulse.domain.figures import Scope
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.ladder import (
    CARD_NAMES,
    NO_WORDS,
    RUNG_NAMES,
    TASK_STATE_NAMES,
    About,
    Card,
    Fact,
    Rung,
    TaskState,
    Wording,
)
from hallpulse.domain.measures import open_state
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import date_of, day_of
from hallpulse.store import CaseHistory, Moment, Past
from services.gateway.case_history import lateness_of
from services.gateway.figures import indicators_answer
from services.gateway.integrity import CheckAnswer, integrity_answer
from services.gateway.month_reports import outstanding_answer
from services.gateway.problems import Declined, Kind
from services.gateway.request import CaseKey, Resources, case_key, window_of
from services.gateway.targets import DepartmentTarget, TargetAnswer, targets_answer

MOST_EXAMPLES = 10
"""The most cases of a finding that a text names."""
_STATES = {
    "met": Wording("已达标", "met"), "on_pace": Wording("进度正常", "on pace"),
    "behind": Wording("进度落后", "behind"), "missed": Wording("未达标", "missed"),
    "not_measured": Wording("无数据", "not measured"), "below_min_denominator": Wording("样本不足", "too few"),
    "not_started": Wording("未开始", "not started"),
}  # fmt: skip
_GAP_UNITS = {"share": Wording("个百分点", " points"), "days": Wording("个工作日", " working days")}
_OPEN = {
    "overdue": Wording("超期", "overdue"), "due_soon": Wording("临期", "due soon"),
    "unaccepted_late": Wording("超时未受理", "not accepted in time"),
}  # fmt: skip
_REQUESTS = {
    Rung.REMINDER: Wording(
        "现予提醒，请{who}于{day}前说明原因、措施和完成时限。",
        "This is a reminder: {who} is asked for cause, measures and completion date by {day}.",
    ),
    Rung.RECTIFICATION: Wording(
        "现责成{who}限期整改，并于{day}前报送原因、措施和完成时限。",
        "{who} is to put this right, and to report cause, measures and completion date by {day}.",
    ),
    Rung.CRITICISM: Wording(
        "现对{who}予以通报批评，限于{day}前整改到位，并报送原因、措施和完成时限。",
        "{who} is criticised in public, and is to put this right and report cause, measures and completion date by"
        " {day}.",
    ),
}
_UNANSWERED = Wording("{who}收到{rung}后逾期未答复。", "{who} did not answer the {rung} in time.")
_NOT_TAKEN = Wording(
    "{who}对{rung}的答复未被采纳，理由：{reason}。", "The answer of {who} to the {rung} was not accepted: {reason}."
)


class AskedMatter(NamedTuple):
    """The subject of a requested matter. department: the addressee; None for the first one that it can concern."""

    plan: Plan
    about: About
    subject: str
    department: str | None


class Draft(NamedTuple):
    """A draft of a matter, made from the figures.

    department: the addressee; departments: all that it can concern; said: the text of the figures; wrong: whether there
    is anything to answer for.
    """

    title: Wording
    department: str
    departments: Sequence[str]
    said: Wording
    facts: tuple[Fact, ...]
    card: Card | None = None
    wrong: bool = True


def draft_of(resources: Resources, asked: AskedMatter) -> Draft:
    """Return the draft of a matter. Raises Declined (422) if the subject is unknown or not of the department."""
    return _DRAFTS[asked.about](resources, asked)


def requested(draft: Draft, plan: Plan, rung: Rung, deadline: date, before: Wording = NO_WORDS) -> Wording:
    """Return the whole text of a step. before: why the step is taken, if another one went before it."""
    who, day = _called(plan, draft.department), _day(deadline)
    wanted = _REQUESTS[rung]
    zh = before.zh + draft.said.zh + wanted.zh.format(who=who.zh, day=day.zh)
    en = " ".join(part for part in (before.en, draft.said.en, wanted.en.format(who=who.en, day=day.en)) if part)
    return Wording(zh, en)


def step_before(plan: Plan, department: str, rung: Rung, reason: str) -> Wording:
    """Return why the next step is taken: the answer was refused for a reason, or, without a reason, none came."""
    who, name = _called(plan, department), RUNG_NAMES[rung]
    text, why = (_NOT_TAKEN, reason.rstrip("。.")) if reason else (_UNANSWERED, "")
    return Wording(
        text.zh.format(who=who.zh, rung=name.zh, reason=why), text.en.format(who=who.en, rung=name.en, reason=why)
    )


def _called(plan: Plan, department: str) -> Wording:
    names = next((one.names for one in plan.departments if one.id == department), None)
    return Wording(names.zh, names.en) if names is not None else Wording(department, department)


def _day(on: date) -> Wording:
    return Wording(f"{on.year}年{on.month}月{on.day}日", on.isoformat())


def _addressee(asked: AskedMatter, departments: Sequence[str]) -> str:
    """Return the requested department, or the first one. Raises Declined if the matter does not concern it."""
    if not departments:
        raise Declined(Kind.CONTRADICTION, "subject: expected one that concerns a department", field="subject")
    if asked.department is None:
        return departments[0]
    if asked.department not in departments:
        listed = ", ".join(departments[:10])
        detail = f"department: expected one that the matter concerns ({listed})"
        raise Declined(Kind.CONTRADICTION, detail, field="department")
    return asked.department


def _unknown(expected: str) -> Declined:
    return Declined(Kind.CONTRADICTION, f"subject: expected {expected}", field="subject")


def _of_target(resources: Resources, asked: AskedMatter) -> Draft:
    today = resources.today()
    found = targets_answer(resources, Scope(asked.plan.region), today, Past()).targets
    target = next((one for one in found if one.id == asked.subject), None)
    if target is None:
        raise _unknown("the id of a target of the plan in force")
    bound = sorted(target.departments, key=lambda one: one.gap if one.gap is not None else 1.0)
    concerned = [one.department for one in bound] or [one.id for one in target.lead]
    department = _addressee(asked, concerned)
    own = next((one for one in bound if one.department == department), target)
    said, facts = _reading(target, own, today)
    name = Wording(target.names.zh, target.names.en)
    return Draft(name, department, concerned, said, facts, wrong=own.state in ("behind", "missed"))


def _reading(
    target: TargetAnswer, own: TargetAnswer | DepartmentTarget, today: date
) -> tuple[Wording, tuple[Fact, ...]]:
    """Return a target's figures, from /v1/targets, as a sentence and as single facts."""
    unit, state, day = target.unit, _STATES[own.state], _day(today)
    value = Fraction(own.numerator, own.denominator) if own.denominator and own.value is not None else None
    parts = "" if unit == "count" or value is None else f"{own.numerator}/{own.denominator}"
    amounts = [amount(one, unit).replace(" ", "") for one in (value, _exact(own.required), _exact(own.goal))]
    gap = _against_goal(target, own.gap)
    in_parts = f"（{parts}）" if parts else ""
    zh = (
        f"截至{day.zh}，“{target.names.zh}”完成值{amounts[0]}{in_parts}，应达{amounts[1]}，目标值{amounts[2]}，"
        f"{gap.zh}，状态：{state.zh}。"
    )
    en = (
        f"By {day.en} “{target.names.en}” is {amounts[0]}{f' ({parts})' if parts else ''}; required {amounts[1]}, goal"
        f" {amounts[2]}, {gap.en}: {state.en}."
    )
    facts = (
        _fact("完成值", "value", " ".join(filter(None, (amounts[0], parts)))),
        _fact("应达", "required", amounts[1]),
        _fact("目标值", "goal", amounts[2]),
        Fact(Wording("差距", "gap"), gap),
        Fact(Wording("状态", "state"), state),
        Fact(Wording("方案条目", "item of the plan"), Wording("、".join(target.source), ", ".join(target.source))),
    )
    return Wording(zh, en), facts


def _against_goal(target: TargetAnswer, gap: float | None) -> Wording:
    """Return on which side of the goal the value lies, and by how much, without a sign."""
    if gap is None:
        return Wording("差距无法计算", "its gap cannot be computed")
    falling = target.rule.direction == "down"
    bar = Wording("目标上限", "the limit") if falling else Wording("目标", "the goal")
    if gap == 0:
        return Wording(f"与{bar.zh}持平", f"level with {bar.en}")
    by = difference(_exact(abs(gap)), target.unit).removeprefix("+")
    unit = _GAP_UNITS.get(target.unit, NO_WORDS)
    at = Wording("高于", "above") if (gap < 0) == falling else Wording("低于", "below")
    return Wording(f"{at.zh}{bar.zh}{by}{unit.zh}", f"{by}{unit.en} {at.en} {bar.en}")


def _exact(value: float | None) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def _fact(zh: str, en: str, content: str) -> Fact:
    return Fact(Wording(zh, en), Wording(content, content))


def _of_department(resources: Resources, asked: AskedMatter) -> Draft:
    plan, today = asked.plan, resources.today()
    department = _addressee(asked._replace(department=asked.department or asked.subject), [asked.subject])
    if department not in {one.id for one in plan.departments}:
        raise _unknown("the id of a department of the plan in force")
    scope = Scope(plan.region, department)
    found = indicators_answer(resources, scope, window_of(resources, plan.region, None, None), Past())
    kept = next(one for one in found.indicators if one.id == "due_kept_rate")
    rate = amount(Fraction(kept.numerator, kept.denominator) if kept.denominator else None, "share").replace(" ", "")
    months = [cell.month for row in outstanding_answer(resources, plan.region, department).departments
              for cell in row.months if cell.state in ("missing", "returned")]  # fmt: skip
    who, day = _called(plan, department), _day(today)
    counts = {state: found.open_cases[state] for state in _OPEN}
    zh = "、".join(f"{name.zh}{counts[state]}件" for state, name in _OPEN.items())
    en = ", ".join(f"{counts[state]} {name.en}" for state, name in _OPEN.items())
    parts = f"{kept.numerator}/{kept.denominator}"
    said = Wording(
        f"截至{day.zh}，{who.zh}在办件中{zh}；{found.start}以来到期办结率{rate}（{parts}）；欠报月报{len(months)}个月。",
        f"On {day.en}, of the open cases of {who.en}: {en}; since {found.start} {rate} of those due were decided in"
        f" time ({parts}); {len(months)} monthly reports are missing.",
    )
    facts = (
        *(Fact(name, Wording(str(counts[state]), str(counts[state]))) for state, name in _OPEN.items()),
        _fact("到期办结率", "due, decided in time", f"{rate} {parts}"),
        _fact("欠报月报", "monthly reports missing", "、".join(months) or "0"),
    )
    return Draft(who, department, [department], said, facts)


class _LookedUp(NamedTuple):
    """A case with facts about it. late: working days by which it is late, None if it is not; hall, item: names."""

    case: Case
    late: int | None
    hall: str
    item: str


def _of_case(resources: Resources, asked: AskedMatter) -> Draft:
    key, today = case_key(f"{asked.plan.region}/{asked.subject}"), resources.today()
    found = _look_up(resources, key, today) if key is not None else None
    if key is None or found is None:
        raise _unknown("HALL/CASE_ID of a case")
    case, late = found.case, found.late
    card, state = asked.plan.supervision.card(late), open_state(case, day_of(today))
    zh, en = _case_words(case, card, late, state)
    name = Wording(
        f"{found.hall}办件{key.case_id}（{found.item}）", f"case {key.case_id} of {found.hall} ({found.item})"
    )
    return Draft(
        name,
        _addressee(asked, [case.department]),
        [case.department],
        Wording(f"{name.zh}{zh}。", f"The {name.en} {en}."),
        _case_facts(found, card),
        card,
        wrong=late is not None or state == "unaccepted_late",
    )


def _look_up(resources: Resources, key: CaseKey, today: date) -> _LookedUp | None:
    with resources.store.read() as moment:
        history = moment.case_history(*key, today)
        if history is None or history.clock is None:
            return None
        case = history.clock.case
        late = lateness_of(case, moment.workdays(key.region), day_of(today))
        facts = moment.hall_facts().get((key.region, key.hall))
        hall = facts.name_zh if facts is not None and facts.name_zh else key.hall
        return _LookedUp(case, late, hall, _item(moment, history, case))


def _case_facts(found: _LookedUp, card: Card | None) -> tuple[Fact, ...]:
    case = found.case
    days = (("收件", "received", case.received), ("受理", "accepted", case.accepted), ("到期", "due", case.due))
    lines = [_fact(zh, en, date_of(day).isoformat()) for zh, en, day in days if day is not None]
    if case.decided is not None:
        lines.append(_fact("办结", "decided", date_of(case.decided).isoformat()))
    if found.late is not None:
        lines.append(_fact("超期（工作日）", "working days late", str(found.late)))
    if card is not None:
        lines.append(Fact(Wording("黄牌红牌", "card"), CARD_NAMES[card]))
    return tuple(lines)


def _case_words(case: Case, card: Card | None, late: int | None, state: str | None) -> tuple[str, str]:
    received = date_of(case.received).isoformat()
    if late is None:
        if state == "unaccepted_late":
            return (
                f"{received}收件，超过5个工作日未受理",
                f"was received on {received} and not accepted within 5 working days",
            )
        return "没有超期", "is not late"
    due = f"{date_of(case.due).isoformat()}到期，" if case.due is not None else ""
    by = f" after {date_of(case.due).isoformat()}" if case.due is not None else ""
    verb = Wording("办结时已超期", "was decided") if case.decided is not None else Wording("已超期", "is")
    held = (f"，{CARD_NAMES[card].zh}", f" ({CARD_NAMES[card].en})") if card is not None else ("", "")
    return f"{due}{verb.zh}{late}个工作日{held[0]}", f"{verb.en} {late} working days late{by}{held[1]}"


def _item(moment: Moment, history: CaseHistory, case: Case) -> str:
    clock = history.clock
    span = clock.span if clock is not None else None
    if span is None:
        versions = moment.versions(history.region, case.item_code)
        span = span_on(versions, case.received) or (versions[-1] if versions else None)
    return span.version.name if span is not None else case.item_code


def _of_finding(resources: Resources, asked: AskedMatter) -> Draft:
    check = next((one for one in CHECKS if one.id == asked.subject), None)
    if check is None:
        raise _unknown("the id of an integrity check")
    plan = asked.plan
    window = window_of(resources, plan.region, None, None)
    whole = _found(resources, Scope(plan.region), asked)
    concerned = [one.id for one in whole.groups if one.by == "department"]
    department = _addressee(asked, [asked.department] if asked.department else concerned)
    own = _found(resources, Scope(plan.region, department), asked)
    who = _called(plan, department)
    examples = [str(row["case_id"]) for row in own.cases if row.get("case_id")][:MOST_EXAMPLES]
    named = Wording(
        f"，如{'、'.join(examples)}" if examples else "", f", such as {', '.join(examples)}" if examples else ""
    )
    said = Wording(
        f"数据真实性检查“{check.zh}”在{window.start}至{window.end}发现{who.zh}{own.count}项{named.zh}。",
        f"From {window.start} to {window.end} the check “{check.en}” found {own.count} of {who.en}{named.en}.",
    )
    facts = (_fact("发现数", "findings", str(own.count)), _fact("举例", "examples", "、".join(examples) or "—"))
    return Draft(Wording(check.zh, check.en), department, concerned or [department], said, facts, wrong=own.count > 0)


def _found(resources: Resources, scope: Scope, asked: AskedMatter) -> CheckAnswer:
    window = window_of(resources, scope.region, None, None)
    return next(one for one in integrity_answer(resources, scope, window).checks if one.id == asked.subject)


def _of_task(resources: Resources, asked: AskedMatter) -> Draft:
    plan, today = asked.plan, resources.today()
    task = next((one for one in plan.tasks if one.id == asked.subject), None)
    if task is None:
        raise _unknown("the number of a task of the plan in force")
    department = _addressee(asked, task.lead)
    said = resources.matters.task_reports(plan.region, plan.id).get((task.id, department), ())
    state = said[0].state if said else TaskState.NOT_STARTED
    evidence = said[0].evidence if said and said[0].evidence else "—"
    phase = next((one for one in plan.phases if one.id == task.phase), None)
    due = Wording(*(_day(phase.end) if phase is not None and phase.end is not None else ("—", "—")))
    who, day, name = _called(plan, department), _day(today), TASK_STATE_NAMES[state]
    text = Wording(
        f"截至{day.zh}，任务清单第{task.id}项“{task.name.zh}”（应于{due.zh}前完成），{who.zh}填报进展：{name.zh}。",
        f"By {day.en} task {task.id}, “{task.name.en}” (due by {due.en}), is {name.en} as {who.en} says.",
    )
    facts = (
        Fact(Wording("进展", "state"), name),
        _fact("依据", "evidence", evidence),
        Fact(Wording("应有依据", "evidence asked for"), task.evidence),
    )
    return Draft(task.name, department, task.lead, text, facts, wrong=state is not TaskState.DONE)


_DRAFTS: Mapping[About, Callable[[Resources, AskedMatter], Draft]] = {
    "target": _of_target,
    "department": _of_department,
    "case": _of_case,
    "finding": _of_finding,
    "task": _of_task,
}
