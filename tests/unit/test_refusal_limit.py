"""When refusals stop ingest, and what must never stop it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from hallpulse.broker.refusal_limit import RefusalLimit, RefusalsOverLimit
from hallpulse.broker.refused import Letter
from hallpulse.contract.reasons import Reason
from hallpulse.contract.refusal import Refusal

WINDOW = 100
NONE = Counter[str]()


def events(hall: str, count: int) -> Counter[str]:
    return Counter({f"222424.{hall}": count})


def letters(hall: str, numbers: Iterable[int], reason: Reason = Reason.BAD_TIME) -> list[Letter]:
    return [
        Letter(Refusal(reason, "", "", "", f"{number}".encode()), f"222424.{hall}.case", f"222424.{hall}")
        for number in numbers
    ]


def take(limit: RefusalLimit, good: Counter[str], bad: list[Letter]) -> None:
    limit.note(limit.weigh(good, bad))


def test_nothing_is_decided_before_the_window_is_full() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    take(limit, NONE, letters("a", range(49)) + letters("b", range(50)))
    with pytest.raises(RefusalsOverLimit):
        limit.weigh(NONE, letters("a", [99]))


def test_a_batch_that_alone_fills_the_window_is_stopped_whole() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    with pytest.raises(RefusalsOverLimit):
        limit.weigh(events("a", 10), letters("a", range(100)) + letters("b", range(100)))


def test_a_batch_that_was_stopped_is_stopped_again_and_changes_nothing() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    bad = letters("a", range(100)) + letters("b", range(100))
    for _ in range(3):
        with pytest.raises(RefusalsOverLimit):
            limit.weigh(NONE, bad)
    take(limit, events("a", 200), letters("a", range(10)))


def test_half_refusals_under_a_limit_above_half_go_on_for_ever() -> None:
    limit = RefusalLimit(0.6, WINDOW)
    for number in range(50):
        new = range(number * 10, number * 10 + 10)
        take(limit, events("a", 10) + events("b", 10), letters("a", new) + letters("b", new))


def test_what_was_good_long_ago_does_not_count() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    take(limit, events("a", 5000) + events("b", 5000), [])
    for number in range(20):
        new = range(number * 10, number * 10 + 10)
        take(limit, events("a", 20) + events("b", 20), letters("a", new) + letters("b", new))
    with pytest.raises(RefusalsOverLimit):
        take(limit, NONE, letters("a", range(300, 350)) + letters("b", range(300, 350)))


def test_one_hall_that_sends_rubbish_alone_stops_nobody_however_much_it_is() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    for number in range(50):
        take(limit, events("b", 1), letters("a", range(number * 100, number * 100 + 100)))
    take(limit, NONE, letters("a", range(9000, 9500)))


def test_rubbish_of_half_of_the_halls_stops_nobody_and_of_more_than_half_everybody() -> None:
    half = RefusalLimit(0.5, WINDOW)
    take(half, events("c", 1) + events("d", 1), letters("a", range(100)) + letters("b", range(100)))
    more = RefusalLimit(0.5, WINDOW)
    with pytest.raises(RefusalsOverLimit):
        take(more, events("c", 1), letters("a", range(100)) + letters("b", range(100)))


def test_a_hall_with_single_refusals_is_not_in_trouble() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    take(limit, events("b", 10), letters("a", range(1000)) + letters("b", [1]))


def test_the_same_refused_events_again_say_nothing_new() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    bad = letters("a", range(20)) + letters("b", range(20))
    take(limit, events("a", 100) + events("b", 100), [])
    for _ in range(50):
        take(limit, NONE, bad)
    with pytest.raises(RefusalsOverLimit):
        take(limit, NONE, letters("a", range(100, 200)) + letters("b", range(100, 200)))


def test_what_fell_out_of_the_window_counts_again() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    bad = letters("a", range(60)) + letters("b", range(60))
    take(limit, events("a", 100) + events("b", 100), bad)
    take(limit, events("a", 200), [])
    with pytest.raises(RefusalsOverLimit):
        take(limit, NONE, bad)


def test_ids_used_again_count_once_the_store_has_found_them() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    tally = limit.weigh(events("a", 60) + events("b", 60), [])
    with pytest.raises(RefusalsOverLimit, match="id-reused"):
        limit.note(tally, letters("a", range(40), Reason.ID_REUSED) + letters("b", range(40), Reason.ID_REUSED))
    limit.note(tally, letters("a", range(20), Reason.ID_REUSED))


def test_switched_off_it_counts_nothing() -> None:
    limit = RefusalLimit(0, 1)
    take(limit, NONE, letters("a", range(100)) + letters("b", range(100)))


def test_an_unreadable_routing_key_is_one_party() -> None:
    limit = RefusalLimit(0.5, WINDOW)
    bad = [Letter(Refusal(Reason.NOT_JSON, "", "", "", f"{n}".encode()), "", "") for n in range(500)]
    take(limit, NONE, bad)


def test_the_line_says_how_many_why_from_whom_and_what_to_do() -> None:
    limit = RefusalLimit(0.6, WINDOW)
    bad = letters("a", range(70)) + letters("b", range(20), Reason.BAD_FIELD)
    with pytest.raises(RefusalsOverLimit) as stopped:
        limit.weigh(events("a", 10) + events("c", 1), bad)
    line = str(stopped.value)
    assert line.startswith("refusal limit: 90 of the last 101 events would be refused (limit 60%), in 2 of 3 halls; ")
    assert "reasons: bad-time 70, bad-field 20; halls: 222424.a 70, 222424.b 20; " in line
    for what in ("hallpulse refused list", "hallpulse refused resume", "HALLPULSE_REFUSAL_LIMIT=off"):
        assert what in line
    assert "\n" not in line
