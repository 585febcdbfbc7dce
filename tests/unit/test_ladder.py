"""The ladder of supervision: how a matter stands follows from its entries and the day alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.ladder import (
    FIRST_RUNGS,
    RUNG_NAMES,
    STATE_NAMES,
    Card,
    Deed,
    DepartmentAnswer,
    MatterEntry,
    MatterState,
    NotNow,
    Rung,
    Supervision,
    check_following,
    check_opening,
    days_late,
    standing_of,
)
from hallpulse.domain.workdays import SHANGHAI, Workdays, day_of
from hallpulse.plans import PlanError, load_plan
from tests.gateway_ground import PLANS

MONDAY = date(2026, 3, 2)
ANSWER = DepartmentAnswer("人手不足", "增设窗口", MONDAY + timedelta(days=20))


def at(days: int) -> datetime:
    """Noon in Shanghai, so many days after the opening."""
    return datetime.combine(MONDAY + timedelta(days=days), time(12), SHANGHAI)


def opened(rung: Rung = Rung.REMINDER, within: int = 3) -> MatterEntry:
    return MatterEntry(at(0), "王", Deed.OPENED, rung, MONDAY + timedelta(days=within))


def answered(on: int, answer: DepartmentAnswer = ANSWER) -> MatterEntry:
    return MatterEntry(at(on), "李", Deed.ANSWERED, answer=answer)


def returned(on: int, within: int = 3) -> MatterEntry:
    return MatterEntry(at(on), "王", Deed.RETURNED, None, MONDAY + timedelta(days=on + within), reason="不实")


def raised(on: int, rung: Rung, reason: str = "") -> MatterEntry:
    return MatterEntry(at(on), "王", Deed.RAISED, rung, MONDAY + timedelta(days=on + 5), reason=reason)


def closed(on: int, reason: str = "") -> MatterEntry:
    return MatterEntry(at(on), "王", Deed.CLOSED, reason=reason)


def state(*entries: MatterEntry, on: int) -> MatterState:
    return standing_of(entries, MONDAY + timedelta(days=on)).state


def test_a_matter_waits_until_its_deadline_has_passed_and_is_late_from_the_day_after() -> None:
    assert [state(opened(), on=day) for day in (0, 3, 4)] == [
        MatterState.WAITING,
        MatterState.WAITING,
        MatterState.LATE,
    ]


def test_the_deadlines_day_ends_in_shanghai() -> None:
    """An answer at 23:30 of the last day is in time although in UTC it is the afternoon, one after midnight is not."""
    late_evening = datetime(2026, 3, 5, 15, 30, tzinfo=UTC)
    assert replace(answered(0), at=late_evening).day == date(2026, 3, 5)
    assert replace(answered(0), at=late_evening + timedelta(hours=1)).day == date(2026, 3, 6)


def test_an_answer_turns_it_over_to_the_bureau_also_after_the_deadline() -> None:
    for day in (1, 9):
        now = standing_of([opened(), answered(day)], MONDAY + timedelta(days=day))
        assert (now.state, now.waits_for, now.answer) == (MatterState.ANSWERED, "bureau", ANSWER)


def test_a_returned_answer_is_waited_for_again_by_a_new_deadline() -> None:
    entries = [opened(), answered(1), returned(2)]
    now = standing_of(entries, MONDAY + timedelta(days=5))
    assert (now.state, now.deadline, now.waits_for) == (
        MatterState.RETURNED,
        MONDAY + timedelta(days=5),
        "department",
    )
    assert state(*entries, on=6) is MatterState.LATE


def test_an_accepted_measure_that_is_not_done_by_its_day_is_said_until_the_matter_is_closed() -> None:
    entries = [opened(), answered(1)]
    assert not standing_of(entries, ANSWER.done_by).unfinished
    assert standing_of(entries, ANSWER.done_by + timedelta(days=1)).unfinished
    assert not standing_of([*entries, closed(21)], ANSWER.done_by + timedelta(days=9)).unfinished


def test_the_way_up_is_reminder_rectification_criticism_and_no_further() -> None:
    entries = [opened()]
    for on, rung in ((4, Rung.RECTIFICATION), (10, Rung.CRITICISM)):
        check_following(entries, raised(on, rung))
        entries.append(raised(on, rung))
    now = standing_of(entries, MONDAY + timedelta(days=30))
    assert (now.rung, now.rung.above, now.possible) == (Rung.CRITICISM, None, (Deed.ANSWERED, Deed.CLOSED))
    with pytest.raises(NotNow):
        check_following(entries, raised(30, Rung.CRITICISM))


def test_no_step_is_left_out_and_none_comes_before_the_deadline() -> None:
    with pytest.raises(ValueError, match="rung: expected rectification"):
        check_following([opened()], raised(4, Rung.CRITICISM))
    with pytest.raises(NotNow, match="waiting"):
        check_following([opened()], raised(3, Rung.RECTIFICATION))


def test_an_answer_that_is_not_accepted_leads_up_with_a_reason() -> None:
    entries = [opened(), answered(1)]
    with pytest.raises(ValueError, match="reason: "):
        check_following(entries, raised(1, Rung.RECTIFICATION))
    check_following(entries, raised(1, Rung.RECTIFICATION, "措施空泛"))


def test_nobody_is_criticised_in_public_who_was_not_told_before() -> None:
    with pytest.raises(ValueError, match="rung: "):
        check_opening(opened(Rung.CRITICISM))
    for rung in FIRST_RUNGS:
        check_opening(opened(rung))


@pytest.mark.parametrize("within", [-1, 367])
def test_a_deadline_lies_from_today_to_a_year_ahead(within: int) -> None:
    with pytest.raises(ValueError, match="deadline: "):
        check_opening(opened(within=within))


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (replace(ANSWER, cause=" \n"), "cause"),
        (replace(ANSWER, measures=""), "measures"),
        (replace(ANSWER, done_by=MONDAY - timedelta(days=1)), "done_by"),
    ],
)
def test_an_answer_says_cause_measures_and_by_when(answer: DepartmentAnswer, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        check_following([opened()], answered(1, answer))


def test_a_closed_matter_takes_no_entry_and_one_without_answer_is_closed_with_a_reason() -> None:
    with pytest.raises(ValueError, match="reason: "):
        check_following([opened()], closed(1))
    check_following([opened()], closed(1, "误发"))
    check_following([opened(), answered(1)], closed(2))
    for new in (answered(3), returned(3), raised(3, Rung.RECTIFICATION, "x"), closed(3, "x")):
        with pytest.raises(NotNow, match="closed"):
            check_following([opened(), closed(2, "误发")], new)


def test_the_past_of_a_matter_is_what_was_entered_by_then() -> None:
    entries = [opened(), answered(1), returned(2), answered(4), closed(6)]
    seen = [state(*entries, on=day) for day in range(7)]
    assert seen == [
        MatterState.WAITING,
        MatterState.ANSWERED,
        MatterState.RETURNED,
        MatterState.RETURNED,
        MatterState.ANSWERED,
        MatterState.ANSWERED,
        MatterState.CLOSED,
    ]
    with pytest.raises(ValueError, match="not opened"):
        standing_of(entries, MONDAY - timedelta(days=1))


@given(st.lists(st.tuples(st.sampled_from(list(Deed)), st.integers(0, 6)), max_size=12))
def test_whatever_is_tried_a_matter_stays_on_the_ladder(tried: list[tuple[Deed, int]]) -> None:
    """Entries that may follow never lead down, past the top, or on from where a matter is closed."""
    entries, day = [opened()], 0
    for deed, later in tried:
        day += later
        before = standing_of(entries, MONDAY + timedelta(days=day))
        above = before.rung.above or Rung.CRITICISM
        answer = replace(ANSWER, done_by=MONDAY + timedelta(days=400))
        new = {
            Deed.OPENED: replace(opened(), at=at(day)),
            Deed.ANSWERED: answered(day, answer),
            Deed.RETURNED: returned(day),
            Deed.RAISED: raised(day, above, "x"),
            Deed.CLOSED: closed(day, "x"),
        }[deed]
        if deed not in before.possible:
            with pytest.raises(NotNow):
                check_following(entries, new)
            continue
        check_following(entries, new)
        entries.append(new)
        now = standing_of(entries, MONDAY + timedelta(days=day))
        rungs = list(Rung)
        assert rungs.index(now.rung) == rungs.index(before.rung) + (deed is Deed.RAISED)
        assert (now.state is MatterState.CLOSED) == (deed is Deed.CLOSED)


def test_every_step_and_state_has_its_names() -> None:
    assert RUNG_NAMES.keys() == set(Rung)
    assert STATE_NAMES.keys() == set(MatterState)
    assert [RUNG_NAMES[rung].zh for rung in Rung] == ["提醒", "督促整改", "通报批评"]


def test_a_card_is_yellow_then_red_by_the_plans_days() -> None:
    usual = Supervision()
    assert [usual.card(late) for late in (None, 0, 1, 4, 5, 99)] == [
        None, None, Card.YELLOW, Card.YELLOW, Card.RED, Card.RED,
    ]  # fmt: skip
    assert [Supervision(yellow=3, red=4).card(late) for late in (2, 3, 4)] == [None, Card.YELLOW, Card.RED]


def test_a_case_is_late_by_the_working_days_after_its_due_day_or_over_its_limit() -> None:
    calendar = Workdays({})
    friday, monday = day_of(date(2026, 3, 6)), day_of(date(2026, 3, 9))
    assert days_late(calendar, friday, due=friday, elapsed=None, allowed=None) is None
    assert days_late(calendar, monday, due=friday, elapsed=None, allowed=None) == 1
    assert days_late(calendar, monday, due=None, elapsed=None, allowed=5) is None
    assert days_late(calendar, monday, due=None, elapsed=7, allowed=5) == 2
    assert days_late(calendar, monday, due=None, elapsed=5, allowed=5) is None
    assert days_late(calendar, monday, due=None, elapsed=5, allowed=None) is None


def plan_with(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "222424-2026.yaml"
    whole = (PLANS / "222424-2026.yaml").read_text(encoding="utf-8")
    start, end = whole.index("\nsupervision:"), whole.index("\ntargets:")
    path.write_text(f"{whole[:start]}\n{text}\n{whole[end:]}", encoding="utf-8")
    return path


def test_a_plan_says_its_cards_and_days_and_what_it_leaves_out_is_as_usual(tmp_path: Path) -> None:
    plan = load_plan(plan_with(tmp_path, "supervision: {cards: {red: 10}, answers: {criticism: 2}}"))
    assert plan.supervision == Supervision(yellow=1, red=10, criticism=2)
    assert [plan.supervision.days(rung) for rung in Rung] == [3, 5, 2]
    assert load_plan(plan_with(tmp_path, "")).supervision == Supervision()
    assert load_plan(plan_with(tmp_path, "")).tasks == ()


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("supervision: {cards: {yellow: 5, red: 5}}", "supervision.cards", "red card after the yellow"),
        ("supervision: {cards: {yellow: 0}}", "supervision.cards.yellow", "1 or more"),
        ("supervision: {cards: {green: 1}}", "supervision.cards.green", "unknown key"),
        ("supervision: {answers: {reminder: 251}}", "supervision.answers.reminder", "250 at most"),
        ('tasks: [{id: "0", names: {zh: 一, en: a}, lead: justice, phase: drive, evidence: {zh: 一, en: a}}]',
         "tasks.0.id", "number in the list"),
        ('tasks: [{id: "1", names: {zh: 一, en: a}, lead: nobody, phase: drive, evidence: {zh: 一, en: a}}]',
         "tasks.1.lead", "departments"),
        ('tasks: [{id: "1", names: {zh: 一, en: a}, lead: justice, phase: never, evidence: {zh: 一, en: a}}]',
         "tasks.1.phase", "phases"),
        ('tasks: [{id: "1", names: {zh: 一, en: a}, lead: justice, phase: drive}]', "tasks.1", "evidence"),
    ],
)  # fmt: skip
def test_a_plan_whose_supervision_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, text: str, where: str, said: str
) -> None:
    with pytest.raises(PlanError) as refused:
        load_plan(plan_with(tmp_path, text))
    (problem,) = refused.value.problems
    assert problem.field == where, problem
    assert said in problem.said.en


def test_the_tasks_of_the_shipped_plan_have_leads_phases_and_evidence() -> None:
    plan = load_plan(PLANS / "222424-2023.yaml")
    assert {task.id for task in plan.tasks} >= {source for target in plan.targets for source in target.source} - {
        "三（二）"
    }
    assert all(task.lead and task.evidence.zh for task in plan.tasks)
