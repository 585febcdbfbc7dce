"""Percentiles by nearest rank: the least number that at least so many per cent of all do not exceed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from .measures import DAYS_APART, ELAPSED_BUCKETS

PERCENTS: Mapping[str, int] = {"p50": 50, "p90": 90, "p95": 95}


def percentiles_of(days: Iterable[tuple[int, int]]) -> dict[str, int | None]:
    """From (elapsed days, how many cases took so long), each number of days once, in any order; None without cases."""
    counted = sorted(days)
    place = dict(zip(PERCENTS, _places([cases for _, cases in counted]), strict=True))
    return {name: None if index is None else counted[index][0] for name, index in place.items()}


def percentiles_of_buckets(
    counts: Sequence[int], longer: Callable[[], Iterable[tuple[int, int]]]
) -> dict[str, int | None]:
    """From the elapsed histogram.

    longer: the same as of `percentiles_of` for what took longer than DAYS_APART, where one of them lies there.
    """
    apart = list(zip(ELAPSED_BUCKETS, counts[: DAYS_APART + 1], strict=False))
    if all(index is None or index <= DAYS_APART for index in _places(counts)):
        return percentiles_of([*apart, (DAYS_APART + 1, sum(counts[DAYS_APART + 1 :]))])
    return percentiles_of([*apart, *longer()])


def _places(counts: Sequence[int]) -> Iterable[int | None]:
    """In which of the groups, in rising order, each percentile lies; whole numbers, so that no rank is rounded."""
    everything = sum(counts)
    for percent in PERCENTS.values():
        rank = -(-percent * everything // 100)
        yield _group_of(rank, counts) if everything else None


def _group_of(rank: int, counts: Sequence[int]) -> int:
    passed = 0
    for index, cases in enumerate(counts):
        passed += cases
        if passed >= rank:
            return index
    raise ValueError(f"rank {rank} of {passed}")
