"""Thirty cheats of each kind in an honest simulated year of 60,000 cases: what the checks find, and what they leave."""

from __future__ import annotations

import pytest

from bench.cheats import OF_EACH, PRECISION, RECALL, Score, measure, table
from hallpulse.domain.integrity import CHECKS

SEED, CASES = 20260301, 60_000
MOST_IN_AN_HONEST_YEAR = 1


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    found = measure(SEED, CASES)
    print(f"\nSEED={SEED}, {CASES} cases", *table(found), sep="\n")
    return found


def test_nearly_every_planted_cheat_is_found(scores: list[Score]) -> None:
    assert {one.check: one.recall for one in scores if one.recall < RECALL} == {}


def test_little_is_found_that_was_not_planted(scores: list[Score]) -> None:
    assert {one.check: one.precision for one in scores if one.precision < PRECISION} == {}


def test_an_honest_year_gives_next_to_no_finding(scores: list[Score]) -> None:
    assert {one.check: one.before for one in scores if one.before > MOST_IN_AN_HONEST_YEAR} == {}


def test_thirty_of_each_kind_were_planted(scores: list[Score]) -> None:
    assert {one.check for one in scores} == {check.id for check in CHECKS}
    assert {one.check: one.planted for one in scores if one.planted < OF_EACH - 2} == {}
