"""The judges of counted evidence: where each begins to speak, and what chance alone explains."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.catalogue import ItemVersion, Rewritten
from hallpulse.domain.integrity import USUAL, ThresholdsOf
from hallpulse.domain.suspicion import (
    Burst,
    Decision,
    DeclaredNumber,
    HallDay,
    ItemPace,
    Pauses,
    Receipts,
    Withdrawal,
    bunched,
    bursts,
    came_back,
    eve_units,
    far_promises,
    is_rescued,
    late_halls,
    tail,
    uncounted,
)

REGION = 222424
USUALLY = ThresholdsOf()


def pace(promised: int, p90: int, decided: int = 20, on_due: int = 0, late: int = 0) -> ItemPace:
    return ItemPace(REGION, "A-1", "housing", promised, decided, p90, on_due, late)


@pytest.mark.parametrize(
    ("one", "far"),
    [
        (pace(10, 9), False),
        (pace(10, 11, late=3), False),
        (pace(10, 15, late=8), True),
        (pace(10, 15, late=2), False),
        (pace(10, 5), True),
        (pace(10, 6), False),
        (pace(4, 1), False),
        (pace(15, 4, decided=9), False),
    ],
)
def test_a_promise_is_far_by_days_and_not_by_a_day(one: ItemPace, far: bool) -> None:
    assert bool(far_promises([one], USUALLY)) is far


def test_a_plan_says_from_how_many_days_on_a_promise_is_far() -> None:
    told = ThresholdsOf({REGION: replace(USUAL, promise_days=3)})
    assert far_promises([pace(6, 3)], told)
    assert not far_promises([pace(6, 3)], USUALLY)


def test_decisions_are_bunched_where_most_are_on_the_last_day() -> None:
    assert [bool(bunched([pace(5, 5, 20, on_due)], USUALLY)) for on_due in (11, 12)] == [False, True]
    assert bunched([pace(2, 2, 20, 20)], USUALLY) == []


def test_a_unit_that_suspends_on_the_eve_is_told_from_chance() -> None:
    def found(limit: int, suspended: int, on_eve: int) -> bool:
        return bool(eve_units([Pauses(REGION, "main", "ecology", limit, suspended, on_eve)], USUALLY))

    assert found(10, 12, 9)
    assert not found(10, 30, 9)
    assert not found(3, 12, 9)


@given(st.integers(1, 30), st.fractions(0, 1))
def test_the_tail_of_no_hits_is_certain_and_falls(times: int, chance: Fraction) -> None:
    tails = [tail(times, hits, chance) for hits in range(times + 1)]
    assert tails[0] == 1
    assert tails == sorted(tails, reverse=True)


def test_ratings_of_one_minute_are_a_burst_of_that_day() -> None:
    minutes = [Burst(REGION, "main", 10, 600, 12), Burst(REGION, "main", 10, 601, 10), Burst(REGION, "main", 11, 5, 9)]
    (row,) = bursts(minutes, USUALLY)
    assert (row["day"], row["ratings"], row["minutes"]) == (10, 22, 2)


def test_a_hall_that_is_always_late_has_a_habit_and_no_finding() -> None:
    days = [HallDay(REGION, "main", day, 40, 40) for day in range(60)]
    assert late_halls(days, 0, 59, USUALLY) == []


def test_days_later_than_the_habit_are_one_stretch_over_a_weekend() -> None:
    days = [HallDay(REGION, "main", day, 40, 40 if day in (30, 31, 34) else 1) for day in range(60)]
    (row,) = late_halls(days, 0, 59, USUALLY)
    assert (row["first_day"], row["last_day"], row["events"], row["of"]) == (30, 34, 120, 120)
    assert late_halls(days, 0, 20, USUALLY) == []


def test_a_hall_without_a_habit_is_held_against_the_threshold() -> None:
    assert late_halls([HallDay(REGION, "new", 3, 10, 2)], 0, 9, USUALLY) != []
    assert late_halls([HallDay(REGION, "new", 3, 100, 2)], 0, 9, USUALLY) == []


def test_each_receipt_answers_one_withdrawal() -> None:
    gone = [Withdrawal(REGION, "main", "A-1", "housing", 0, day) for day in (10, 11, 12)]

    def back(days: list[int]) -> bool:
        return bool(came_back(gone, [Receipts(REGION, "main", "A-1", days)], USUALLY))

    assert back([0, 0, 0, 11, 12, 13])
    assert not back([0, 0, 0, 11, 12])
    assert not back([11, 12, 20, 0, 0, 0])
    assert not back([11, 12, 13, *range(100, 130)])


def said(numbers: list[tuple[int, int | None]]) -> list[DeclaredNumber]:
    return [
        DeclaredNumber(REGION, "rate", "justice", f"2026-{month:02}", *pair) for month, pair in enumerate(numbers, 1)
    ]


def test_numbers_that_repeat_or_are_round_do_not_look_counted() -> None:
    (repeated,) = uncounted(said([(19, 20), (37, 41), (95, 100), (95, 100), (95, 100), (95, 100)]), USUALLY)
    (round_,) = uncounted(said([(55, 60), (70, 80), (45, 50), (110, 120), (90, 95), (65, 70)]), USUALLY)
    assert (repeated["why"], round_["why"]) == ("repeated", "round")


def test_small_numbers_and_counted_ones_are_left_alone() -> None:
    assert uncounted(said([(1, 1)] * 12), USUALLY) == []
    assert uncounted(said([(0, 0)] * 12), USUALLY) == []
    assert uncounted(said([(31, 33), (27, 29), (44, 47), (38, 38), (29, 31), (52, 56)]), USUALLY) == []


def moment_of(day: int) -> int:
    return (day * 24 - 8) * 3_600_000_000


def version(promised: int | None) -> ItemVersion:
    return ItemVersion("取水许可", "water", "licensing", False, 20, promised, *(None,) * 5)


CHANGE = Rewritten(100, 200, moment_of(90), moment_of(130), version(5), version(10))
DECISION = Decision(accepted=110, decided=120, came=moment_of(121), elapsed=8, promised_days=10, extended=0)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, True),
        ({"elapsed": 5}, False),
        ({"extended": 3}, False),
        ({"accepted": 99}, False),
        ({"accepted": 200}, False),
        ({"promised_days": 9}, False),
        ({"decided": 130, "came": moment_of(131)}, False),
        ({"decided": 80, "came": moment_of(81)}, False),
        ({"decided": 80, "came": moment_of(129)}, True),
        ({"decided": 80, "came": None}, False),
    ],
)
def test_a_case_is_rescued_only_by_a_limit_that_it_needed_and_that_came_afterwards(
    more: dict[str, Any], found: bool
) -> None:
    assert is_rescued(DECISION._replace(**more), CHANGE) == found


def test_where_no_promise_was_known_none_was_changed() -> None:
    assert not is_rescued(DECISION, CHANGE._replace(known=version(None)))
