"""Bad ratings: whose answer counts, and how many working days it took."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hallpulse.domain.ratings import BadRating, waiting_days
from hallpulse.domain.workdays import Workdays

FRIDAY = date(2026, 8, 7)


def rated(answered: date | None) -> BadRating:
    return BadRating(222424, "hall-1", "case-1", "item-1", "justice", FRIDAY, 1, True, True, answered)


@pytest.mark.parametrize(("later", "days"), [(0, 0), (1, 0), (3, 1), (7, 5), (-2, 0)])
def test_the_days_of_an_answer_are_the_working_days_after_the_rating(later: int, days: int) -> None:
    answered = FRIDAY + timedelta(days=later)
    assert waiting_days(rated(answered), FRIDAY + timedelta(days=60), Workdays({})) == days


def test_without_an_answer_they_run_to_today() -> None:
    assert waiting_days(rated(None), FRIDAY + timedelta(days=10), Workdays({})) == 6
    assert waiting_days(rated(None), FRIDAY, Workdays({})) == 0
