"""What proves that a build or a clock is at fault, and what no hall can prove."""

from __future__ import annotations

import pytest

from hallpulse.contract.events import EventType, HallEvent, Received
from services.ingest.trial import check_build, check_clock
from services.ingest.worker import RefusalsOverLimit
from tests.hall_events import DAY, NOW

PHONE = "13812345678"
"""A case's id that this version refuses, and an earlier one may have taken."""


def stored(hall: str, case_id: str, time: int = NOW) -> HallEvent:
    data = Received(case_id=case_id, item_code="item-1", department="justice", channel="window")
    return HallEvent(222424, hall, f"{hall}-{case_id}", EventType.CASE_RECEIVED, time, data)


def test_a_build_that_takes_what_is_stored_goes_on() -> None:
    check_build([stored(hall, f"case-{n}") for hall in "ab" for n in range(5)], NOW)
    check_build([], NOW)


def test_a_build_that_refuses_what_every_hall_has_stored_is_stopped() -> None:
    with pytest.raises(RefusalsOverLimit, match=r"of every hall \(2\); reasons: personal-data 2;"):
        check_build([stored(hall, PHONE) for hall in "ab"], NOW)


@pytest.mark.parametrize("n", range(2, 11))
def test_one_hall_whose_stored_events_are_taken_is_enough_however_many_are_not(n: int) -> None:
    for k in range(1, n):
        check_build([stored(f"hall-{i}", PHONE if i < k else "case-1") for i in range(n)], NOW)


def test_some_that_are_refused_of_a_hall_prove_nothing() -> None:
    check_build([stored("a", PHONE), stored("a", "case-1")], NOW)


def test_a_clock_behind_what_every_hall_has_stored_is_stopped() -> None:
    with pytest.raises(RefusalsOverLimit, match=r"every hall lies 3\.0 days ahead"):
        check_clock([NOW + 3 * DAY, NOW + 4 * DAY], NOW)
    with pytest.raises(RefusalsOverLimit, match="time-in-future"):
        check_build([stored("a", "case-1", NOW + 2 * DAY)], NOW)


def test_halls_whose_clocks_run_ahead_stop_nothing_while_one_does_not() -> None:
    check_clock([NOW + 30 * DAY, NOW + 30 * DAY, NOW], NOW)
    check_clock([NOW + DAY], NOW)
    check_clock([], NOW)
