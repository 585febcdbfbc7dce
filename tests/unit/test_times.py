"""Times as halls write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.contract.validation import _any_time, _microseconds


@given(
    microseconds=st.integers(0, 2_000_000_000_000_000),
    pattern=st.sampled_from(
        [
            "{0}T{1}+08:00",
            "{0}T{1}.{2:03}+08:00",
            "{0}T{1}.{3:06}+08:00",
            "{0}T{1}.{2}Z",
            "{0}t{1}-03:30",
            "{0} {1}+08:00",
        ]
    ),
    cut=st.integers(0, 40),
    put=st.text("0123456789:.+-TtZz ٣", max_size=2),
)
def test_a_time_put_together_from_its_usual_parts_is_the_one_that_is_written(
    microseconds: int, pattern: str, cut: int, put: str
) -> None:
    """Also where something is missing or too much: then both say no."""
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    fraction = microseconds % 1_000_000
    text = pattern.format(moment.date(), moment.time(), fraction // 1000, fraction)
    for written in (text, text[:cut] + put + text[cut + 1 :]):
        assert outcome(_microseconds, written) == outcome(_any_time, written)


def outcome(read: Callable[[str], int], text: str) -> int | None:
    try:
        return read(text)
    except ValueError:
        return None
