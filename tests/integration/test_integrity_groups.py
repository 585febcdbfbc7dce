"""The store's findings are those of the pure checks, counted and grouped by department, hall and item."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest

from bench.questioning import Year, questioned
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import CHECKS, Findings
from hallpulse.domain.workdays import day_of, workdays_of
from hallpulse.store import Store
from services.simulator import County, Sent, simulate
from services.simulator.county import moment
from tests.integration.test_store import case, cloud_event, item, received, step
from tests.merging import NOW, decoded, merge_all
from tests.moments import ask
from tests.unit.test_simulator import CALENDARS, PLAN

REGION = 222424
YEAR = Window(date(2026, 1, 1), date(2026, 11, 24))
TEN_DAYS = 10 * 24 * 3600 * 1_000_000
OF_WHAT = {"cases": ("hall", "case_id"), "items": ("item_code",)}


def keys(found: Findings) -> set[tuple[Any, ...]]:
    names = {
        "eve_suspensions": ("hall", "department"),
        "ratings_in_a_burst": ("hall", "day"),
        "late_events": ("hall", "first_day", "last_day"),
        "withdrawn_and_back": ("hall", "item_code"),
    }.get(found.check.id) or OF_WHAT[found.check.of]
    values = (tuple(row[name] for name in names) for row in found.rows)
    return {tuple(day_of(v) if isinstance(v, date) else v for v in row) for row in values}


@pytest.fixture(scope="module")
def stream() -> list[Sent]:
    """A dirty simulated year; what arrives within ten days arrives at their end."""
    until = moment(day_of(YEAR.end))
    county = County(PLAN, workdays_of(REGION, CALENDARS), until, seed=7, cases=2_500)
    return [Sent((sent.arrives // TEN_DAYS + 1) * TEN_DAYS, sent.event) for sent in simulate(county)]


def test_the_store_finds_what_the_pure_checks_find(store: Store, stream: list[Sent]) -> None:
    store.apply_calendars(list(CALENDARS.values()))
    for arrives, sent in groupby(stream, key=lambda one: one.arrives):
        store.merge([one.event for one in sent], datetime.fromtimestamp(arrives / 1_000_000, UTC))
    year = Year(REGION, workdays_of(REGION, CALENDARS), day_of(YEAR.start), day_of(YEAR.end))
    year.take(stream)
    expected = questioned(year)
    found = {one.check.id: one for one in ask(store).integrity(Scope(REGION), YEAR, YEAR.end)}
    assert {id_: found[id_].count for id_ in expected} == {id_: len(own) for id_, own in expected.items()}
    assert {id_: own for id_, own in expected.items() if found[id_].count <= 100 and keys(found[id_]) != own} == {}
    assert sum(one.count > 0 for one in found.values()) >= 9
    _groups_add_up(list(found.values()))


def _groups_add_up(found: list[Findings]) -> None:
    for one in found:
        if one.check.of == "cases":
            for by in ("department", "hall", "item"):
                assert sum(group.count for group in one.by(by)) == one.count
            halls = sum(group.of or 0 for group in one.by("hall"))
            assert one.count <= halls <= (one.of or 0)


def test_every_judged_check_has_a_finder(store: Store) -> None:
    found = ask(store).integrity(Scope(REGION), YEAR, YEAR.end)
    assert [one.check for one in found] == list(CHECKS)


def test_an_imported_past_is_not_late(store: Store) -> None:
    lived = decoded([event for number in range(8) for event in case(number)])
    store.merge(lived, NOW, imported=[(event.region, event.hall, event.id) for event in lived])
    assert late(store) == 0
    merge_all(store, decoded([event for number in range(90, 99) for event in case(number)]), 7)
    assert late(store) == 1
    assert store.recompute(check=True) == []


def late(store: Store) -> int:
    found = ask(store).integrity(Scope(REGION), Window(date(2026, 3, 1), date(2026, 3, 31)), YEAR.end)
    return next(one.count for one in found if one.check.id == "late_events")


def test_a_promise_replaced_by_a_longer_one_is_found_where_the_case_needed_it(store: Store) -> None:
    def changed(name: str, decided: str) -> list[dict[str, Any]]:
        first = {"case_id": name, "promised_days": 3}
        return [
            received(name, "2026-03-02"),
            cloud_event("case.accepted", "2026-03-02T10:00:00", f"{name}-first", first),
            cloud_event("case.accepted", "2026-03-02T10:00:00", f"{name}-second",
                        {**first, "promised_days": 9, "corrects": f"{name}-first"}),
            step(name, "decided", decided, outcome="granted"),
        ]  # fmt: skip

    merge_all(store, decoded([item(5, "2026-01-01", "v"), *changed("needed", "2026-03-10"),
                              *changed("not", "2026-03-04")]), 50)  # fmt: skip
    found = {one.check.id: one for one in ask(store).integrity(Scope(REGION), YEAR, YEAR.end)}
    assert [row["case_id"] for row in found["limits_changed_after"].rows] == ["needed"]
    (group,) = found["limits_changed_after"].by("hall")
    assert (group.id, group.count, group.of) == ("hall-1", 1, 2)


def test_an_item_version_that_came_after_the_decision_rescues_no_case_unseen(store: Store) -> None:
    merge_all(store, decoded([item(3, "2026-01-01", "v1"), *case(1, "2026-03-09")]), 50)
    store.merge(decoded([item(10, "2026-02-01", "v2")]), NOW + timedelta(seconds=1))
    found = {one.check.id: one for one in ask(store).integrity(Scope(REGION), YEAR, YEAR.end)}
    (row,) = found["limits_changed_after"].rows
    assert (row["case_id"], row["promised_days"]) == ("case-1", 10)
    assert [group.name for group in found["limits_changed_after"].by("item")] != [None]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([item(10, "2026-01-01", "v2") | {"time": "2026-02-01T00:00:00+08:00"}], id="in its place"),
        pytest.param([item(10, "2026-01-31", "v2"), item(10, "2026-03-01", "v3")], id="in two steps"),
        pytest.param(
            [
                cloud_event("item.retracted", "2026-05-01T10:00:00", "gone", {"item_code": "A-1", "event_id": "v1"}),
                item(10, "2026-02-01", "v2"),
            ],
            id="the first taken back",
        ),
    ],
)
def test_a_past_that_is_written_anew_rescues_no_case_unseen(store: Store, more: list[dict[str, Any]]) -> None:
    """Held against what was known when the decision was made, whichever way the catalogue was changed since."""
    store.merge(decoded([item(3, "2026-01-01", "v1")]), datetime(2026, 1, 1, tzinfo=UTC))
    store.merge(decoded(case(1, "2026-03-09")), NOW)
    store.merge(decoded(more), NOW)
    found = {one.check.id: one for one in ask(store).integrity(Scope(REGION), YEAR, YEAR.end)}
    assert [row["case_id"] for row in found["limits_changed_after"].rows] == ["case-1"]


def test_versions_that_come_together_with_a_past_change_nothing_after_it(store: Store) -> None:
    store.merge(decoded([item(3, "2026-01-01", "v1"), item(10, "2026-02-01", "v2"), *case(1, "2026-03-09")]), NOW)
    found = {one.check.id: one for one in ask(store).integrity(Scope(REGION), YEAR, YEAR.end)}
    assert found["limits_changed_after"].count == 0


def test_an_extension_of_after_the_due_day_rescues_no_case_unseen(store: Store) -> None:
    """A case accepted on Monday 2 March under three days is due on Thursday the 5th."""

    def extended(name: str, *days: str) -> list[dict[str, Any]]:
        return [
            received(name, "2026-03-02"),
            *(cloud_event("case.extended", f"{day}T11:00:00", f"{name}-{day}", {"case_id": name, "days": 2})
              for day in days),
            step(name, "decided", "2026-03-09", outcome="granted"),
        ]  # fmt: skip

    events = [item(3, "2026-01-01", "v"), *extended("in-time", "2026-03-05"), *extended("late", "2026-03-06"),
              *extended("twice", "2026-03-05", "2026-03-09"), *extended("afterwards", "2026-03-12")]  # fmt: skip
    merge_all(store, decoded(events), 50)
    assert ask(store).figures(Scope(REGION), YEAR)["promise_kept_rate"].numerator == 4
    found = {one.check.id: one for one in ask(store).integrity(Scope(REGION), YEAR, YEAR.end)}
    assert [row["case_id"] for row in found["limits_changed_after"].rows] == ["afterwards", "late"]
