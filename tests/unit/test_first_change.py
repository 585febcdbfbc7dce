"""From which day on another version of an item holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.catalogue import ItemRecord, ItemVersion, Timeline, first_change, span_on, timeline

DAYS = st.integers(0, 30)


def version(promised: int) -> ItemVersion:
    return ItemVersion("事项", "dept", "licensing", False, 20, promised, True, True, True, False, False)


RECORDS = st.builds(
    lambda number, day, promised: ItemRecord("hall", f"e{number}", number, day, promised and version(promised)),
    st.integers(0, 9),
    DAYS,
    st.none() | st.integers(1, 3),
)


@given(st.lists(RECORDS, max_size=6), st.lists(RECORDS, max_size=6))
def test_before_it_every_day_has_the_same_version_and_on_it_another(
    old: list[ItemRecord], new: list[ItemRecord]
) -> None:
    before, after = timeline(old), timeline(new)
    differing = [day for day in range(-1, 40) if _version(before, day) != _version(after, day)]
    assert first_change(before, after) == (differing[0] if differing else None)


def _version(spans: Timeline, day: int) -> ItemVersion | None:
    span = span_on(spans, day)
    return span and span.version


def test_the_same_version_said_by_another_event_touches_no_case() -> None:
    said = [ItemRecord("hall", name, 1, 5, version(3)) for name in ("a", "b")]
    assert timeline(said[:1]) != timeline(said[1:])
    assert first_change(timeline(said[:1]), timeline(said[1:])) is None
