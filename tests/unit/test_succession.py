"""Codes that end or are split: what counts under which code, what can be declared, what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.contract.ended import beginning, refusal_of
from hallpulse.contract.events import EventType
from hallpulse.contract.reasons import Reason
from hallpulse.domain.catalogue import ItemRecord, ItemVersion, span_on, timeline
from hallpulse.domain.figures import Window
from hallpulse.domain.succession import (
    Ended,
    Succession,
    ended_codes,
    fault_of,
    predecessors,
    sources_in_force,
    windows_with,
)
from tests.hall_events import accepted, changed

JULY = date(2026, 7, 1)
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))


def change(region: int, successor: int, day: date = JULY, *, ends: bool = True) -> Succession:
    return Succession(region, successor, day, ends, "吉政函〔2026〕1号", "撤县设区")


MERGED = [change(222401, 222424), change(222402, 222424)]
SPLIT = [change(222401, 222499, ends=False)]


def test_a_code_that_several_were_merged_into_has_them_over_the_whole_window() -> None:
    assert ended_codes(MERGED)[222402] == Ended(JULY, (222424,), "吉政函〔2026〕1号")
    assert windows_with(MERGED, 222424, YEAR) == {222424: YEAR, 222401: YEAR, 222402: YEAR}
    assert windows_with(MERGED, 222401, YEAR) == {222401: YEAR}


def test_a_code_that_goes_on_counts_for_the_part_only_until_the_day_before() -> None:
    assert windows_with(SPLIT, 222499, YEAR) == {222499: YEAR, 222401: Window(YEAR.start, date(2026, 6, 30))}
    after = Window(JULY, YEAR.end)
    assert windows_with(SPLIT, 222499, after) == {222499: after}
    assert sources_in_force(SPLIT, 222499) == [222401]
    assert sources_in_force(MERGED, 222424) == []


def test_predecessors_of_predecessors_count_and_a_part_that_came_back_is_no_circle() -> None:
    chain = [*SPLIT, change(222499, 222424, date(2026, 9, 1))]
    assert predecessors(chain, 222424) == {222499: None, 222401: date(2026, 6, 30)}
    back = [*SPLIT, change(222499, 222401, date(2026, 9, 1))]
    assert predecessors(back, 222401) == {222499: None}


@pytest.mark.parametrize(
    ("known", "new", "fault"),
    [
        ([], [change(222400, 222424)], "codes of counties"),
        ([], [change(222401, 222401)], "another code"),
        (MERGED, [change(222401, 222403)], "ended on 2026-07-01 already"),
        (MERGED, [change(222403, 222401, date(2026, 8, 1))], "expected a code in force"),
        (SPLIT, [change(222401, 222499, date(2026, 8, 1), ends=False)], "succeeds it already"),
        (SPLIT, [change(222401, 222403, date(2026, 6, 1))], "has a part in a change"),
        (MERGED, [change(222424, 222403, date(2026, 6, 1))], "has a part in a change"),
        (MERGED, [change(222424, 222403, date(2026, 8, 1))], None),
        (SPLIT, [change(222401, 222403, date(2026, 8, 1))], None),
        ([], [change(222401, 222403), change(222401, 222404)], None),
    ],
)
def test_what_contradicts_an_earlier_change_cannot_be_declared(
    known: list[Succession], new: list[Succession], fault: str | None
) -> None:
    found = fault_of(known, new)
    assert found is None if fault is None else fault in str(found)


_CODES = st.sampled_from([222401, 222402, 222403, 222404, 222405])
_DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
_CHANGES = st.lists(
    st.builds(lambda a, b, day, ends: change(a, b, day, ends=ends), _CODES, _CODES, _DAYS, st.booleans()), max_size=8
)


def declared(wanted: list[Succession]) -> list[Succession]:
    """Those that can be declared one after the other."""
    known: list[Succession] = []
    for one in wanted:
        if fault_of(known, [one]) is None:
            known.append(one)
    return known


@given(_CHANGES, _CODES, _DAYS, _DAYS)
def test_parts_lie_in_the_window_and_a_code_that_ended_has_all_of_it_where_every_way_to_it_ended(
    wanted: list[Succession], region: int, one: date, other: date
) -> None:
    known, window = declared(wanted), Window(min(one, other), max(one, other))
    found = windows_with(known, region, window)
    assert found[region] == window
    assert region not in predecessors(known, region)
    for code, part in found.items():
        assert window.start == part.start <= part.end <= window.end
        if part.end < window.end:
            assert any(not c.ends and c.day == part.end + timedelta(days=1) for c in known), code
    direct = {c.region for c in known if c.successor == region and c.ends and c.region != region}
    assert all(found[code] == window for code in direct)


VERSION = ItemVersion("n", "d", "licensing", False, 5, 3, True, None, None, None, None)
_RECORDS = st.lists(
    st.builds(
        lambda n, time, day, there: ItemRecord("hall-1", f"e{n}", time, day, VERSION if there else None),
        st.integers(0, 99), st.integers(0, 9), st.integers(0, 30), st.booleans(),
    ),
    max_size=8,
)  # fmt: skip


@given(_RECORDS, st.integers(0, 31))
def test_before_the_end_a_timeline_is_as_ever_and_from_then_on_there_is_nothing(
    records: list[ItemRecord], ended: int
) -> None:
    whole, cut = timeline(records), timeline(records, ended)
    for day in range(32):
        assert span_on(cut, day) is None if day >= ended else _version(cut, day) == _version(whole, day)


def _version(spans: Any, day: int) -> Any:
    span = span_on(spans, day)
    return None if span is None else (span.version, span.hall, span.id)


ENDED = {222424: Ended(date(2023, 3, 2), (222499, 222401), "吉政函〔2026〕1号")}
EVE, DAY = "2023-03-01T23:59:59+08:00", "2023-03-01T16:00:00Z"
"""The last second before 2 March in Shanghai, and the first of that day."""


@pytest.mark.parametrize(
    ("kind", "data", "time", "is_refused"),
    [
        (EventType.CASE_RECEIVED, {}, EVE, False),
        (EventType.CASE_RECEIVED, {}, DAY, True),
        (EventType.CASE_ACCEPTED, {}, DAY, False),
        (EventType.CASE_DECIDED, {}, DAY, False),
        (EventType.CASE_RATED, {}, DAY, False),
        (EventType.CASE_RETRACTED, {}, DAY, False),
        (EventType.HEARTBEAT, None, DAY, False),
        (EventType.ITEM_PUBLISHED, {"effective_from": "2023-03-01"}, DAY, False),
        (EventType.ITEM_PUBLISHED, {"effective_from": "2023-03-02"}, EVE, True),
        (EventType.ITEM_RETIRED, {"effective_from": "2023-03-02"}, EVE, True),
        (EventType.TALLY_REPORTED, {"date": "2023-03-01"}, DAY, False),
        (EventType.TALLY_REPORTED, {"date": "2023-03-02"}, DAY, True),
        (EventType.FIGURE_REPORTED, {"period": "2023-03"}, DAY, False),
        (EventType.FIGURE_REPORTED, {"period": "2023-03-02"}, DAY, True),
    ],
)
def test_what_begins_on_the_day_is_refused_and_what_goes_on_is_taken(
    kind: EventType, data: dict[str, Any] | None, time: str, is_refused: bool
) -> None:
    event = accepted(changed(kind, data, time=time, source="/222424/hall-1"))
    refusal = refusal_of(event, ENDED)
    assert (refusal is not None) == is_refused
    if refusal is not None:
        assert refusal.reason is Reason.REGION_ENDED
        assert "222499 or 222401" in refusal.detail
        assert "2023-03-02" in refusal.detail
        assert "吉政函〔2026〕1号" in refusal.detail
        assert refusal_of(event, {222401: ENDED[222424]}) is None
        assert beginning(event) == date(2023, 3, 2)
