from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import DAYS_APART, ELAPSED_BUCKETS, percentiles_of, percentiles_of_buckets

DAYS = st.lists(st.one_of(st.integers(0, 8), st.integers(0, 120)), max_size=60)


def nearest_rank(days: list[int]) -> dict[str, int | None]:
    """By the definition: in order, the first one that so many per cent of all do not exceed."""
    ordered = sorted(days)
    return {
        f"p{percent}": next(
            (day for place, day in enumerate(ordered, 1) if place * 100 >= percent * len(ordered)), None
        )
        for percent in (50, 90, 95)
    }


def histogram(days: list[int]) -> list[int]:
    counts = [0] * (len(ELAPSED_BUCKETS) + 1)
    for day in days:
        counts[bisect_left(ELAPSED_BUCKETS, day)] += 1
    return counts


@given(DAYS)
def test_percentiles_are_by_nearest_rank(days: list[int]) -> None:
    assert percentiles_of(Counter(days).items()) == nearest_rank(days)


@given(DAYS)
def test_the_histogram_says_them_and_slow_cases_are_counted_only_where_one_lies_there(days: list[int]) -> None:
    asked: list[int] = []

    def longer() -> Iterable[tuple[int, int]]:
        asked.extend(days)
        return Counter(day for day in days if day > DAYS_APART).items()

    wanted = nearest_rank(days)
    assert percentiles_of_buckets(histogram(days), longer) == wanted
    assert bool(asked) == any(value is not None and value > DAYS_APART for value in wanted.values())


def test_up_to_three_days_each_bucket_is_one_number_of_days() -> None:
    assert ELAPSED_BUCKETS[: DAYS_APART + 1] == tuple(range(DAYS_APART + 1))
    assert ELAPSED_BUCKETS[DAYS_APART + 1] != DAYS_APART + 1


def test_no_rank_is_rounded() -> None:
    assert percentiles_of([(1, 19), (2, 1)]) == {"p50": 1, "p90": 1, "p95": 1}
    assert percentiles_of([(1, 18), (2, 2)]) == {"p50": 1, "p90": 1, "p95": 2}
    assert percentiles_of([(1, 95 * 10**15), (2, 5 * 10**15)]) == {"p50": 1, "p90": 1, "p95": 1}
    assert percentiles_of([(1, 95 * 10**15 - 1), (2, 5 * 10**15 + 1)])["p95"] == 2
