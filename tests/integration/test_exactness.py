"""The store against a brute-force reading of the domain page over the set of events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from typing import Any, cast

import pytest

from hallpulse.domain.case import Flag
from hallpulse.domain.clockface import flag_names
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.indicators import COMPUTED, Indicator, PartName, indicator
from hallpulse.domain.workdays import Calendar
from hallpulse.store import CaseFilter, Store
from tests.merging import decoded, merge_all, merge_by_workers
from tests.moments import ask
from tests.oracle import brute
from tests.oracle.streams import stream

SEED, EVENTS = 20, 10_000
TODAY = date(2026, 11, 24)
PARTS: tuple[PartName, ...] = ("numerator", "denominator")
CATALOGUE = {one.id for one in COMPUTED.values() if one.kind == "catalogue"}
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
            differences = brute.compare(expected, ask(store).figures(scope, window))
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
    for region, department, hall in scopes(events):
        scope = Scope(int(region), department, hall)
        for window in WINDOWS[:3]:
            figures = ask(store).figures(scope, window)
            assert {*COMPUTED} - {*figures} == (CATALOGUE if hall is not None else set())
            for name, figure in figures.items():
                assert behind(store, scope, window, name) == (figure.numerator, figure.denominator)


def behind(store: Store, scope: Scope, window: Window, name: str) -> tuple[int, int]:
    top, bottom = (
        ask(store).list_cases(CaseFilter(scope, None, name, part, window), TODAY, limit=1).total for part in PARTS
    )
    return top, bottom


def test_an_indicator_on_columns_that_exist_is_one_entry(
    store: Store, events: list[dict[str, Any]], reading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of columns that no other indicator names: figures, tables, overviews and lists follow from the entry alone."""
    entry = indicator("refused_of_received", "不予受理占比", "refused of those received", "rejected / received")
    monkeypatch.setitem(cast("dict[str, Indicator]", COMPUTED), entry.id, entry)
    merge_all(store, decoded(events), 1000)
    for region, department, hall in scopes(events):
        scope, window = Scope(int(region), department, hall), WINDOWS[2]
        known = [c for c in brute.scoped(reading.cases, region, department, hall) if not c["pending"]]
        wanted = tuple(
            sum(bool(case[day]) and window.start <= case[day] <= window.end for case in known)
            for day in ("rejected", "received")
        )
        figure = ask(store).figures(scope, window)[entry.id]
        assert wanted == (figure.numerator, figure.denominator) == behind(store, scope, window, entry.id)
        assert ask(store).overview(scope, window, TODAY).figures[entry.id] == figure
    table = ask(store).figure_table(222424, WINDOWS[2])
    assert table.figure(entry.id) == ask(store).figures(Scope(222424), WINDOWS[2])[entry.id]


def test_flags_are_those_of_the_brute_force(store: Store, events: list[dict[str, Any]], reading: Any) -> None:
    merge_all(store, decoded(events), 1000)
    found, cursor = {}, None
    while True:
        page = ask(store).list_cases(CaseFilter(Scope(220000), state="flagged"), TODAY, cursor, limit=1000)
        found |= {(str(row.region), row.hall, row.case_id): {*flag_names(row.flags)} for row in page.cases}
        if (cursor := page.next_cursor) is None:
            break
    wanted = {
        (case["region"], case["hall"], case["case_id"]): case["flags"] for case in reading.cases if case.get("flags")
    }
    assert found == wanted
    assert {flag for flags in found.values() for flag in flags} == {flag.name.lower() for flag in Flag if flag.name}


def test_open_cases_are_in_the_states_of_the_brute_force_on_every_day_to_come(
    store: Store, events: list[dict[str, Any]], reading: Any
) -> None:
    merge_all(store, decoded(events), 1000)
    for today in (date(2026, 11, 20), TODAY, date(2026, 12, 31)):
        for region, department, hall in scopes(events):
            scope = Scope(int(region), department, hall)
            states = ask(store).open_cases(scope, today)
            assert states == brute.open_states(reading, region, today, department=department, hall=hall)
            for state, count in states.items():
                assert ask(store).list_cases(CaseFilter(scope, state=state), today, limit=1).total == count


def test_percentiles_are_those_of_the_cases(store: Store, events: list[dict[str, Any]], reading: Any) -> None:
    merge_all(store, decoded(events), 1000)
    for window in WINDOWS:
        expected = brute.percentiles(reading, "222400", window.start, window.end)
        assert ask(store).percentiles(Scope(222400), window) == expected


@pytest.mark.parametrize("seed", range(101, 107))
def test_streams_of_other_seeds_come_to_the_brute_force_figures_too(store: Store, seed: int) -> None:
    events = stream(seed, 1500)
    merge_all(store, decoded(events), 97)
    assert wrong(store, events, brute.read(events), WINDOWS[:4]) == []
    assert store.recompute(check=True) == []


def test_the_table_of_a_region_says_what_its_parts_say(store: Store, events: list[dict[str, Any]]) -> None:
    merge_all(store, decoded(events), 1000)
    for window in WINDOWS[:3]:
        table = ask(store).figure_table(222424, window)
        assert dict(table.own) == ask(store).figures(Scope(222424), window)
        for department, figures in table.departments.items():
            assert dict(figures) == ask(store).figures(Scope(222424, department), window)
