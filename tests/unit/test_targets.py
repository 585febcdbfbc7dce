"""What a target comes to on a day: verdicts, states, gaps, forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.compression import COMPRESSION, ItemLimits
from hallpulse.domain.figures import Figure, FigureTable, Window
from hallpulse.domain.indicators import ItemRef, Mark, doubt
from hallpulse.domain.plan import Department, Names, Plan, Target, TargetScope
from hallpulse.domain.rules import AtLeast, AtMost, Below, Linear, Raised, Reading, Rule, Step
from hallpulse.domain.targets import State, TargetResult, Unforeseen, evaluate, read_tables
from tests.moments import StatedStore

NAMES = Names("名", "name")
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
TODAY = date(2026, 7, 2)
"""Exactly half of the year's 364 days from the first to the last."""
BEFORE = date(2026, 4, 2)
Figures = Mapping[str, Figure]
ALL = Fraction(1)


def plan_of(*targets: Target, least: int = 1, departments: tuple[str, ...] = ()) -> Plan:
    known = tuple(Department(d, NAMES) for d in departments)
    return Plan("p", 222424, NAMES, "文", YEAR, targets, departments=known, min_denominator=least)


def table(on: date, own: Figures, departments: Mapping[str, Figures] | None = None) -> FigureTable:
    return FigureTable(222424, Window(YEAR.start, on), own, departments or {})


def only(target: Target, now: Figures, before: Figures | None = None, on: date = TODAY, least: int = 1) -> TargetResult:
    plan = plan_of(target, least=least)
    newest = min(on, YEAR.end)
    tables = {d: table(d, now if d == newest else before or {}) for d in plan.dates_needed(on)}
    (result,) = evaluate(plan, on, tables)
    return result


def share(rule: Rule, indicator: str = "instant_item_share", path: Linear | Step | None = None) -> Target:
    return Target("t", NAMES, indicator, "share", rule, path or Step())


RAISED = Raised(Fraction(3194, 10_000), Fraction(1, 10), Reading.POINTS)
INSTANT = share(RAISED, path=Linear(RAISED.base))


def test_a_value_over_the_goal_is_met() -> None:
    result = only(INSTANT, {"instant_item_share": Figure(42, 100)})
    assert (result.state, result.met, result.on_pace) == (State.MET, True, True)
    assert result.value == Fraction(42, 100)
    assert result.gap == Fraction(6, 10_000)


def test_halfway_through_the_year_half_of_the_raise_is_on_pace() -> None:
    result = only(INSTANT, {"instant_item_share": Figure(3694, 10_000)})
    assert result.required == Fraction(3694, 10_000)
    assert (result.state, result.met, result.on_pace) == (State.ON_PACE, False, True)
    assert result.gap == Fraction(-5, 100)


def test_one_item_less_is_behind() -> None:
    result = only(INSTANT, {"instant_item_share": Figure(3693, 10_000)})
    assert (result.state, result.met, result.on_pace) == (State.BEHIND, False, False)


@pytest.mark.parametrize("on", [YEAR.end, date(2027, 2, 1)])
def test_a_goal_that_is_not_met_when_the_period_is_over_is_missed(on: date) -> None:
    result = only(INSTANT, {"instant_item_share": Figure(41, 100)}, on=on)
    assert (result.state, result.met, result.on_pace) == (State.MISSED, False, False)
    assert result.forecast is not None
    assert result.forecast.value == result.value


def test_no_figure_is_not_measured_and_never_nought() -> None:
    result = only(INSTANT, {})
    assert (result.state, result.value, result.gap) == (State.NOT_MEASURED, None, None)
    assert (result.met, result.on_pace, result.forecast) == (None, None, None)
    assert result.goal == Fraction(4194, 10_000)
    assert result.required == Fraction(3694, 10_000)
    assert result.reason


def test_before_the_period_nothing_has_started() -> None:
    (result,) = evaluate(plan_of(INSTANT), date(2025, 12, 31), {})
    assert (result.state, result.required, result.met) == (State.NOT_STARTED, None, None)


def test_too_few_cases_neither_keep_nor_break_a_target() -> None:
    kept = share(AtLeast(ALL), "promise_kept_rate")
    result = only(kept, {"promise_kept_rate": Figure(3, 9)}, least=10)
    assert (result.state, result.met, result.on_pace, result.gap) == (State.BELOW_MIN_DENOMINATOR, None, None, None)
    assert result.figure == Figure(3, 9)
    assert only(kept, {"promise_kept_rate": Figure(3, 10)}, least=10).state is State.BEHIND


def test_a_ceiling_counts_its_gap_downwards() -> None:
    loss = share(AtMost(Fraction(5, 100)), "disclosure_loss")
    result = only(loss, {"disclosure_loss": Figure(1, 10)})
    assert (result.met, result.gap) == (False, Fraction(-5, 100))
    assert only(loss, {"disclosure_loss": Figure(1, 20)}).met


def test_below_a_mean_means_less_than_it() -> None:
    below = share(Below(indicator="mean"), "administrative_loss")
    figures = {"administrative_loss": Figure(1, 10), "mean": Figure(2, 20)}
    equal = only(below, figures)
    assert (equal.goal, equal.gap, equal.met) == (Fraction(1, 10), Fraction(0), False)
    assert only(below, figures | {"mean": Figure(11, 100)}).met


def test_an_unknown_reference_is_a_state_with_its_reason_and_no_error() -> None:
    result = only(share(Below(indicator="mean"), "administrative_loss"), {"administrative_loss": Figure(1, 10)})
    assert (result.state, result.goal, result.met) == (State.NOT_MEASURED, None, None)
    assert result.value == Fraction(1, 10)
    assert "mean" in result.reason


def test_a_list_is_published_when_an_item_is_on_it() -> None:
    published = Target("l", NAMES, "tolerance_items", "count", AtLeast(ALL), Step())
    catalogue = {"settled_item_share": Figure(5, 9)}
    assert only(published, catalogue | {"tolerance_items": Figure(1, 1)}).state is State.MET
    assert only(published, catalogue | {"tolerance_items": Figure(0, 1)}).state is State.BEHIND


def test_without_a_catalogue_nobody_can_say_that_a_list_is_empty() -> None:
    published = Target("l", NAMES, "tolerance_items", "count", AtLeast(ALL), Step())
    assert only(published, {"tolerance_items": Figure(0, 1)}).state is State.NOT_MEASURED


# ---- forecasts


def moving(*items: int, target: Target = INSTANT, of: int = 100) -> TargetResult:
    """The target's figure at the beginning of the trend's days, after each third of them and today."""
    plan = plan_of(target)
    days = plan.dates_needed(TODAY)
    figures = [{target.indicator: Figure(n, of), "settled_item_share": Figure(1, 1)} for n in items]
    (result,) = evaluate(plan, TODAY, {day: table(day, own) for day, own in zip(days, figures, strict=True)})
    return result


def test_a_catalogue_that_moves_again_and_again_goes_on_along_a_straight_line() -> None:
    forecast = moving(33, 34, 34, 36).forecast
    assert forecast is not None
    assert (forecast.since, forecast.until) == (BEFORE, TODAY)
    assert forecast.value == Fraction(36, 100) + Fraction(3, 100) * Fraction(182, 91)


@pytest.mark.parametrize("items", [(33, 33, 33, 36), (33, 36, 36, 36), (36, 33, 33, 33), (33, 36, 34, 36)])
def test_a_step_of_a_catalogue_is_no_trend(items: tuple[int, ...]) -> None:
    result = moving(*items)
    assert (result.forecast, result.unforeseen) == (None, Unforeseen.STEP)


def test_a_catalogue_that_does_not_move_stays_as_it_is() -> None:
    forecast = moving(36, 36, 36, 36).forecast
    assert forecast is not None
    assert forecast.value == Fraction(36, 100)


def test_a_list_that_grew_shorter_is_not_forecast_below_what_is_on_it() -> None:
    published = Target("l", NAMES, "tolerance_items", "count", AtLeast(Fraction(500)), Step())
    forecast = moving(200, 120, 90, 60, target=published, of=1).forecast
    assert forecast is not None
    assert forecast.value == 60


def test_a_share_that_is_none_today_has_no_forecast() -> None:
    result = moving(-3, -2, -2, -1)
    assert (result.forecast, result.unforeseen) == (None, Unforeseen.OUTSIDE)


def test_cases_go_on_at_the_same_rate_by_their_number_and_not_by_their_share() -> None:
    kept = share(AtLeast(Fraction(95, 100)), "promise_kept_rate")
    now, before = {"promise_kept_rate": Figure(180, 200)}, {"promise_kept_rate": Figure(80, 100)}
    forecast = only(kept, now, before).forecast
    assert forecast is not None
    assert forecast.value == Fraction(180 + 2 * 100, 200 + 2 * 100)


def test_a_count_goes_on_as_it_did() -> None:
    lectures = Target("l", NAMES, "law_lectures", "count", AtLeast(Fraction(2)), Linear(Fraction(0)))
    forecast = only(lectures, {"law_lectures": Figure(1, 1)}).forecast
    assert forecast is not None
    assert forecast.value == 1 + Fraction(182, 91)


def test_too_short_a_past_gives_no_forecast_and_says_so() -> None:
    result = only(INSTANT, {"instant_item_share": Figure(36, 100)}, {}, on=date(2026, 1, 28))
    assert (result.forecast, result.unforeseen) == (None, Unforeseen.TOO_SHORT)


def test_a_catalogue_that_has_only_just_come_gives_no_forecast_and_says_so() -> None:
    result = only(INSTANT, {"instant_item_share": Figure(36, 100)}, {})
    assert (result.forecast, result.unforeseen) == (None, Unforeseen.NO_PAST)


@given(st.lists(st.integers(-20, 120), min_size=4, max_size=4))
def test_no_share_is_forecast_beyond_the_whole_or_below_nothing(items: list[int]) -> None:
    result = moving(*items)
    assert (result.forecast is None) == (result.unforeseen is not None)
    assert result.forecast is None or 0 <= result.forecast.value <= 1


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_no_share_of_cases_is_forecast_outside_and_no_count_below_what_is_there(a: int, b: int, c: int, d: int) -> None:
    kept = share(AtLeast(ALL), "promise_kept_rate")
    result = only(kept, {"promise_kept_rate": Figure(c, c + d)}, {"promise_kept_rate": Figure(a, a + b)})
    assert result.forecast is None or 0 <= result.forecast.value <= 1
    lectures = Target("l", NAMES, "law_lectures", "count", AtLeast(Fraction(2)), Step())
    counted = only(lectures, {"law_lectures": Figure(c, 1)}, {"law_lectures": Figure(a, 1)})
    assert counted.forecast is None or counted.forecast.value >= c


def test_corrections_that_take_every_case_back_give_no_forecast_and_say_so() -> None:
    kept = share(AtLeast(ALL), "promise_kept_rate")
    result = only(kept, {"promise_kept_rate": Figure(1, 2)}, {"promise_kept_rate": Figure(50, 90)})
    assert (result.forecast, result.unforeseen) == (None, Unforeseen.CORRECTED)


# ---- marks

COMPRESSED = share(AtLeast(Fraction(1, 2)), COMPRESSION)
LIMITS = ItemLimits("water", False, 40, 10)
DOUBT = doubt("statutory_raised", ItemRef(222424, "a", "取水许可"), LIMITS, 20)


def test_a_target_that_gains_from_raised_limits_is_marked_with_its_value_without_them() -> None:
    plan = plan_of(COMPRESSED, INSTANT)
    now = {COMPRESSION: Figure(30, 40), "instant_item_share": Figure(1, 2)}
    results = evaluate(plan, TODAY, {day: table(day, now) for day in plan.dates_needed(TODAY)}, [DOUBT])
    assert [result.marks for result in results] == [(Mark("statutory_raised", 1, Figure(10, 20)),), ()]


def test_of_departments_those_are_marked_whose_limits_were_raised() -> None:
    target = Target("t", NAMES, COMPRESSION, "share", AtLeast(ALL), Step(), TargetScope.EACH_DEPARTMENT)
    plan = plan_of(target, departments=("water", "justice"))
    of_departments = {"water": {COMPRESSION: Figure(30, 40)}, "justice": {COMPRESSION: Figure(10, 40)}}
    tables = {d: table(d, {COMPRESSION: Figure(40, 80)}, of_departments) for d in plan.dates_needed(TODAY)}
    marked = {result.department: bool(result.marks) for result in evaluate(plan, TODAY, tables, [DOUBT])}
    assert marked == {None: True, "water": True, "justice": False}


# ---- targets of each department

REPORT = Target("r", NAMES, "monthly_report", "share", AtLeast(ALL), Step(), TargetScope.EACH_DEPARTMENT)


def reports(**figures: Figure) -> list[TargetResult]:
    plan = plan_of(REPORT, departments=("a", "b", "c"))
    own = {"monthly_report": sum(figures.values(), Figure(0, 0))}
    now = table(TODAY, own, {d: {"monthly_report": f} for d, f in figures.items()})
    past = {day: table(day, {}) for day in plan.dates_needed(TODAY)}
    return evaluate(plan, TODAY, {**past, TODAY: now})


def test_every_department_is_judged_after_the_region() -> None:
    results = reports(a=Figure(6, 6), b=Figure(6, 6), c=Figure(6, 6))
    assert [r.department for r in results] == [None, "a", "b", "c"]
    assert {r.state for r in results} == {State.MET}
    assert (results[0].judged, results[0].bound) == (3, 3)


def test_one_department_that_is_late_decides_for_the_region() -> None:
    overall, *_ = reports(a=Figure(6, 6), b=Figure(5, 6))
    assert (overall.state, overall.met, overall.on_pace) == (State.BEHIND, False, False)
    assert overall.gap == Fraction(-1, 6)
    assert overall.figure == Figure(11, 12)


def test_while_a_department_has_not_reported_nobody_can_say_that_all_did() -> None:
    overall, *departments = reports(a=Figure(6, 6), b=Figure(6, 6))
    assert (overall.state, overall.met) == (State.NOT_MEASURED, None)
    assert "1 of 3" in overall.reason
    assert departments[2].state is State.NOT_MEASURED


def test_a_department_without_cases_has_nothing_to_keep() -> None:
    kept = Target("k", NAMES, "promise_kept_rate", "share", AtLeast(ALL), Step(), TargetScope.EACH_DEPARTMENT)
    plan = plan_of(kept, departments=("a", "b"))
    now = table(YEAR.start, {}, {"a": {"promise_kept_rate": Figure(4, 4)}, "b": {"promise_kept_rate": Figure(0, 0)}})
    overall, *_ = evaluate(plan, YEAR.start, {YEAR.start: now})
    assert (overall.state, overall.judged, overall.bound) == (State.MET, 1, 2)


def test_when_no_department_can_be_judged_neither_can_the_region() -> None:
    assert {r.state for r in reports()} == {State.NOT_MEASURED}


# ---- what holds for every target


@given(
    top=st.integers(0, 200),
    bottom=st.integers(0, 200),
    bar=st.fractions(min_value=0, max_value=1, max_denominator=1000),
    on=st.dates(date(2025, 12, 1), date(2027, 2, 1)),
    rule=st.sampled_from([AtLeast, AtMost]),
)
def test_state_verdict_and_gap_always_agree(
    top: int, bottom: int, bar: Fraction, on: date, rule: type[AtLeast] | type[AtMost]
) -> None:
    result = only(share(rule(bar), "promise_kept_rate"), {"promise_kept_rate": Figure(top, bottom)}, on=on)
    assert (result.met is None) == (result.gap is None) == (result.judged == 0)
    assert result.met is None or result.met == (result.gap is not None and result.gap >= 0)
    assert (result.state is State.MET) == bool(result.met)
    assert not (result.met and not result.on_pace)
    assert bool(result.reason) == (result.met is None)


def test_the_tables_are_asked_for_the_windows_that_the_plan_needs() -> None:
    store = StatedStore()
    with store.read() as moment:
        tables = read_tables(plan_of(INSTANT), TODAY, moment)
    asked = [what[1:] for what in store.asked if what[0] == "figure_table"]
    assert not [what for what in store.asked if what[0] == "first_reports"]
    between = [date(2026, 5, 2), date(2026, 6, 1)]
    assert list(tables) == [BEFORE, *between, TODAY]
    assert asked == [(222424, Window(YEAR.start, day)) for day in tables]
    of_cases = plan_of(share(AtLeast(ALL), "promise_kept_rate"))
    assert of_cases.dates_needed(TODAY) == (BEFORE, *between, TODAY)
