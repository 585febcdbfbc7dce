"""Goals, readings and paths, exactly."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import Window
from hallpulse.domain.plan import Department, Names, Phase, Plan, Target, TargetScope, plan_for
from hallpulse.domain.rules import AtLeast, AtMost, Below, Linear, NoPath, Path, Raised, Reading, Rule, Step, Unit

NAMES = Names("名", "name")
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
shares = st.fractions(min_value=0, max_value=1, max_denominator=10_000)
days_of_2026 = st.dates(YEAR.start, YEAR.end)


def target(rule: Rule, path: Path | None = None, unit: Unit = "share", indicator: str = "instant_item_share") -> Target:
    return Target("t", NAMES, indicator, unit, rule, path or NoPath())


def plan(*targets: Target, period: Window = YEAR, region: int = 222424, id_: str = "p", **more: object) -> Plan:
    return Plan(id_, region, NAMES, "文", period, targets, **more)  # type: ignore[arg-type]


def percent(text: str) -> Fraction:
    return Fraction(text) / 100


@pytest.mark.parametrize(
    ("base", "reading", "goal"),
    [
        ("31.94", Reading.POINTS, "41.94"),
        ("31.94", Reading.RELATIVE, "35.134"),
        ("63.56", Reading.POINTS, "73.56"),
        ("63.56", Reading.REMAINING, "67.204"),
    ],
)
def test_a_raise_of_ten_percent_is_read_as_the_plan_says(base: str, reading: Reading, goal: str) -> None:
    assert target(Raised(percent(base), percent("10"), reading)).goal() == percent(goal)


@given(base=shares, increase=shares)
def test_points_are_the_strictest_reading_of_any_raise(base: Fraction, increase: Fraction) -> None:
    readings = target(Raised(base, increase, Reading.POINTS)).readings()
    assert set(readings) == {"points", "relative", "remaining"}
    assert readings["points"] == max(readings.values())


@given(base=shares, increase=shares)
def test_what_is_left_shrinks_by_the_raise_and_never_goes_over_the_whole(base: Fraction, increase: Fraction) -> None:
    remaining = Reading.REMAINING.goal(base, increase)
    assert 1 - remaining == (1 - base) * (1 - increase)
    assert base <= remaining <= 1


def test_only_a_raise_can_be_read_three_ways() -> None:
    assert target(AtLeast(Fraction(1))).readings() == {}


@given(start=shares, goal=shares, on=days_of_2026)
def test_a_linear_path_runs_from_its_start_to_the_goal_by_equal_steps(
    start: Fraction, goal: Fraction, on: date
) -> None:
    one = plan(target(AtLeast(goal), Linear(start)))
    required = one.required(one.targets[0], on)
    assert required == start + (goal - start) * Fraction((on - YEAR.start).days, 364)


def test_a_path_asks_for_the_start_on_the_first_day_and_for_the_goal_from_the_last() -> None:
    raised = Raised(percent("31.94"), percent("10"), Reading.POINTS)
    one = plan(target(raised, Linear(raised.base)))
    asked = [one.required(one.targets[0], d) for d in (YEAR.start, YEAR.end, date(2027, 5, 1))]
    assert asked == [percent("31.94"), percent("41.94"), percent("41.94")]


def test_nothing_is_required_before_the_period_begins() -> None:
    one = plan(target(AtLeast(Fraction(1)), Step()))
    assert one.required(one.targets[0], date(2025, 12, 31)) is None


@given(on=days_of_2026)
def test_a_step_asks_for_the_whole_goal_from_its_day_on(on: date) -> None:
    one = plan(target(AtLeast(percent("92")), Step(date(2026, 8, 1))))
    assert one.required(one.targets[0], on) == (percent("92") if on >= date(2026, 8, 1) else None)


def test_without_a_path_only_the_last_day_asks() -> None:
    one = plan(target(AtMost(percent("5"))))
    assert one.required(one.targets[0], date(2026, 12, 30)) is None
    assert one.required(one.targets[0], YEAR.end) == percent("5")


@given(on=days_of_2026, goal=st.integers(min_value=1, max_value=50))
def test_a_count_is_required_in_whole_units_that_never_fall(on: date, goal: int) -> None:
    one = plan(target(AtLeast(Fraction(goal)), Linear(Fraction(0)), "count", "law_lectures"))
    required = one.required(one.targets[0], on)
    later = one.required(one.targets[0], min(on + timedelta(days=1), YEAR.end))
    assert required is not None
    assert later is not None
    assert required.denominator == 1
    assert required <= later <= goal


def test_a_period_of_one_day_requires_its_goal() -> None:
    one = plan(target(AtLeast(Fraction(1)), Linear(Fraction(0))), period=Window(YEAR.start, YEAR.start))
    assert one.required(one.targets[0], YEAR.start) == 1


def test_a_reference_given_in_the_plan_is_the_goal_and_a_declared_one_is_waited_for() -> None:
    assert target(Below(reference=percent("12.5"))).goal() == percent("12.5")
    waiting = target(Below(indicator="mean"))
    assert waiting.goal() is None
    assert waiting.goal(percent("9")) == percent("9")
    assert plan(waiting).required(waiting, YEAR.end) is None


@given(value=shares, bar=shares)
def test_a_gap_is_negative_exactly_where_the_bar_is_broken(value: Fraction, bar: Fraction) -> None:
    for rule in (AtLeast(bar), AtMost(bar)):
        assert (rule.gap(value, bar) < 0) is not rule.keeps(value, bar)
    assert Below(bar).keeps(value, bar) is (Below(bar).gap(value, bar) > 0)


def test_the_window_is_the_period_so_far_and_stays_when_it_is_over() -> None:
    one = plan()
    assert one.window(date(2025, 12, 31)) is None
    assert one.window(date(2026, 3, 1)) == Window(YEAR.start, date(2026, 3, 1))
    assert one.window(date(2027, 3, 1)) == YEAR


def test_the_trend_begins_thirteen_weeks_back_but_not_before_the_period() -> None:
    one = plan()
    parts = (date(2026, 8, 25), date(2026, 9, 24), date(2026, 10, 24), date(2026, 11, 24))
    assert one.dates_needed(date(2026, 11, 24)) == parts
    assert one.dates_needed(date(2026, 2, 1)) == (YEAR.start, date(2026, 1, 11), date(2026, 1, 21), date(2026, 2, 1))
    assert one.dates_needed(YEAR.start) == (YEAR.start,)
    assert one.dates_needed(date(2027, 2, 1)) == (YEAR.end,)
    assert one.dates_needed(date(2025, 2, 1)) == ()


def test_the_least_denominator_guards_figures_of_cases_only() -> None:
    one = plan(min_denominator=10)
    assert one.least_denominator("promise_kept_rate") == 10
    assert one.least_denominator("settled_item_share") == 1
    assert one.least_denominator("leader_in_court") == 1


def test_a_target_may_name_its_own_least_denominator() -> None:
    own = Target("t", NAMES, "leader_in_court", "share", AtLeast(Fraction(1)), min_denominator=5)
    assert plan(own, min_denominator=10).least_for(own) == 5


def test_only_targets_of_each_department_bind_departments() -> None:
    each = Target("t", NAMES, "r", "share", AtLeast(Fraction(1)), scope=TargetScope.EACH_DEPARTMENT)
    one = plan(each, departments=(Department("a", NAMES), Department("b", NAMES)))
    assert one.binds(each) == ("a", "b")
    assert one.binds(target(AtLeast(Fraction(1)))) == ()


def test_the_latest_phase_that_runs_is_the_phase_of_a_day() -> None:
    drive = Phase("drive", NAMES, date(2026, 8, 1), date(2026, 12, 31))
    assess = Phase("assess", NAMES, date(2026, 12, 10), date(2027, 3, 31))
    one = plan(phases=(drive, assess))
    assert one.phase_on(date(2026, 12, 1)) == drive
    assert one.phase_on(date(2026, 12, 20)) == assess
    assert one.phase_on(date(2026, 1, 1)) is None


def test_a_day_belongs_to_the_plan_whose_period_holds_it() -> None:
    last = plan(id_="last", period=Window(date(2025, 1, 1), date(2025, 12, 31)))
    this = plan(id_="this")
    other = plan(id_="other", region=222401)
    assert plan_for([last, this, other], 222424, date(2026, 2, 1)) is this
    assert plan_for([last, this, other], 222424, date(2025, 2, 1)) is last
    assert plan_for([last, this], 222401, date(2026, 2, 1)) is None


def test_a_plan_without_successor_is_assessed_to_the_end_of_its_last_dated_phase() -> None:
    assess = Phase("assess", NAMES, date(2026, 12, 10), date(2027, 3, 31))
    forever = Phase("long_term", NAMES, date(2027, 4, 1))
    one = plan(phases=(assess, forever))
    assert plan_for([one], 222424, date(2027, 3, 31)) is one
    assert plan_for([one], 222424, date(2027, 4, 1)) is None
