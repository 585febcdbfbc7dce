"""Which refused events the filters of `hallpulse refused` take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hallpulse.broker.replay import RefusedEvent
from services.console.refusals.choice import Choice

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
EVENT = RefusedEvent(
    "id", 1, b"", reason="bad-time", field="", detail="", source="/222424/hall-1", refused_at=AT.isoformat(),
    routing_key="222424.hall-1.case", user="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(reason="bad-time"), True),
        (Choice(reason="not-json"), False),
        (Choice(source="/222424/hall-1"), True),
        (Choice(source="/222424/hall-2"), False),
        (Choice(region=222424), True),
        (Choice(region=222400), True),
        (Choice(region=220000), True),
        (Choice(region=222401), False),
        (Choice(region=222500), False),
        (Choice(hall="hall-1"), True),
        (Choice(hall="hall"), False),
        (Choice(region=222424, hall="hall-1", reason="bad-time", since=AT), True),
        (Choice(since=AT.replace(minute=31)), False),
        (Choice(until=AT.replace(minute=31)), True),
        (Choice(until=AT), False),
    ],
)
def test_every_filter_that_is_given_must_hold(choice: Choice, taken: bool) -> None:
    assert list(choice.of([EVENT])) == [EVENT] * taken


def test_who_sent_it_is_told_by_the_routing_key_and_not_by_what_the_event_says() -> None:
    forged = replace(EVENT, source="/222401/hall-9")
    assert list(Choice(region=222424, hall="hall-1").of([forged])) == [forged]
    assert list(Choice(hall="hall-9").of([forged])) == []
    without = replace(forged, routing_key="")
    assert list(Choice(region=222401, hall="hall-9").of([without])) == [without]


@pytest.mark.parametrize("key", ["", "x", "222424", "１２２４２４.hall-1.case", "22242.hall-1.case", "..."])
def test_what_came_from_nowhere_is_of_no_region(key: str) -> None:
    nowhere = replace(EVENT, routing_key=key, source="")
    assert list(Choice().of([nowhere])) == [nowhere]
    assert list(Choice(region=222424).of([nowhere])) == ([nowhere] if key == "222424" else [])


def test_an_event_without_a_readable_time_is_of_no_time() -> None:
    assert list(Choice(since=AT).of([replace(EVENT, refused_at="then")])) == []


def test_no_more_than_the_limit_is_taken() -> None:
    assert len(list(Choice(limit=2).of([EVENT] * 5))) == 2
    assert len(list(Choice(limit=2).all_of([EVENT] * 5))) == 5
