"""Percentiles by nearest rank: the least number that at least so many per cent of all do not exceed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .measures import ELAPSED_BUCKETS

PERCENTS: Mapping[str, int] = {"p50": 50, "p90": 90, "p95": 95}


def percentiles_of(days: Iterable[tuple[int, int]]) -> dict[str, int | None]:
    """From (elapsed days, how many cases took so long), each number of days once, in any order; None without cases."""
    counted = sorted(days)
    place = dict(zip(PERCENTS, _places([cases for _, cases in counted]), strict=True))
    return {name: None if index is None else counted[index][0] for name, index in place.items()}


def percentiles_of_buckets(counts: Sequence[int]) -> dict[str, int | None] | None:
    """From the elapsed histogram; None where one of them lies in a bucket of more than one number of days."""
    places = list(_places(counts))
    if any(index is not None and not _is_one_number(index) for index in places):
        return None
    values = [None if index is None else ELAPSED_BUCKETS[index] for index in places]
    return dict(zip(PERCENTS, values, strict=True))


def _is_one_number(bucket: int) -> bool:
    """Elapsed days are never negative, so that the first bucket holds 0 alone."""
    if bucket >= len(ELAPSED_BUCKETS):
        return False
    return bucket == 0 or ELAPSED_BUCKETS[bucket] - ELAPSED_BUCKETS[bucket - 1] == 1


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
