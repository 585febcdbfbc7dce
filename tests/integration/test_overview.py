"""What is read together, or summed by the database, is what its parts come to one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Overview, Store
from tests.merging import decoded, merge_all
from tests.moments import ask
from tests.oracle import brute
from tests.oracle.streams import stream

TODAY = date(2026, 11, 24)
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
WINDOWS = (
    YEAR,
    Window(date(2026, 2, 11), date(2026, 9, 20)),
    Window(date(2026, 5, 9), date(2026, 5, 12)),
    Window(date(2020, 1, 1), date(2020, 12, 31)),
    Window(date(2026, 11, 3), date(2027, 1, 31)),
)
REGIONS = (222424, 222401, 222400, 220000, 330000)


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return stream(31, 4000)


def scopes(events: Sequence[dict[str, Any]]) -> Iterator[Scope]:
    departments = sorted({name for e in events if (name := e.get("data", {}).get("department"))})
    halls = sorted({e["source"].split("/")[2] for e in events})
    for region in REGIONS:
        yield Scope(region)
        yield from (Scope(region, department) for department in departments)
        yield from (Scope(region, None, hall) for hall in halls)


def test_an_overview_says_what_its_parts_say(store: Store, events: list[dict[str, Any]]) -> None:
    merge_all(store, decoded(events), 1000)
    for scope in scopes(events):
        for window in WINDOWS:
            for today in (TODAY, window.end, window.start - timedelta(days=40)):
                assert ask(store).overview(scope, window, today) == Overview(
                    figures=ask(store).figures(scope, window),
                    percentiles=ask(store).percentiles(scope, window),
                    open_cases=ask(store).open_cases(scope, today),
                    coverage=ask(store).coverage(scope, window),
                    provisional=bool(ask(store).workdays(scope.region).provisional_in(window.start, window.end)),
                )


def test_percentiles_are_those_of_the_cases_in_every_scope(store: Store, events: list[dict[str, Any]]) -> None:
    """Short windows of one hall or department have them in buckets of one number of days, long ones in wider ones."""
    merge_all(store, decoded(events), 1000)
    reading, days = brute.read(events), [date(2026, 1, 5) + timedelta(days=9 * week) for week in range(36)]
    windows = (*WINDOWS, *(Window(day, day + timedelta(days=20)) for day in days))
    for scope in scopes(events):
        for window in windows:
            narrower = {"department": scope.department, "hall": scope.hall}
            expected = brute.percentiles(reading, str(scope.region), window.start, window.end, **narrower)
            assert ask(store).percentiles(scope, window) == expected, (scope, window)


def test_coverage_is_that_of_every_row_a_hall_has(store: Store, store_url: str, events: list[dict[str, Any]]) -> None:
    merge_all(store, decoded(events), 1000)
    store.halls.add(222424, "never-sent", ["case"], "0" * 64)
    with psycopg.connect(store_url) as connection:
        rows = connection.execute("SELECT region, hall, day, newest FROM hall_days").fetchall()
        known = {*connection.execute("SELECT region, hall FROM halls").fetchall(), *((r, h) for r, h, *_ in rows)}
    for scope in scopes(events):
        (low, high), hall = scope.bounds, scope.hall
        for window in WINDOWS:
            newest = [
                (region, name, time)
                for region, name, day, time in rows
                if low <= region <= high and hall in (None, name) and window.start <= day <= window.end
            ]
            found = ask(store).coverage(scope, window)
            assert found.halls == sum(low <= region <= high and hall in (None, name) for region, name in known)
            assert found.reporting == len({(region, name) for region, name, _ in newest})
            assert found.newest == max((time for *_, time in newest), default=None)


def test_a_tally_is_left_out_on_the_days_on_which_its_hall_sent_cases_and_on_no_other(
    store: Store, store_url: str
) -> None:
    """Held against the rule as it reads, day by day, where cases and tallies of random days meet."""
    chance = random.Random(7)
    days = [date(2026, 1, 20) + timedelta(days=number) for number in range(120)]
    tallies, sent = [], set()
    with psycopg.connect(store_url) as connection:
        for hall in ("h1", "h2", "h3"):
            for day in chance.sample(days, 70):
                counts = [chance.randrange(50) for _ in range(6)]
                tallies.append((hall, day, counts[0]))
                connection.execute(
                    "INSERT INTO tallies VALUES (222424, %s, %s, 1, %s, %s, %s, %s, %s, %s)", (hall, day, *counts)
                )
            for day in chance.sample(days, {"h1": 40, "h2": 2, "h3": 0}[hall]):
                column = chance.choice(("received", "accepted", "rejected", "decided", "rated"))
                sent |= {(hall, day)} if column != "rated" else set()
                for grain, of in (("d", day), ("m", day.replace(day=1))):
                    connection.execute(
                        f"INSERT INTO cells (region, grain, day, hall, department, {column})"
                        " VALUES (222424, %s, %s, %s, 'a', 1) ON CONFLICT (region, grain, day, hall, department)"
                        f" DO UPDATE SET {column} = cells.{column} + 1",
                        (grain, of, hall),
                    )
        accepted = connection.execute("SELECT hall, day, accepted FROM cells WHERE grain = 'd'").fetchall()
    for hall in (None, "h1", "h2", "h3"):
        for start, end in ((0, 119), (7, 50), (33, 40), (60, 60)):
            window, scope = Window(days[start], days[end]), Scope(222424, None, hall)
            wanted = [c for h, d, c in accepted if hall in (None, h) and window.start <= d <= window.end]
            wanted += [
                count
                for name, day, count in tallies
                if hall in (None, name) and window.start <= day <= window.end and (name, day) not in sent
            ]
            assert ask(store).figures(scope, window)["acceptance_rate"].numerator == sum(wanted)
