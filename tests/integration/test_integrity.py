from __future__ import annotations

from datetime import date
from typing import Any

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import CHECKS, Findings
from hallpulse.store import Store
from tests.integration.test_store import case, cloud_event, item, received, step
from tests.merging import decoded, merge_all
from tests.moments import ask

MARCH = Window(date(2026, 3, 1), date(2026, 3, 31))
TODAY = date(2026, 11, 24)


def found(store: Store, events: list[dict[str, Any]], check: str, window: Window = MARCH) -> Findings:
    merge_all(store, decoded(events), 100)
    (findings,) = [one for one in ask(store).integrity(Scope(222424), window, TODAY) if one.check.id == check]
    return findings


def accepted(case_id: str, day: str) -> list[dict[str, Any]]:
    return [received(case_id, day), step(case_id, "accepted", day)]


def test_every_check_answers_also_without_findings(store: Store) -> None:
    findings = ask(store).integrity(Scope(220000), MARCH, TODAY)
    assert [(one.check, one.count, one.rows) for one in findings] == [(check, 0, ()) for check in CHECKS]


def test_compression_by_raising_the_statutory_limit_is_found(store: Store) -> None:
    events = [item(5, "2026-01-01", "v1"), item(5, "2026-03-02", "v2", statutory_days=40)]
    findings = found(store, events, "statutory_raised")
    assert findings.count == 1
    assert (findings.rows[0]["statutory_before"], findings.rows[0]["statutory_days"]) == (20, 40)


def test_instant_items_that_took_days_are_found(store: Store) -> None:
    instant = item(0, "2026-01-01", "v", handling="instant")
    findings = found(store, [instant, *case(1), *case(2, "2026-03-02")], "slow_instant")
    assert [row["case_id"] for row in findings.rows] == ["case-1"]


def test_a_promise_far_above_what_cases_take_is_found_from_ten_cases_on(store: Store) -> None:
    merge_all(store, decoded([item(15, "2026-01-01", "v")]), 1)
    nine = [event for number in range(9) for event in case(number)]
    assert found(store, nine, "promise_far_from_actual").count == 0
    (row,) = found(store, case(9), "promise_far_from_actual").rows
    assert (row["promised_days"], row["p90"], row["decided"]) == (15, 4, 10)


def test_a_clock_stopped_on_the_eve_of_the_due_day_is_found(store: Store) -> None:
    def stopped(name: str, day: str) -> list[dict[str, Any]]:
        return [*accepted(name, "2026-03-02"), step(name, "suspended", day, procedure="testing")]

    events = [item(5, "2026-01-01", "v"), *stopped("early", "2026-03-04"), *stopped("eve", "2026-03-06")]
    assert [row["case_id"] for row in found(store, events, "suspended_on_eve").rows] == ["eve"]


def test_acceptance_on_a_day_off_is_found(store: Store) -> None:
    events = [*accepted("saturday", "2026-03-07"), *accepted("monday", "2026-03-09")]
    assert [row["case_id"] for row in found(store, events, "outside_opening_days").rows] == ["saturday"]


def test_a_hall_without_events_for_three_working_days_is_silent(store: Store) -> None:
    events = accepted("case", "2026-03-25")
    silent = {end: found(store, events, "silent_hall", Window(date(2026, 3, 1), date(2026, 3, end))).count
              for end in (25, 27, 28, 30)}  # fmt: skip
    assert silent == {25: 0, 27: 0, 28: 0, 30: 1}


def test_late_events_are_counted_by_hall(store: Store) -> None:
    (row,) = found(store, case(1), "late_events").rows
    assert (row["hall"], row["events"]) == ("hall-1", 2)


def test_a_five_within_seconds_of_the_decision_is_found(store: Store) -> None:
    def rated(name: str, second: int, score: int) -> list[dict[str, Any]]:
        data = {"case_id": name, "score": score}
        decision = step(name, "decided", "2026-03-06", outcome="granted")
        return [received(name, "2026-03-02"), decision,
                cloud_event("case.rated", f"2026-03-06T10:00:{second:02}", f"{name}-rated", data)]  # fmt: skip

    events = [*rated("at-once", 5, 5), *rated("later", 50, 5), *rated("honest", 5, 4)]
    assert [row["case_id"] for row in found(store, events, "rated_at_once").rows] == ["at-once"]
