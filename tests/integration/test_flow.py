"""The month balances, for every region, department, hall, item and month; its cases are behind each number."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest

from hallpulse.domain.figures import Scope, Window, period_window
from hallpulse.domain.flow import PARTS
from hallpulse.store import CaseFilter, Store
from tests.merging import decoded, merge_all
from tests.moments import ask
from tests.oracle import brute
from tests.oracle.flow import flow
from tests.oracle.streams import stream

MONTHS = [period_window(f"2026-{number:02}") for number in range(1, 13)]
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
TODAY = date(2026, 11, 24)


def scopes(cases: list[dict[str, Any]]) -> list[tuple[str, str | None, str | None, str | None]]:
    """(region, department, hall, item) of everything that cases name."""
    known = [case for case in cases if not case["pending"]]
    regions = [(region, None, None, None) for region in sorted({c["region"] for c in known} | {"222400", "220000"})]
    departments = sorted({(c["region"], c["department"], None, None) for c in known})
    halls = sorted({(c["region"], None, c["hall"], None) for c in known})
    items = sorted({(c["region"], None, None, c["item_code"]) for c in known})
    return [*regions, *departments, *halls, *items[::5]]


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_every_month_of_every_scope_is_that_of_the_brute_force_and_follows_the_month_before(
    store: Store, seed: int
) -> None:
    events = stream(seed, 2500)
    merge_all(store, decoded(events), 700)
    cases = brute.read(events).cases
    with store.read() as moment:
        for region, department, hall, item in scopes(cases):
            scope, left_open = Scope(int(region), department, hall), 0
            among = brute.scoped([c for c in cases if not c["pending"]], region, department, hall)
            for month in MONTHS:
                found = moment.flow(scope, month, item)
                assert asdict(found) == flow(among, month.start, month.end, item), (scope, item, month)
                assert found.balances
                assert month.start.month == 1 or found.carried == left_open
                left_open = found.open


def test_the_cases_behind_each_part_are_as_many_and_are_those_of_the_brute_force(store: Store) -> None:
    events = stream(34, 1500)
    merge_all(store, decoded(events), 700)
    scope, month = Scope(222424), period_window("2026-06")
    with store.read() as moment:
        found = moment.flow(scope, month)
        for part in (*PARTS, "decided"):
            page = moment.list_cases(CaseFilter(scope, flow=part, window=month), TODAY, limit=1000)
            assert page.total == len(page.cases) == getattr(found, part)
        for code in {row.item_code for row in page.cases}:
            of_item = moment.flow(scope, month, code)
            wanted = CaseFilter(scope, flow="decided", window=month, item=code)
            assert moment.list_cases(wanted, TODAY).total == of_item.decided


def test_departments_add_up_to_their_region(store: Store) -> None:
    merge_all(store, decoded(stream(35, 1500)), 700)
    with store.read() as moment:
        for month in MONTHS:
            parts = moment.flow_by_department(222424, month)
            own = moment.flow(Scope(222424), month)
            assert {p: sum(getattr(f, p) for f in parts.values()) for p in PARTS} == asdict(own)
            for name, found in parts.items():
                assert moment.flow(Scope(222424, name), month) == found


def test_of_a_month_nothing_is_known_of_all_parts_are_nought(store: Store) -> None:
    found = ask(store).flow(Scope(330106), YEAR)
    assert set(asdict(found).values()) == {0}


def test_a_month_takes_less_than_three_seconds(store: Store) -> None:
    merge_all(store, decoded(stream(36, 6000)), 2000)
    began = time.monotonic()
    ask(store).flow(Scope(222424), period_window("2026-06"))
    assert time.monotonic() - began < 3
