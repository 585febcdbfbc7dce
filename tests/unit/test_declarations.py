"""What a declared figure must be to count, by the plans over its region."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN, Declaration, fault_of, plans_over
from hallpulse.domain.figures import Window, period_window
from hallpulse.domain.plan import DeclaredIndicator, Department, Names, Plan

NAMES = Names("名", "name")
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
LOST = DeclaredIndicator("lost", NAMES, "share", ("month",))
LECTURES = DeclaredIndicator("lectures", NAMES, "count", ("month", "year"))
PLAN = Plan(
    "p", 222424, NAMES, "文", YEAR, (), departments=(Department("a", NAMES), Department("b", NAMES)),
    indicators=(LOST, LECTURES),
)  # fmt: skip
RIGHT = Declaration(222424, "lost", "a", period_window("2026-05"), 1, 5, date(2026, 6, 3))


def found(**changed: object) -> tuple[str, str] | None:
    fault = fault_of([PLAN], replace(RIGHT, **changed))  # type: ignore[arg-type]
    return None if fault is None else (fault.finding, fault.field)


def test_a_figure_of_the_plan_counts() -> None:
    assert found() is None
    assert found(department="") is None
    assert found(indicator="lectures", denominator=None) is None
    assert found(indicator="lectures", denominator=None, window=YEAR) is None


def test_none_in_this_period_is_a_report() -> None:
    assert found(numerator=0, denominator=0) is None


@pytest.mark.parametrize(
    ("changed", "finding", "field"),
    [
        ({"numerator": 9}, IMPOSSIBLE, "numerator"),
        ({"numerator": -7}, IMPOSSIBLE, "numerator"),
        ({"denominator": -5}, IMPOSSIBLE, "denominator"),
        ({"numerator": 1, "denominator": 0}, IMPOSSIBLE, "numerator"),
        ({"denominator": None}, IMPOSSIBLE, "denominator"),
        ({"indicator": "lectures"}, IMPOSSIBLE, "denominator"),
        ({"window": YEAR}, IMPOSSIBLE, "period"),
        ({"window": period_window("2026-05-04")}, IMPOSSIBLE, "period"),
        ({"window": period_window("2026-07")}, IMPOSSIBLE, "period"),
        ({"window": period_window("2025-12")}, UNKNOWN, "period"),
        ({"window": period_window("2027-01")}, UNKNOWN, "period"),
        ({"indicator": "made_up"}, UNKNOWN, "indicator"),
        ({"indicator": "satisfaction"}, UNKNOWN, "indicator"),
        ({"department": "c"}, UNKNOWN, "department"),
        ({"region": 222401}, UNKNOWN, "period"),
    ],
)
def test_what_cannot_be_right_says_what_was_expected(changed: dict[str, object], finding: str, field: str) -> None:
    assert found(**changed) == (finding, field)
    fault = fault_of([PLAN], replace(RIGHT, **changed))  # type: ignore[arg-type]
    assert fault is not None
    assert fault.zh
    assert fault.en.startswith("expected")


def test_the_period_may_be_the_one_that_runs() -> None:
    assert found(window=period_window("2026-06"), arrived=date(2026, 6, 1)) is None
    assert found(window=period_window("2026-06"), arrived=date(2026, 5, 31)) == (IMPOSSIBLE, "period")


def test_a_plan_above_the_county_names_indicators_and_departments_too() -> None:
    province = replace(PLAN, id="above", region=220000)
    assert list(plans_over([PLAN, province], 222401)) == [province]
    assert fault_of([province], replace(RIGHT, region=222401)) is None
    assert fault_of([replace(PLAN, region=222400)], replace(RIGHT, region=222401)) is None
    assert fault_of([replace(PLAN, region=222400)], replace(RIGHT, region=222301)) is not None


@given(numerator=st.integers(-3, 9), denominator=st.none() | st.integers(-3, 9))
def test_of_two_plans_one_that_takes_a_figure_is_enough(numerator: int, denominator: int | None) -> None:
    said = replace(RIGHT, numerator=numerator, denominator=denominator)
    counting = replace(PLAN, region=222400, indicators=(replace(LOST, unit="count"),))
    single = [fault_of([plan], said) is None for plan in (PLAN, counting)]
    assert (fault_of([PLAN, counting], said) is None) is any(single)
