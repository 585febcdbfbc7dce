"""The oracle itself: what its streams hold, and the readings that the worked data says nothing about."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest

from hallpulse.contract.events import WIRE_NAMES
from tests.merging import decoded
from tests.oracle import brute
from tests.oracle.eventset import distinct
from tests.oracle.streams import stream

REGION = "222424"
YEAR = (date(2026, 1, 1), date(2026, 12, 31))
TODAY = date(2026, 11, 20)
FLAGS = {
    "decided_before_accepted", "accepted_after_decided", "resumed_without_suspension", "suspended_twice",
    "unknown_item", "promised_over_statutory", "limit_looks_like_none", "long_suspension", "decided_and_withdrawn",
    "decided_after_rejection", "accepted_and_rejected", "rated_undecided", "accepted_before_received",
    "suspended_on_eve", "rated_at_once", "repeated_without_correction", "corrects_nothing",
}  # fmt: skip


def event(kind: str, day: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": f"{kind}-{day}-{data.get('revision', '')}{data.get('department', '')}",
        "source": f"/{REGION}/hall-1", "type": f"hall.{kind}.v1", "time": f"{day}T09:00:00+08:00", "data": data,
    }  # fmt: skip


def received(day: str, **data: Any) -> dict[str, Any]:
    more = {"item_code": "i", "department": "d", "channel": "window", **data}
    return event("case.received", day, case_id="c", **more)


def step(what: str, day: str, **data: Any) -> dict[str, Any]:
    return event(f"case.{what}", day, case_id="c", **data)


def figure(period: str, numerator: int, **data: Any) -> dict[str, Any]:
    made = event(
        "figure.reported",
        "2026-05-05",
        indicator="law_lectures",
        period=period,
        revision=0,
        numerator=numerator,
        **data,
    )
    return {**made, "id": f"{made['id']}-{period}"}


def test_a_stream_is_the_same_for_one_seed_and_has_so_many_events() -> None:
    assert stream(3, 700) == stream(3, 700)
    assert stream(3, 700) != stream(4, 700)
    assert (len(stream(3, 700)), len(distinct(stream(3, 700)))) == (700, 630)


def test_a_stream_is_valid_and_repeats_an_id_only_with_the_same_content() -> None:
    seen: dict[Any, Any] = {}
    for hall_event in decoded(stream(5, 4000)):
        first = seen.setdefault((hall_event.region, hall_event.hall, hall_event.id), hall_event)
        assert first.same_content(hall_event)


def test_a_stream_has_every_type_every_flag_and_every_open_state() -> None:
    events = stream(1, 10_000)
    reading = brute.read(events)
    assert {event["type"] for event in events} == set(WIRE_NAMES.values())
    flags = Counter(flag for case in reading.cases for flag in case.get("flags", ()))
    assert set(flags) == FLAGS
    assert min(brute.open_states(reading, "222400", TODAY).values()) > 0
    assert {tally["clashes"] for tally in reading.tallies} == {True, False}
    assert len({name for name, figure in brute.indicators(reading, REGION, *YEAR).items() if figure[1]}) == 24


def test_a_suspension_open_at_the_decision_ends_there_and_the_due_day_runs_on() -> None:
    events = [
        received("2026-03-02", promised_days=5),
        step("suspended", "2026-03-03", procedure="hearing"),
        step("decided", "2026-03-05", outcome="granted"),
        step("resumed", "2026-03-09"),
    ]
    (case,) = brute.cases(events)
    assert (case["elapsed"], case["due"]) == (1, date(2026, 3, 11))


def test_a_retraction_of_a_retraction_has_no_effect() -> None:
    decided = step("decided", "2026-03-05", outcome="granted")
    retracted = step("retracted", "2026-03-06", event_id=decided["id"])
    events = [received("2026-03-02"), decided, retracted, step("retracted", "2026-03-07", event_id=retracted["id"])]
    assert brute.cases(events)[0]["decided"] is None


@pytest.mark.parametrize(
    ("later", "state"),
    [
        ([], "unaccepted_late"),
        ([step("supplement_requested", "2026-03-09")], "on_time"),
        ([step("supplement_requested", "2026-03-10")], "unaccepted_late"),
        ([step("accepted", "2026-03-10")], "on_time"),
        ([step("accepted", "2026-03-02", promised_days=7)], "due_soon"),
        ([step("accepted", "2026-03-02", promised_days=5)], "overdue"),
        ([step("suspended", "2026-03-02", procedure="other"), step("accepted", "2026-03-02")], "suspended"),
    ],
)
def test_an_open_case_is_in_one_state(later: list[dict[str, Any]], state: str) -> None:
    states = brute.open_states([received("2026-03-02"), *later], REGION, date(2026, 3, 10))
    assert states == dict.fromkeys(states, 0) | {state: 1}


@pytest.mark.parametrize(
    ("reported", "total"),
    [
        ([figure("2026", 9), figure("2026-01", 4, department="a"), figure("2026-02", 4)], 9),
        ([figure("2026", 9, department="a"), figure("2026-01", 4, department="a")], 9),
        ([figure("2026", 9, department="a"), figure("2026-01", 4, department="b")], 13),
        ([figure("2026-01", 9), figure("2026-01", 4, department="a"), figure("2026-02", 4, department="a")], 13),
        ([figure("2027", 9), figure("2025-12", 9)], None),
    ],
)
def test_no_declared_figure_is_added_twice(reported: list[dict[str, Any]], total: int | None) -> None:
    found = brute.indicators(reported, REGION, *YEAR).get("law_lectures")
    assert found == (None if total is None else (total, 1))


def test_percentiles_are_nearest_rank() -> None:
    events = [received("2026-03-02"), step("decided", "2026-03-05", outcome="granted")]
    assert brute.percentiles(events, REGION, *YEAR) == {"p50": 3, "p90": 3, "p95": 3}
    assert brute.percentiles([], REGION, *YEAR) == {"p50": None, "p90": None, "p95": None}
