"""What makes the compression look better, from stored item versions; and its change between two days, split exactly."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from hallpulse.domain.compression import COMPRESSION, Cause, split
from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.indicators import marks_of
from hallpulse.store import Store
from tests.integration.test_store import cloud_event, item
from tests.merging import decoded, merge_all
from tests.moments import ask
from tests.oracle.streams import stream

COUNTY = Scope(222424)
EVE, TODAY = date(2025, 12, 31), date(2026, 11, 24)
DAYS = [date(2025, 6, 1), date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 15), date(2026, 9, 3), date(2026, 12, 31)]


def version(code: str, statutory: int | None, start: str, id_: str, **more: Any) -> dict[str, Any]:
    return item(5, start, id_, **{"item_code": code, "name": f"事项{code}", "statutory_days": statutory, **more})


def value(store: Store, day: date, scope: Scope = COUNTY) -> Figure:
    return ask(store).figures(scope, Window(day, day)).get(COMPRESSION, Figure(0, 0))


def checks(store: Store, scope: Scope = COUNTY) -> list[tuple[str, str, int | None, int]]:
    return [(d.check, d.item.item_code, d.was, d.now) for d in ask(store).doubts(scope, EVE, TODAY)]


def test_limits_doubled_in_the_period_are_doubted_and_those_doubled_before_it_are_not(store: Store) -> None:
    events = [
        version("a", 10, "2025-01-01", "a1"), version("a", 20, "2026-05-01", "a2"),
        version("b", 10, "2025-01-01", "b1"), version("b", 20, "2025-12-31", "b2"),
        version("c", 10, "2026-04-01", "c1"), version("c", 20, "2026-05-01", "c2"),
    ]  # fmt: skip
    merge_all(store, decoded(events), 2)
    assert checks(store) == [("statutory_raised", "a", 10, 20), ("statutory_raised", "c", 10, 20)]
    (mark,) = marks_of(value(store, TODAY), ask(store).doubts(COUNTY, EVE, TODAY))
    assert (mark.findings, mark.without) == (2, Figure(5 + 15 + 5, 10 + 20 + 10))


def test_a_raise_that_was_taken_back_is_no_doubt_and_one_beyond_the_day_is_none_yet(store: Store) -> None:
    events = [
        version("a", 10, "2026-01-01", "a1"), version("a", 20, "2026-03-01", "a2"),
        version("a", 10, "2026-04-01", "a3"),
        version("b", 10, "2026-01-01", "b1"), version("b", 20, "2026-12-01", "b2"),
    ]  # fmt: skip
    merge_all(store, decoded(events), 3)
    assert checks(store) == []


def test_a_limit_that_goes_by_way_of_none_is_still_raised(store: Store) -> None:
    events = [
        version("a", 10, "2026-01-01", "a1"), version("a", None, "2026-03-01", "a2"),
        version("a", 30, "2026-03-02", "a3"),
    ]  # fmt: skip
    merge_all(store, decoded(events), 3)
    assert checks(store) == [("statutory_raised", "a", 10, 30)]


def test_a_limit_that_stands_for_none_is_doubted_whatever_it_was(store: Store) -> None:
    merge_all(store, decoded([version("a", 999, "2025-01-01", "a1"), version("b", 20, "2025-01-01", "b1")]), 2)
    assert checks(store) == [("limit_looks_like_none", "a", None, 999)]
    (mark,) = marks_of(value(store, TODAY), ask(store).doubts(COUNTY, EVE, TODAY))
    assert mark.without == Figure(15, 20)


def test_doubts_of_a_department_are_its_own_and_those_of_a_prefecture_its_counties(store: Store) -> None:
    events = [version("a", 10, "2026-01-01", "a1"), version("a", 20, "2026-03-01", "a2", department="dept-2")]
    elsewhere = [{**one, "source": "/222401/hall-1"} for one in events]
    merge_all(store, decoded([*events, *elsewhere]), 4)
    assert checks(store, Scope(222424, "dept-1")) == []
    assert len(checks(store, Scope(222424, "dept-2"))) == 1
    assert len(checks(store, Scope(222400))) == 2


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_the_parts_add_up_to_the_change_between_any_two_days_of_any_stream(store: Store, seed: int) -> None:
    merge_all(store, decoded(stream(seed, 2000)), 900)
    departments = ask(store).departments(222424)
    for scope in (COUNTY, Scope(222400), *(Scope(222424, name) for name in departments)):
        for before, after in (*pairwise(DAYS), (DAYS[0], DAYS[-1])):
            was, now = value(store, before, scope), value(store, after, scope)
            parts = split(was, now, ask(store).item_changes(scope, before, after), scope.department)
            if was.value is not None and now.value is not None:
                assert sum((part.share for part in parts), Fraction(0)) == now.value - was.value


def test_an_item_that_came_and_one_that_went_are_told_apart(store: Store) -> None:
    retired = cloud_event(
        "item.retired", "2026-01-02T09:00:00", "r", {"item_code": "b", "effective_from": "2026-05-01"}
    )
    events = [
        version("a", 10, "2026-01-01", "a1"), version("b", 20, "2026-01-01", "b1"), retired,
        version("c", 40, "2026-05-01", "c1"),
    ]  # fmt: skip
    merge_all(store, decoded(events), 4)
    before, after = date(2026, 4, 30), date(2026, 5, 1)
    changes = ask(store).item_changes(COUNTY, before, after)
    parts = split(value(store, before), value(store, after), changes, None)
    assert [(part.cause, part.change.item_code) for part in parts] == [(Cause.ADDED, "c"), (Cause.RETIRED, "b")]
