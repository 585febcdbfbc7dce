"""The store against a brute-force reading of the domain page over the set of events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from hallpulse.domain.calendar import Calendar
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.store import CaseFilter, Store
from hallpulse.store.reading.conditions import ITEM_PARTS, PARTS
from tests.merging import decoded, merge_all, merge_by_workers
from tests.oracle import brute
from tests.oracle.streams import stream

SEED, EVENTS = 20, 10_000
TODAY = date(2026, 11, 24)
REGIONS = ("222424", "222401", "222400", "220000")
WINDOWS = (
    Window(date(2026, 1, 1), date(2026, 12, 31)),
    Window(date(2026, 3, 1), date(2026, 8, 31)),
    Window(date(2026, 2, 11), date(2026, 9, 20)),
    Window(date(2026, 5, 9), date(2026, 5, 12)),
    Window(date(2026, 6, 15), date(2026, 6, 15)),
    Window(date(2026, 4, 20), date(2026, 5, 3)),
)


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return stream(SEED, EVENTS)


@pytest.fixture(scope="module")
def reading(events: list[dict[str, Any]]) -> Any:
    return brute.read(events)


def scopes(events: list[dict[str, Any]]) -> Iterator[tuple[str, str | None, str | None]]:
    """Every region, and of the counties every department and hall, the roll-ups of both too."""
    departments = sorted({name for e in events if (name := e.get("data", {}).get("department"))})
    halls = sorted({e["source"].split("/")[2] for e in events})
    for region in REGIONS:
        yield region, None, None
        yield from ((region, department, None) for department in departments)
        yield from ((region, None, hall) for hall in halls)


def wrong(store: Store, events: list[dict[str, Any]], reading: Any, windows: tuple[Window, ...] = WINDOWS) -> list[str]:
    """Every difference between the store and the brute force, in words."""
    found = []
    for region, department, hall in scopes(events):
        scope = Scope(int(region), department, hall)
        for window in windows:
            expected = brute.indicators(reading, region, window.start, window.end, department=department, hall=hall)
            differences = brute.compare(expected, store.figures(scope, window))
            found += [f"{scope} {window}: {difference}" for difference in differences]
    return found


def shuffled(events: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    copy = list(events)
    random.Random(seed).shuffle(copy)
    return copy


@pytest.mark.parametrize("batch", [7, 400, 20_000])
def test_figures_are_the_brute_force_ones_whatever_the_order_and_the_batch(
    store: Store, events: list[dict[str, Any]], reading: Any, batch: int
) -> None:
    part = events if batch > 7 else events[:2000]
    merge_all(store, decoded(shuffled(part, batch)), batch)
    assert wrong(store, part, reading if batch > 7 else brute.read(part)) == []
    assert store.recompute(check=True) == []


def test_four_workers_at_once_come_to_the_same_figures(
    store: Store, store_url: str, events: list[dict[str, Any]], reading: Any
) -> None:
    merge_by_workers(store_url, decoded(shuffled(events, 4)), workers=4, batch=150)
    assert wrong(store, events, reading) == []
    assert store.recompute(check=True) == []


def test_a_holiday_that_is_added_dates_everything_again_as_if_it_had_always_been_there(
    store: Store, events: list[dict[str, Any]], calendars: list[Calendar]
) -> None:
    merge_all(store, decoded(events), 1000)
    added = {
        date(2026, 4, 14): (False, "县庆"),
        date(2026, 7, 18): (True, "调休上班"),
        date(2026, 9, 3): (True, "上班"),
    }
    assert store.apply_calendars([*calendars, Calendar(222424, added)]) > 100

    def working(day: date, region: str) -> bool:
        if int(region) == 222424 and day in added:
            return added[day][0]
        return bool(brute.working(day, region))

    assert wrong(store, events, brute.read(events, holidays=working)) == []
    assert store.recompute(check=True) == []
    store.apply_calendars(calendars)
    assert wrong(store, events, brute.read(events)) == []


def test_every_number_has_the_cases_behind_it(store: Store, events: list[dict[str, Any]]) -> None:
    merge_all(store, decoded(events), 1000)
    assert {indicator for indicator, _ in {**PARTS, **ITEM_PARTS}} == set(COMPUTED)
    for region, department, hall in scopes(events):
        scope = Scope(int(region), department, hall)
        for window in WINDOWS[:3]:
            figures = store.figures(scope, window)
            for indicator, part in {**PARTS, **(ITEM_PARTS if hall is None else {})}:
                page = store.list_cases(CaseFilter(scope, None, indicator, part, window), TODAY, limit=1)
                assert page.total == getattr(figures[indicator], part), (scope, window, indicator, part)


def test_open_cases_are_in_the_states_of_the_brute_force_on_every_day_to_come(
    store: Store, events: list[dict[str, Any]], reading: Any
) -> None:
    merge_all(store, decoded(events), 1000)
    for today in (date(2026, 11, 20), TODAY, date(2026, 12, 31)):
        for region, department, hall in scopes(events):
            scope = Scope(int(region), department, hall)
            states = store.open_cases(scope, today)
            assert states == brute.open_states(reading, region, today, department=department, hall=hall)
            for state, count in states.items():
                assert store.list_cases(CaseFilter(scope, state=state), today, limit=1).total == count


def test_percentiles_are_those_of_the_cases(store: Store, events: list[dict[str, Any]], reading: Any) -> None:
    merge_all(store, decoded(events), 1000)
    for window in WINDOWS:
        expected = brute.percentiles(reading, "222400", window.start, window.end)
        assert store.percentiles(Scope(222400), window) == expected


@pytest.mark.parametrize("seed", range(101, 107))
def test_streams_of_other_seeds_come_to_the_brute_force_figures_too(store: Store, seed: int) -> None:
    events = stream(seed, 1500)
    merge_all(store, decoded(events), 97)
    assert wrong(store, events, brute.read(events), WINDOWS[:4]) == []
    assert store.recompute(check=True) == []


def test_the_table_of_a_region_says_what_its_parts_say(store: Store, events: list[dict[str, Any]]) -> None:
    merge_all(store, decoded(events), 1000)
    for window in WINDOWS[:3]:
        table = store.figure_table(222424, window)
        assert dict(table.own) == store.figures(Scope(222424), window)
        for department, figures in table.departments.items():
            assert dict(figures) == store.figures(Scope(222424, department), window)
