"""What a target comes to on a day: verdicts, states, gaps, forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import Figure, FigureTable, Window
from hallpulse.domain.plan import Department, Names, Plan, Target, TargetScope
from hallpulse.domain.rules import AtLeast, AtMost, Below, Linear, Raised, Reading, Rule, Step
from hallpulse.domain.targets import State, TargetResult, evaluate, read_tables
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


def test_a_catalogue_goes_on_along_a_straight_line() -> None:
    now, before = {"instant_item_share": Figure(36, 100)}, {"instant_item_share": Figure(35, 100)}
    forecast = only(INSTANT, now, before).forecast
    assert forecast is not None
    assert (forecast.since, forecast.until) == (BEFORE, TODAY)
    assert forecast.value == Fraction(36, 100) + Fraction(1, 100) * Fraction(182, 91)


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


def test_too_short_a_past_gives_no_forecast() -> None:
    assert only(INSTANT, {"instant_item_share": Figure(36, 100)}, {}, on=date(2026, 1, 28)).forecast is None


def test_a_catalogue_that_has_only_just_come_gives_no_forecast() -> None:
    assert only(INSTANT, {"instant_item_share": Figure(36, 100)}, {}).forecast is None


@given(now=st.integers(0, 100), before=st.integers(0, 100))
def test_no_share_is_forecast_beyond_the_whole_or_below_nothing(now: int, before: int) -> None:
    result = only(INSTANT, {"instant_item_share": Figure(now, 100)}, {"instant_item_share": Figure(before, 100)})
    assert result.forecast is not None
    assert 0 <= result.forecast.value <= 1


def test_corrections_that_take_every_case_back_give_no_forecast() -> None:
    kept = share(AtLeast(ALL), "promise_kept_rate")
    result = only(kept, {"promise_kept_rate": Figure(1, 2)}, {"promise_kept_rate": Figure(50, 90)})
    assert result.forecast is None


# ---- targets of each department

REPORT = Target("r", NAMES, "monthly_report", "share", AtLeast(ALL), Step(), TargetScope.EACH_DEPARTMENT)


def reports(**figures: Figure) -> list[TargetResult]:
    plan = plan_of(REPORT, departments=("a", "b", "c"))
    own = {"monthly_report": sum(figures.values(), Figure(0, 0))}
    now = table(TODAY, own, {d: {"monthly_report": f} for d, f in figures.items()})
    return evaluate(plan, TODAY, {BEFORE: table(BEFORE, {}), TODAY: now})


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
    assert list(tables) == [BEFORE, TODAY]
    asked = [what[1:] for what in store.asked if what[0] == "figure_table"]
    assert asked == [(222424, Window(YEAR.start, BEFORE)), (222424, Window(YEAR.start, TODAY))]
    assert not [what for what in store.asked if what[0] == "first_reports"]
