"""The figures before and after an import: cases that took one course are folded once, and come to the same."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest

from hallpulse.contract.events import (
    Accepted,
    CaseOnly,
    Data,
    Decided,
    EventType,
    Extended,
    Rated,
    Received,
    Rejected,
    Suspended,
)
from hallpulse.contract.examples import example
from hallpulse.domain.case import pack_id
from hallpulse.domain.catalogue import ItemRecord, ItemVersion, Timeline, timeline
from hallpulse.domain.workdays import day_of
from hallpulse.store import database
from services.importing.effects import CaseEffects, Step, case_event
from tests.merging import decoded
from tests.shelf import Shelf

HOUR, DAY = 3_600_000_000, 86_400_000_000
START = day_of(date(2026, 3, 2)) * DAY + HOUR


def version(statutory: int | None, promised: int | None, *, instant: bool = False) -> ItemVersion:
    return ItemVersion("甲", "局", "licensing", instant, statutory, promised, True, None, None, None, None)


def catalogue() -> dict[str, Timeline]:
    start = day_of(date(2026, 1, 1))
    changed = [
        ItemRecord("hall", "a", 1, start, version(20, 5)),
        ItemRecord("hall", "b", 2, start + 65, version(20, 2)),
    ]
    return {
        "a": timeline(changed),
        "b": timeline([ItemRecord("hall", "c", 1, start, version(None, None, instant=True))]),
        "late": timeline([ItemRecord("hall", "d", 1, start + 70, version(10, 3))]),
    }


def drawn(dice: random.Random) -> list[Step]:
    """A case's steps, few of its courses alike to the hour, many alike to the day."""
    received = Received(
        "x",
        dice.choice(("a", "b", "late", "unknown")),
        dice.choice(("局", "处")),
        "window",
        unified=dice.choice((True, False, None)),
        statutory_days=dice.choice((None, None, 20)),
        promised_days=dice.choice((None, None, 5, 1)),
    )
    time = START + dice.randrange(4) * DAY
    steps: list[Step] = [(EventType.CASE_RECEIVED, time, received)]
    more: list[tuple[EventType, Data, float]] = [
        (EventType.CASE_ACCEPTED, Accepted("x"), 0.8),
        (EventType.CASE_REJECTED, Rejected("x"), 0.1),
        (EventType.CASE_SUSPENDED, Suspended("x", "hearing"), 0.1),
        (EventType.CASE_EXTENDED, Extended("x", 3), 0.1),
        (EventType.CASE_DECIDED, Decided("x", "granted"), 0.7),
        (EventType.CASE_RATED, Rated("x", dice.choice((1, 5)), automatic=dice.choice((None, True))), 0.4),
        (EventType.CASE_WITHDRAWN, CaseOnly("x"), 0.1),
    ]
    for kind, data, likely in more:
        if dice.random() < likely:
            steps.append((kind, time + dice.randrange(-1, 4) * DAY + dice.randrange(5) * HOUR, data))
    return steps


@pytest.mark.parametrize("seed", range(5))
def test_cases_of_one_course_come_to_what_each_by_itself_does(seed: int) -> None:
    dice = random.Random(seed)
    cases = [drawn(dice) for _ in range(600)]
    workdays, items = Shelf().workdays(), catalogue()
    by_course, one_by_one = CaseEffects(workdays, items), CaseEffects(workdays, items)
    for steps in cases:
        by_course.add_new(steps)
        one_by_one.add((), [case_event(*step) for step in steps])
    assert max(course.cases for course in by_course._courses.values()) > 1
    assert _without_zeros(by_course) == _without_zeros(one_by_one)


def test_what_is_told_between_is_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.importing.effects._MOST_COURSES", 3)
    dice = random.Random(7)
    workdays = Shelf().workdays()
    by_course, one_by_one = CaseEffects(workdays, catalogue()), CaseEffects(workdays, catalogue())
    for steps in (drawn(dice) for _ in range(60)):
        by_course.add_new(steps)
        one_by_one.add((), [case_event(*step) for step in steps])
        assert _without_zeros(by_course) == _without_zeros(one_by_one)


def _without_zeros(effects: CaseEffects) -> dict[Any, int]:
    return {key: amount for key, amount in effects.sums().items() if amount}


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind < EventType.ITEM_PUBLISHED])
def test_an_imported_event_says_to_its_case_what_it_says_once_it_is_stored(kind: EventType) -> None:
    (event,) = decoded([example(kind)])
    stored = database.case_event(event, pack_id(event.id))
    assert case_event(event.type, event.time, event.data, event.id) == stored
