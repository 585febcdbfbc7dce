"""The table of refusals by itself: what is entered, found, bounded and closed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from hallpulse.store import EnteredRefusal, Outcome, RefusedFilter, RefusedTable, Store
from hallpulse.store.database import open_engine

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def refusal(
    body: bytes = b"x", key: str = "222424.hall-1.case", reason: str = "bad-time", **other: str
) -> EnteredRefusal:
    named = {"field": "time", "detail": "expected a time", "source": "/222424/hall-1", "publisher": ""} | other
    id_ = hashlib.sha256(f"{key} {reason} {named}".encode(errors="replace") + body).hexdigest()[:32]
    return EnteredRefusal(id_, reason, named["field"], named["detail"], named["source"], key, named["publisher"], body)


@pytest.fixture
def table(store: Store) -> RefusedTable:
    return store.refused


@pytest.fixture
def narrow(store_url: str) -> Iterator[RefusedTable]:
    """Three rows or 100 bytes a hall."""
    engine = open_engine(store_url)
    yield RefusedTable(engine, "test", most_rows=3, most_bytes=100)
    engine.dispose()


def bodies(table: RefusedTable, wanted: RefusedFilter | None = None, limit: int = 100) -> list[bytes]:
    return [one.body for one in table.page(wanted or RefusedFilter(), limit)]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (RefusedFilter(), True),
        (RefusedFilter(reason="bad-time"), True),
        (RefusedFilter(reason="not-json"), False),
        (RefusedFilter(source="/222424/hall-1"), True),
        (RefusedFilter(source="/222424/hall-2"), False),
        (RefusedFilter(region=222424), True),
        (RefusedFilter(region=222400), True),
        (RefusedFilter(region=220000), True),
        (RefusedFilter(region=222401), False),
        (RefusedFilter(region=222500), False),
        (RefusedFilter(hall="hall-1"), True),
        (RefusedFilter(hall="hall"), False),
        (RefusedFilter(region=222424, hall="hall-1", reason="bad-time", since=AT), True),
        (RefusedFilter(since=AT.replace(minute=31)), False),
        (RefusedFilter(until=AT.replace(minute=31)), True),
        (RefusedFilter(until=AT), False),
    ],
)
def test_every_filter_that_is_given_must_hold(table: RefusedTable, wanted: RefusedFilter, taken: bool) -> None:
    table.enter([refusal()], AT)
    assert bodies(table, wanted) == [b"x"] * taken
    assert table.counts(wanted) == ({"bad-time": 1} if taken else {})


def test_who_sent_it_is_told_by_the_routing_key_and_not_by_what_the_event_says(table: RefusedTable) -> None:
    table.enter([refusal(b"forged", source="/222401/hall-9")], AT)
    assert bodies(table, RefusedFilter(region=222424, hall="hall-1")) == [b"forged"]
    assert bodies(table, RefusedFilter(hall="hall-9")) == []
    table.enter([refusal(b"without", key="", source="/222401/hall-9")], AT)
    assert bodies(table, RefusedFilter(region=222401, hall="hall-9")) == [b"without"]


@pytest.mark.parametrize("key", ["", "x", "222424", "１２２４２４.hall-1.case", "22242.hall-1.case", "..."])
def test_what_came_from_nowhere_is_of_no_region(table: RefusedTable, key: str) -> None:
    table.enter([refusal(key=key, source="")], AT)
    assert bodies(table) == [b"x"]
    assert bodies(table, RefusedFilter(region=222424)) == ([b"x"] if key == "222424" else [])


def test_pages_follow_each_other_in_the_order_of_refusal_and_stay_the_same(table: RefusedTable) -> None:
    one, other = [refusal(b"%d" % number) for number in range(5)], refusal(b"later", key="222401.hall-1.case")
    table.enter(one, AT)
    table.enter([other], AT)
    table.enter([refusal(b"earlier")], AT - timedelta(days=1))
    seen, last = [], ""
    while page := table.page(RefusedFilter(), 2, last):
        seen += [event.body for event in page]
        last = page[-1].id
        table.enter([refusal(b"new %d" % len(seen))], AT + timedelta(days=1)) if len(seen) < 6 else None
    assert seen[:7] == [b"earlier", b"0", b"1", b"2", b"3", b"4", b"later"]
    with pytest.raises(KeyError):
        table.page(RefusedFilter(), 2, "0" * 32)


def test_the_same_refused_again_is_one_row_that_says_how_often(table: RefusedTable) -> None:
    table.enter([refusal(b"a"), refusal(b"b"), refusal(b"a")], AT)
    table.enter([refusal(b"a")], AT + timedelta(hours=1))
    assert [(one.body, one.times, one.refused_at) for one in table.page(RefusedFilter(), 9)] == [
        (b"a", 3, AT),
        (b"b", 1, AT),
    ]
    assert table.held() == (2, 4, 0)
    table.enter([refusal(b"a")], AT, again=False)  # found on the queue
    assert table.held() == (2, 4, 0)


def test_what_is_beyond_a_halls_bound_is_counted_and_other_halls_are_not_held_up(narrow: RefusedTable) -> None:
    narrow.enter([refusal(b"%d" % number) for number in range(5)], AT)
    narrow.enter([refusal(b"0"), refusal(b"6"), refusal(b"y", key="222424.hall-2.case")], AT)
    narrow.enter([refusal(b"l" * 101, key="222424.hall-3.case")], AT)
    assert bodies(narrow) == [b"0", b"1", b"2", b"y"]
    assert narrow.held() == (4, 5, 4)
    narrow.close([narrow.page(RefusedFilter(), 1)[0].id], Outcome.DROPPED)
    narrow.enter([refusal(b"6")], AT)
    assert bodies(narrow) == [b"1", b"2", b"y", b"6"]


def test_what_left_the_queue_keeps_no_body_and_is_open_again_when_it_comes_again(table: RefusedTable) -> None:
    table.enter([refusal(b"a"), refusal(b"b")], AT)
    ids = [one.id for one in table.page(RefusedFilter(), 9)]
    assert table.close([ids[0], "0" * 32], Outcome.REPLAYED) == 1
    assert table.close([ids[0]], Outcome.DROPPED) == 0
    assert bodies(table) == [b"b"]
    first, _ = table.page(RefusedFilter(done=True), 9)
    assert (first.body, first.outcome, first.outcome_by is not None) == (b"", "replayed", True)
    table.enter([refusal(b"a")], AT + timedelta(days=1))
    assert [(one.body, one.times, one.outcome) for one in table.page(RefusedFilter(), 9)] == [
        (b"b", 1, None),
        (b"a", 1, None),
    ]
    assert table.held() == (2, 2, 0)


def test_a_whole_reading_closes_what_is_there_no_more_and_leaves_what_just_came(narrow: RefusedTable) -> None:
    narrow.enter([refusal(b"%d" % number) for number in range(4)], AT)
    assert narrow.held().beyond == 1
    began = narrow.begin_reading()
    narrow.enter([refusal(b"just", key="222424.hall-2.case")], began)
    seen = {one.id for one in narrow.page(RefusedFilter(), 2)}
    assert narrow.end_reading(began, seen) == 1
    assert (bodies(narrow), narrow.held().beyond) == ([b"0", b"1", b"just"], 0)


def test_what_was_closed_long_ago_is_forgotten(table: RefusedTable, store: Store) -> None:
    table.enter([refusal(b"a"), refusal(b"b")], AT)
    ids = [one.id for one in table.page(RefusedFilter(), 9)]
    table.close(ids[:1], Outcome.DROPPED)
    old = text("UPDATE refused SET outcome_at = now() - interval '91 days' WHERE outcome IS NOT NULL")
    with store._engine.begin() as connection:
        connection.execute(old)
    table.close(ids[1:], Outcome.DROPPED)
    assert [one.id for one in table.page(RefusedFilter(done=True), 9)] == ids[1:]


def test_texts_that_a_database_cannot_hold_are_entered_all_the_same(table: RefusedTable) -> None:
    table.enter([refusal(b'{"id":"\\u0000"}', key="\0.\ud800.case", source="\0", publisher="\ud800\0")], AT)
    (one,) = table.page(RefusedFilter(), 9)
    assert (one.source, one.routing_key, one.event_id) == ("\ufffd", "\ufffd.?.case", "\ufffd")


def test_a_long_body_is_kept_in_part_and_says_so(table: RefusedTable) -> None:
    table.enter([refusal(b"l" * 70_000), refusal(b'{"id":"e1","data":{}}')], AT)
    long, short = table.page(RefusedFilter(), 9)
    assert (long.size, len(long.body), long.is_whole) == (70_000, 64 * 1024, False)
    assert (short.event_id, short.is_whole) == ("e1", True)


def test_an_id_may_be_shortened_as_long_as_it_names_one(table: RefusedTable) -> None:
    table.enter([refusal(b"%d" % number) for number in range(40)], AT)
    one = table.page(RefusedFilter(), 1)[0]
    assert table.find(one.id[:12]) == [one]
    assert len(table.find(one.id[:1])) >= 1
    assert table.find("f" * 32) == []
    with pytest.raises(ValueError, match="hexadecimal"):
        table.find("x")
