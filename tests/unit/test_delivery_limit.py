"""Which limit follows from argument and policies, by version, and what ingest says of it."""

from __future__ import annotations

import math

import pytest

from hallpulse.broker.management import Kept, limit_of
from services.ingest.watches import line_of


@pytest.mark.parametrize(
    ("said", "major", "limit"),
    [
        ([], 3, math.inf),
        ([], 4, 20),
        ([-1], 4, math.inf),
        ([-1], 3, 0),
        ([-1, -1], 4, math.inf),
        ([-1, 50], 4, 50),
        ([5, 50], 4, 5),
        ([5, 50], 3, 5),
    ],
)
def test_the_limit_in_force_is_the_brokers_own_reckoning(said: list[int], major: int, limit: float) -> None:
    assert limit_of(said, major) == limit


def test_what_may_be_dropped_is_told_by_queue_and_whether_it_is_kept_then() -> None:
    assert line_of({"hall.ingest.0": Kept(math.inf, caught=True), "hall.refused": Kept(math.inf, caught=False)}) == ""
    line = line_of({"a": Kept(20, caught=True), "b": Kept(3, caught=False), "c": Kept(None, caught=False)})
    assert "a (after 20 times, then kept in hall.refused), b (after 3 times, lost then)" in line
    assert "cannot be known of c" in line
