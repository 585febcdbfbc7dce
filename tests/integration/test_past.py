"""As it was, as it was known: every figure, state and list of the past against the brute force over fewer events."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hallpulse.domain.clockface import flag_names
from hallpulse.domain.figures import Coverage, Scope, Window
from hallpulse.store import CaseFilter, Moment, Past, Store, open_store
from tests.integration.test_exactness import PARTS, scopes
from tests.integration.test_store import TODAY, case, item, received, step
from tests.merging import decoded, merge_all
from tests.oracle import brute
from tests.oracle.eventset import SHANGHAI, Event, distinct, family, hall_of, instant, region_of
from tests.oracle.flow import flow
from tests.oracle.streams import stream

SEEDS = range(201, 211)
WINDOWS = Window(date(2026, 1, 1), date(2026, 12, 31)), Window(date(2026, 5, 1), date(2026, 5, 31))
FIRST = datetime(2026, 11, 20, 9, tzinfo=UTC)
STEP = timedelta(milliseconds=370)
COUNTY = Scope(222424)


def micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def merge_apart(store: Store, events: Sequence[Event], batches: int) -> list[tuple[datetime, list[Event]]]:
    """Merge some after the other, a third of a second apart; each moment with all that had arrived by then."""
    size, known = -(-len(events) // batches), []
    for number in range(batches):
        at = FIRST + number * STEP
        part = events[number * size : (number + 1) * size]
        store.merge(decoded(part), at)
        known.append((at, list(events[: (number + 1) * size])))
    return known


@contextmanager
def turned(store: Store, scope: Scope = COUNTY, **past: Any) -> Iterator[Moment]:
    with store.read_back() as moment:
        moment.turn_back(Past(**past), scope)
        yield moment


def happened_by(events: Sequence[Event], day: date) -> list[Event]:
    """Without the events of cases that lie after the day."""
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), SHANGHAI)
    return [event for event in events if family(event) != "case" or instant(event) < end]


def named_in(events: Sequence[Event], hall: str | None) -> set[tuple[str, str]]:
    """(hall, case) that some event of the county names, a retraction too."""
    named = {(hall_of(e), e["data"]["case_id"]) for e in events if family(e) == "case" and region_of(e) == "222424"}
    return {one for one in named if hall in (None, one[0])}


def received_in(cases: Sequence[dict[str, Any]], hall: str | None) -> set[tuple[str, str]]:
    own = (c for c in cases if c["region"] == "222424" and not c["pending"] and hall in (None, c["hall"]))
    return {(case["hall"], case["case_id"]) for case in own}


@pytest.mark.parametrize("seed", SEEDS)
def test_all_that_was_known_at_a_moment_is_what_the_brute_force_makes_of_what_had_arrived(
    store: Store, seed: int
) -> None:
    events = stream(seed, 700)
    known = merge_apart(store, events, 5)
    for at, arrived in (known[random.Random(seed).randrange(4)], known[-1]):
        reading = brute.read(arrived)
        for region in ("222424", "222400"):
            with turned(store, Scope(int(region)), as_of=micros(at)) as moment:
                for where, department, hall in (one for one in scopes(events) if one[0] == region):
                    scope = Scope(int(where), department, hall)
                    for window in WINDOWS:
                        expected = brute.indicators(
                            reading, where, window.start, window.end, department=department, hall=hall
                        )
                        assert brute.compare(expected, moment.figures(scope, window)) == [], (scope, window)
                    states = brute.open_states(reading, where, TODAY, department=department, hall=hall)
                    assert moment.open_cases(scope, TODAY) == states
                    totals = {s: moment.list_cases(CaseFilter(scope, state=s), TODAY).total for s in states}
                    assert totals == states


@pytest.mark.parametrize("seed", range(231, 235))
def test_of_a_month_alone_less_is_read_and_its_figures_are_the_same(store: Store, seed: int) -> None:
    """The whole catalogue arrives last, so that every case of before stands under another version."""
    events = sorted(stream(seed, 700), key=lambda event: family(event) == "item")
    known = merge_apart(store, events, 5)
    months = [Window(date(2026, n, 1), date(2026, n, 28)) for n in (3, 5, 10)]
    for at, arrived in known[1:]:
        reading = brute.read(arrived)
        for month in months:
            with turned(store, as_of=micros(at), days=month) as moment:
                for where, department, hall in (one for one in scopes(events) if one[0] == "222424"):
                    scope = Scope(int(where), department, hall)
                    expected = brute.indicators(
                        reading, where, month.start, month.end, department=department, hall=hall
                    )
                    assert brute.compare(expected, moment.figures(scope, month)) == [], (scope, month)
                    states = brute.open_states(reading, where, TODAY, department=department, hall=hall)
                    assert moment.open_cases(scope, TODAY) == states
                assert moment.percentiles(COUNTY, month) == brute.percentiles(reading, "222424", month.start, month.end)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_states_of_a_past_day_are_those_of_the_events_up_to_its_end(store: Store, seed: int) -> None:
    events = stream(seed, 700)
    merge_all(store, decoded(events), 300)
    for day in (date(2026, 3, 31), date(2026, 9, 3), date(2026, 11, 19)):
        reading = brute.read(happened_by(events, day))
        with turned(store, on=day) as moment:
            for where, department, hall in (one for one in scopes(events) if one[0] == "222424"):
                scope = Scope(int(where), department, hall)
                states = brute.open_states(reading, where, day, department=department, hall=hall)
                assert moment.open_cases(scope, day) == states
                totals = {s: moment.list_cases(CaseFilter(scope, state=s), day).total for s in states}
                assert totals == states
                if department is None:
                    pending = named_in(happened_by(events, day), hall) - received_in(reading.cases, hall)
                    assert moment.list_cases(CaseFilter(scope, state="pending"), day).total == len(pending)


def test_a_day_as_it_was_known_takes_both_into_account(store: Store) -> None:
    events = stream(221, 900)
    known = merge_apart(store, events, 4)
    day = date(2026, 6, 30)
    for at, arrived in known:
        reading = brute.read(happened_by(arrived, day))
        with turned(store, as_of=micros(at), on=day) as moment:
            assert moment.open_cases(COUNTY, day) == brute.open_states(reading, "222424", day)
            among = brute.scoped([c for c in reading.cases if not c["pending"]], "222424", None, None)
            found = moment.flow(COUNTY, WINDOWS[1])
            assert {p: getattr(found, p) for p in flow([], day, day)} == flow(among, WINDOWS[1].start, WINDOWS[1].end)


def test_lists_flags_percentiles_and_coverage_are_of_the_past_too(store: Store) -> None:
    events = stream(222, 900)
    at, arrived = merge_apart(store, events, 4)[1]
    reading, year = brute.read(arrived), WINDOWS[0]
    own = [event for event in distinct(arrived) if region_of(event) == "222424"]
    with turned(store, as_of=micros(at)) as moment:
        page = moment.list_cases(CaseFilter(COUNTY, state="flagged"), TODAY, limit=1000)
        assert {(row.hall, row.case_id): {*flag_names(row.flags)} for row in page.cases} == {
            (c["hall"], c["case_id"]): c["flags"] for c in reading.cases if c.get("flags") and c["region"] == "222424"
        }
        assert moment.percentiles(COUNTY, year) == brute.percentiles(reading, "222424", year.start, year.end)
        assert moment.coverage(COUNTY, year) == coverage(own, year)
        assert moment.coverage(COUNTY, WINDOWS[1]) == coverage(own, WINDOWS[1])
        for part in PARTS:
            wanted = CaseFilter(COUNTY, None, "promised_limit_compression", part, year)
            figure = moment.figures(COUNTY, year)["promised_limit_compression"]
            assert moment.list_cases(wanted, TODAY).total == getattr(figure, part)


def coverage(events: Sequence[Event], window: Window) -> Coverage:
    halls = {event["source"] for event in events}
    days = [(event["source"], instant(event)) for event in events]
    inside = [(h, t) for h, t in days if window.start <= t.astimezone(SHANGHAI).date() <= window.end]
    newest = max((micros(t) for _, t in inside), default=None)
    return Coverage(len(halls), len({h for h, _ in inside}), newest)


def test_a_halls_days_are_of_what_had_arrived_also_where_clocks_ran_ahead(store: Store) -> None:
    events = sorted(distinct(stream(223, 300)), key=instant)
    size, known = -(-len(events) // 5), []
    for start in range(0, len(events), size):
        part = events[start : start + size]
        at = instant(part[len(part) // 2])  # half of them came late, half from a clock that ran ahead
        store.merge(decoded(part), at)
        known.append((at, events[: start + size]))
    for at, arrived in known:
        own = [event for event in arrived if region_of(event) == "222424"]
        with turned(store, as_of=micros(at)) as moment:
            for month in range(1, 12):
                window = Window(date(2026, month, 1), date(2026, month + 1, 1) - timedelta(days=1))
                assert moment.coverage(COUNTY, window).newest == coverage(own, window).newest
                assert moment.coverage(COUNTY, window).reporting == coverage(own, window).reporting


def test_a_case_is_told_by_what_had_arrived_and_is_unknown_before(store: Store) -> None:
    events = case(1)
    known = merge_apart(store, [*case(2), *events], 4)
    told = []
    for at, _ in known:
        with turned(store, as_of=micros(at)) as moment:
            found = moment.case_history(222424, "hall-1", "case-1", TODAY)
            told.append(None if found is None else [event.id for event in found.events])
    assert told == [None, None, ["case-1-received"], ["case-1-received", "case-1-decided"]]


def test_a_late_item_version_changes_the_cases_of_the_past_only_from_its_arrival_on(store: Store) -> None:
    first = [item(5, "2026-01-01", "v1"), *case(1, "2026-03-10")]
    merge_apart(store, [*first, item(9, "2026-02-01", "v2")], 4)
    for at, due in ((FIRST + 2 * STEP, date(2026, 3, 9)), (FIRST + 3 * STEP, date(2026, 3, 13))):
        with turned(store, as_of=micros(at)) as moment:
            page = moment.list_cases(CaseFilter(COUNTY, None, "due_kept_rate", "denominator", WINDOWS[0]), TODAY)
            assert [row.due for row in page.cases] == [due]


def test_nothing_of_the_past_is_left_to_the_next_reading_of_one_connection(store_url: str) -> None:
    """Also where the server has prepared a statement on the tables themselves."""
    store = open_store(store_url, pool_size=1)
    merge_apart(store, [*case(1), *case(2), item(5, "2026-01-01", "v1"), received("case-3", "2026-03-02")], 6)
    for _ in range(8):
        with store.read() as moment:
            assert moment.figures(COUNTY, WINDOWS[0])["mean_elapsed_days"].denominator == 2
            assert moment.open_cases(COUNTY, TODAY)["unaccepted_late"] == 1
        with turned(store, as_of=micros(FIRST + 2 * STEP)) as moment:
            assert moment.figures(COUNTY, WINDOWS[0])["mean_elapsed_days"].denominator == 1
            assert moment.figures(COUNTY, WINDOWS[0])["settled_item_share"].denominator == 0
        with turned(store, on=date(2026, 3, 3)) as moment:
            assert sum(moment.open_cases(COUNTY, date(2026, 3, 3)).values()) == 3
    store.close()


def test_a_moment_before_anything_arrived_knows_nothing(store: Store) -> None:
    merge_apart(store, stream(223, 300), 2)
    with turned(store, as_of=micros(FIRST) - 1_000_000) as moment:
        assert {figure.numerator for figure in moment.figures(COUNTY, WINDOWS[0]).values()} == {0}
        assert moment.coverage(COUNTY, WINDOWS[0]) == Coverage(0, 0, None)
        assert moment.list_cases(CaseFilter(COUNTY, state="open"), TODAY).total == 0


@pytest.mark.parametrize("past", [{"as_of": micros(FIRST + STEP)}, {"on": date(2026, 5, 31)}])
def test_a_month_of_the_past_is_read_within_three_seconds(store: Store, past: dict[str, Any]) -> None:
    merge_apart(store, stream(224, 6000), 4)
    began = time.monotonic()
    with turned(store, **past) as moment:
        moment.figures(COUNTY, WINDOWS[1])
        moment.open_cases(COUNTY, date(2026, 5, 31))
    assert time.monotonic() - began < 3


def test_a_withdrawn_case_was_open_before_it_was(store: Store) -> None:
    merge_all(store, decoded([received("case-1", "2026-03-02"), step("case-1", "withdrawn", "2026-03-05")]), 2)
    for day, still_open in ((date(2026, 3, 1), 0), (date(2026, 3, 4), 1), (date(2026, 3, 5), 0)):
        with turned(store, on=day) as moment:
            assert moment.list_cases(CaseFilter(COUNTY, state="open"), day).total == still_open
