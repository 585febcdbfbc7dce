from __future__ import annotations

import base64
import dataclasses
import json
from datetime import date, timedelta
from typing import Any

import pytest

from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.workdays import Calendar, day_of
from hallpulse.store import BadCursor, CaseFilter, Store, open_store
from tests.merging import NOW, decoded, merge_all
from tests.moments import ask

COUNTY = Scope(222424)
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
TODAY = date(2026, 11, 24)
ITEM = "22242400001"


def cloud_event(
    type_: str, time: str, id_: str, data: dict[str, Any], source: str = "/222424/hall-1"
) -> dict[str, Any]:
    name = f"hall.{type_}.v1"
    return {"specversion": "1.0", "id": id_, "source": source, "type": name, "time": f"{time}+08:00", "data": data}


def received(case: str, day: str, **more: Any) -> dict[str, Any]:
    data = {"case_id": case, "item_code": ITEM, "department": "dept-1", "channel": "window", **more}
    return cloud_event("case.received", f"{day}T09:00:00", f"{case}-received", data)


def step(case: str, what: str, day: str, **more: Any) -> dict[str, Any]:
    return cloud_event(f"case.{what}", f"{day}T10:00:00", f"{case}-{what}", {"case_id": case, **more})


def item(promised: int, effective_from: str, id_: str, **more: Any) -> dict[str, Any]:
    data = {
        "item_code": ITEM, "basic_code": "b", "name": "事项", "department": "dept-1", "kind": "licensing",
        "handling": "promised", "statutory_days": 20, "promised_days": promised, "settled": True, "unified": True,
        "full_process": True, "tolerates_missing": False, "commitment": False, "effective_from": effective_from, **more,
    }  # fmt: skip
    return cloud_event("item.published", "2026-01-02T09:00:00", id_, data)


def case(number: int, decided: str = "2026-03-06") -> list[dict[str, Any]]:
    name = f"case-{number}"
    return [received(name, "2026-03-02"), step(name, "decided", decided, outcome="granted")]


def test_an_event_that_comes_twice_counts_once(store: Store) -> None:
    events = decoded(case(1))
    first, second = merge_all(store, [*events, *events], 2)
    assert (len(first.new), len(second.new), len(second.duplicates)) == (2, 0, 2)
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(4, 1)


def test_what_another_process_stored_is_known_as_a_double_among_new_events(store: Store, store_url: str) -> None:
    first, both = decoded(case(1)), decoded([*case(1), *case(2), case(1, "2026-03-09")[1]])
    merge_all(store, first, 2)
    other = open_store(store_url)
    outcomes = merge_all(other, both, 5)
    again = merge_all(other, both, 5)
    other.close()
    assert [(len(o.new), len(o.duplicates), len(o.reused)) for o in (*outcomes, *again)] == [(2, 2, 1), (0, 4, 1)]
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(8, 2)


def test_an_id_used_again_with_other_content_is_told_apart_from_a_duplicate(store: Store) -> None:
    event = decoded([step("case-1", "decided", "2026-03-06", outcome="granted")])[0]
    other = decoded([step("case-1", "decided", "2026-03-06", outcome="refused")])[0]
    in_one_batch = store.merge([event, other, event], NOW)
    assert (list(in_one_batch.new), list(in_one_batch.reused)) == ([event], [other])
    later = store.merge([other], NOW)
    assert (list(later.new), list(later.reused), list(later.duplicates)) == ([], [other], [])


def test_the_same_instant_written_with_another_offset_is_a_duplicate(store: Store) -> None:
    raw = received("case-1", "2026-03-02")
    again = {**raw, "time": "2026-03-02T01:00:00Z"}
    store.merge(decoded([raw]), NOW)
    assert len(store.merge(decoded([again]), NOW).duplicates) == 1


def test_one_id_may_be_used_by_two_halls(store: Store) -> None:
    here, there = received("case-1", "2026-03-02"), received("case-1", "2026-03-02")
    there["source"] = "/222424/hall-2"
    assert len(store.merge(decoded([here, there]), NOW).new) == 2


def test_a_late_item_version_corrects_the_cases_that_it_touches(store: Store) -> None:
    merge_all(store, decoded([item(5, "2026-01-01", "v1"), *case(1, "2026-03-16")]), 10)
    assert ask(store).figures(COUNTY, YEAR)["promise_kept_rate"] == Figure(0, 1)
    store.merge(decoded([item(10, "2026-03-01", "v2")]), NOW)
    assert ask(store).figures(COUNTY, YEAR)["promise_kept_rate"] == Figure(1, 1)
    assert ask(store).figures(COUNTY, YEAR)["promised_limit_compression"] == Figure(10, 20)
    retraction = cloud_event("item.retracted", "2026-04-01T09:00:00", "r", {"item_code": ITEM, "event_id": "v2"})
    store.merge(decoded([retraction]), NOW)
    assert ask(store).figures(COUNTY, YEAR)["promise_kept_rate"] == Figure(0, 1)
    assert store.recompute(check=True) == []


def test_a_retraction_that_comes_first_keeps_the_event_out(store: Store) -> None:
    retraction = step("case-1", "retracted", "2026-03-03", event_id="case-1-decided")
    merge_all(store, decoded([retraction, *case(1)]), 1)
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(0, 0)
    assert _state(store, TODAY) == "unaccepted_late"


def test_time_passing_moves_a_case_from_on_time_to_overdue_without_a_write(store: Store) -> None:
    merge_all(
        store,
        decoded([item(5, "2026-01-01", "v"), received("c", "2026-03-02"), step("c", "accepted", "2026-03-02")]),
        9,
    )
    states = {day: _state(store, date(2026, 3, day)) for day in (2, 5, 6, 9, 10)}
    assert states == {2: "on_time", 5: "on_time", 6: "due_soon", 9: "due_soon", 10: "overdue"}
    for day, state in states.items():
        listed = ask(store).list_cases(CaseFilter(COUNTY, state=state), date(2026, 3, day))
        assert (listed.total, [row.case_id for row in listed.cases]) == (1, ["c"])


def _state(store: Store, today: date) -> str:
    (state,) = [name for name, count in ask(store).open_cases(COUNTY, today).items() if count]
    return state


def test_a_holiday_added_to_the_calendar_dates_open_and_decided_cases_again(
    store: Store, calendars: list[Calendar]
) -> None:
    merge_all(
        store,
        decoded(
            [item(5, "2026-01-01", "v"), *case(1), received("c", "2026-03-02"), step("c", "accepted", "2026-03-02")]
        ),
        9,
    )
    county = Calendar(222424, {date(2026, 3, 4): (False, "县庆")})
    assert store.apply_calendars([*calendars, county]) == 2
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(3, 1)
    assert _state(store, date(2026, 3, 10)) == "due_soon"
    history = ask(store).case_history(222424, "hall-1", "case-1", TODAY)
    assert history is not None
    assert history.clock is not None
    off = [(day.why, day.name) for day in history.clock.days if day.day == day_of(date(2026, 3, 4))]
    assert off == [("regional_holiday", "县庆")]
    assert store.apply_calendars([*calendars, county]) == 0
    assert store.recompute(check=True) == []
    assert store.apply_calendars(calendars) == 2
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(4, 1)


def test_a_worker_that_has_an_old_calendar_in_its_cache_reads_the_new_one(
    store: Store, store_url: str, calendars: list[Calendar]
) -> None:
    worker = open_store(store_url)
    merge_all(worker, decoded(case(1)), 9)
    store.apply_calendars([*calendars, Calendar(222424, {date(2026, 3, 4): (False, "县庆")})])
    merge_all(worker, decoded(case(2)), 9)
    worker.close()
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(6, 2)


MADE_UP_KEYS: list[list[object]] = [
    [True, "h", "c"],
    [1.5, "h", "c"],
    [1, "h", "c\0"],
    [1, "\ud800", "c"],
    [1, "h"],
    [],
]


def cursor_of(*key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def test_pages_of_a_list_hold_every_case_once(store: Store) -> None:
    merge_all(store, decoded([event for number in range(25) for event in case(number)]), 50)
    wanted = CaseFilter(COUNTY, indicator="mean_elapsed_days", part="numerator", window=YEAR)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = ask(store).list_cases(wanted, TODAY, cursor, limit=10)
        assert page.total == 100
        seen += [row.case_id for row in page.cases]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"case-{number}" for number in range(25))
    for made_up in ("rubbish", *(cursor_of("2026-01-01", *key) for key in MADE_UP_KEYS)):
        with pytest.raises(BadCursor):
            ask(store).list_cases(wanted, TODAY, made_up)


def test_a_declared_figure_is_summed_over_the_periods_in_the_window(store: Store) -> None:
    def figure(period: str, numerator: int, **more: Any) -> HallEvent:
        data = {"indicator": "leader_in_court", "period": period, "revision": 1, "numerator": numerator, **more}
        return decoded([cloud_event("figure.reported", "2026-02-02T09:00:00", f"{period}{more}", data)])[0]

    store.merge([figure("2026-01", 3, denominator=4), figure("2026-02", 1, denominator=1), figure("2025", 9)], NOW)
    assert ask(store).figures(COUNTY, YEAR)["leader_in_court"] == Figure(4, 5)
    assert ask(store).figure_table(222424, YEAR).figure("leader_in_court") == Figure(4, 5)
    january = Window(date(2026, 1, 1), date(2026, 1, 31))
    assert ask(store).figures(COUNTY, january)["leader_in_court"] == Figure(3, 4)


def test_coverage_counts_registered_halls_and_those_that_reported(store: Store) -> None:
    store.halls.add(222424, "hall-1", ["case"], "0" * 64)
    store.halls.add(222424, "hall-9", ["case"], "1" * 64)
    store.merge(decoded(case(1)), NOW)
    assert dataclasses.astuple(ask(store).coverage(COUNTY, YEAR))[:2] == (2, 1)
    assert ask(store).coverage(COUNTY, Window(date(2025, 1, 1), date(2025, 2, 1))).reporting == 0


def test_a_closed_hall_counts_in_the_coverage_and_is_missed_until_it_closes(store: Store) -> None:
    for hall in ("hall-1", "hall-2", "hall-9"):
        store.halls.add(222424, hall, ["case"], hall * 8, zh=f"政务大厅{hall[-1]}")
    store.merge(decoded(case(1)), NOW)
    assert not store.halls.close(222424, "hall-3", date(2026, 5, 1))
    assert store.halls.close(222424, "hall-9", date(2026, 5, 1))
    assert store.halls.remove(222424, "hall-1", date(2026, 6, 1))
    before, after = Window(date(2026, 3, 1), date(2026, 4, 30)), Window(date(2026, 7, 1), date(2026, 7, 31))
    assert (ask(store).coverage(COUNTY, before).halls, ask(store).coverage(COUNTY, after).halls) == (3, 1)
    assert ask(store).coverage(COUNTY, YEAR).halls == 3
    assert (silent(store, before), silent(store, after)) == (["hall-1", "hall-2", "hall-9"], ["hall-2"])
    facts = ask(store).hall_facts()
    assert {hall: (one.name_zh, one.closed) for (_, hall), one in facts.items()} == {
        "hall-1": ("政务大厅1", date(2026, 6, 1)),
        "hall-2": ("政务大厅2", None),
        "hall-9": ("政务大厅9", date(2026, 5, 1)),
    }
    store.halls.add(222424, "hall-1", ["case"], "3" * 64)
    assert silent(store, after) == ["hall-1", "hall-2"]
    assert ask(store).hall_facts()[222424, "hall-1"].name_zh == "政务大厅1"


def silent(store: Store, window: Window) -> list[str]:
    found = next(one for one in ask(store).integrity(COUNTY, window, window.end) if one.check.id == "silent_hall")
    return [str(row["hall"]) for row in found.rows]


def test_a_token_opens_what_it_was_given_for_until_it_is_rotated_or_removed(store: Store) -> None:
    store.halls.add(222424, "hall-1", ["case", "tally"], "a" * 64)
    grant = store.tokens.find("a" * 64)
    assert grant is not None
    assert (grant.role, grant.hall, grant.families) == ("hall", "hall-1", ("case", "tally"))
    assert store.halls.rotate(222424, "hall-1", "b" * 64, overlap=timedelta(hours=1))
    assert store.tokens.find("a" * 64) is not None
    assert store.halls.rotate(222424, "hall-1", "c" * 64)
    assert [store.tokens.find(letter * 64) is not None for letter in "abc"] == [False, False, True]
    assert store.halls.remove(222424, "hall-1", date(2026, 9, 1))
    assert store.tokens.find("c" * 64) is None
    assert not store.halls.rotate(222424, "hall-1", "d" * 64)


def test_a_database_that_cannot_be_reached_says_so_in_one_line() -> None:
    unreachable = open_store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="database: ") as error:
        unreachable.ping()
    assert "\n" not in str(error.value)
