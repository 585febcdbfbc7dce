"""Cases that a check found mark the figures that gain from them: in every answer that shows or ranks the figure."""

from __future__ import annotations

from datetime import date
from typing import Any

from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Store
from tests.integration.test_reports import REGION, gateway
from tests.integration.test_store import cloud_event, item, received, step
from tests.merging import decoded, merge_all
from tests.moments import ask

MARCH = Window(date(2026, 3, 1), date(2026, 3, 31))


def rated(name: str, second: int, score: int) -> list[dict[str, Any]]:
    data = {"case_id": name, "score": score}
    return [
        received(name, "2026-03-02"),
        step(name, "decided", "2026-03-06", outcome="granted"),
        cloud_event("case.rated", f"2026-03-06T10:00:{second:02}", f"{name}-rated", data),
    ]


def test_satisfaction_without_the_fives_that_were_pressed(store: Store) -> None:
    pressed = [event for number in range(3) for event in rated(f"pressed-{number}", 4, 5)]
    merge_all(store, decoded([*pressed, *rated("content", 50, 4), *rated("angry", 55, 1)]), 20)
    (one,) = [d for d in ask(store).case_doubts(Scope(REGION), MARCH) if d.indicator == "satisfaction"]
    assert (one.check, one.cases, one.numerator, one.denominator) == ("rated_at_once", 3, 3, 3)
    with gateway(store) as client:
        asked = {"region": REGION, "from": "2026-03-01", "to": "2026-03-31"}
        shown = client.get("/v1/indicators", params=asked).json()["indicators"]
        listed = client.get("/v1/departments", params=asked).json()["departments"]
        halls = client.get("/v1/indicators", params={**asked, "hall": "hall-1"}).json()["indicators"]
    for figures in (shown, halls, next(d["indicators"] for d in listed if d["id"] == one.department)):
        (satisfaction,) = [figure for figure in figures if figure["id"] == "satisfaction"]
        (mark,) = satisfaction["marks"]
        assert (satisfaction["numerator"], satisfaction["denominator"]) == (4, 5)
        assert (mark["check"], mark["findings"]) == ("rated_at_once", 3)
        assert (mark["without"]["numerator"], mark["without"]["denominator"]) == (1, 2)


def test_a_promise_kept_by_stopping_the_clock_at_the_last_moment_is_marked(store: Store) -> None:
    stopped = [
        received("stopped", "2026-03-02"),
        step("stopped", "accepted", "2026-03-02"),
        step("stopped", "suspended", "2026-03-06", procedure="testing"),
        step("stopped", "resumed", "2026-03-19"),
        step("stopped", "decided", "2026-03-20", outcome="granted"),
    ]
    late = [received("late", "2026-03-02"), step("late", "decided", "2026-03-20", outcome="granted")]
    merge_all(store, decoded([item(5, "2026-01-01", "v"), *stopped, *late]), 20)
    found = {d.indicator: d for d in ask(store).case_doubts(Scope(REGION), MARCH)}
    kept = found["promise_kept_rate"]
    assert (kept.check, kept.cases, kept.numerator, kept.denominator) == ("suspended_on_eve", 1, 1, 1)
