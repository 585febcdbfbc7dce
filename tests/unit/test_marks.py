"""A figure that gains from cases which a check found is marked, with the figure without them."""

from __future__ import annotations

from hallpulse.domain.figures import Figure
from hallpulse.domain.indicators import COMPUTED, QUESTIONING, TOUCHED, CaseDoubt, Mark, marks_on
from hallpulse.domain.integrity import BY_ID

PRESSED = CaseDoubt("rated_at_once", "satisfaction", "health", 30, 30, 30)
OTHER = CaseDoubt("rated_at_once", "satisfaction", "water", 10, 10, 10)


def test_pressed_fives_mark_the_satisfaction_of_the_region_and_of_their_department() -> None:
    whole = marks_on("satisfaction", Figure(80, 100), [PRESSED, OTHER])
    assert whole == (Mark("rated_at_once", 40, Figure(40, 60)),)
    assert marks_on("satisfaction", Figure(35, 40), [PRESSED, OTHER], "health") == (
        Mark("rated_at_once", 30, Figure(5, 10)),
    )
    assert marks_on("satisfaction", Figure(35, 40), [PRESSED], "water") == ()


def test_a_figure_that_would_be_no_worse_without_them_is_not_marked() -> None:
    assert marks_on("satisfaction", Figure(100, 100), [PRESSED]) == ()
    assert marks_on("promise_kept_rate", Figure(80, 100), [PRESSED]) == ()


def test_every_check_that_questions_a_figure_has_its_cases_and_its_indicator() -> None:
    assert {check for checks in TOUCHED.values() for check in checks} == set(QUESTIONING)
    assert set(QUESTIONING) <= set(BY_ID)
    assert set(TOUCHED) <= set(COMPUTED)
