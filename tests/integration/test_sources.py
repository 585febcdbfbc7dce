"""Scorecards of halls from the store, and as the gateway answers them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.sources import SourceCounts
from hallpulse.store import Store
from tests.integration.test_reports import gateway
from tests.integration.test_store import case, item, received, step
from tests.merging import decoded
from tests.moments import ask

MARCH = Window(date(2026, 3, 1), date(2026, 3, 31))
REGION = 222424


def counts(store: Store, window: Window = MARCH) -> SourceCounts:
    (one,) = ask(store).sources(Scope(REGION), window, date(2026, 3, 10))
    return one


def test_what_arrived_twice_or_out_of_order_is_counted_on_the_day_of_arrival(store: Store) -> None:
    arrived = datetime(2026, 3, 9, 1, tzinfo=UTC)
    events = decoded([item(5, "2026-01-01", "v"), *case(1, "2026-03-05")])
    store.merge(events, arrived)
    store.merge(events[1:], arrived)
    store.merge(events[:1], datetime(2026, 4, 1, tzinfo=UTC))
    found = counts(store)
    assert (found.arrived, found.duplicates) == (len(events), len(events) - 1)
    assert counts(store, Window(date(2026, 4, 1), date(2026, 4, 30))).duplicates == 1
    backwards = decoded([step("case-2", "decided", "2026-03-06", outcome="granted"), received("case-2", "2026-03-05")])
    store.merge(backwards, arrived)
    assert counts(store).disordered == found.disordered + 1


def test_days_codes_and_contradictions_are_those_of_the_window(store: Store) -> None:
    events = [received("wrong", "2026-03-03"), step("wrong", "accepted", "2026-03-04"),
              step("wrong", "decided", "2026-03-02", outcome="granted")]  # fmt: skip
    store.merge(decoded(events), datetime(2026, 3, 4, 12, tzinfo=UTC))
    found = counts(store)
    assert (found.cases, found.unknown_codes, found.contradictory) == (1, 1, 1)
    assert (found.days_sent, found.working_days) == (3, 22)


def test_the_gateway_tells_what_to_mend_and_lists_the_worst_first(store: Store) -> None:
    store.merge(decoded([item(5, "2026-01-01", "v"), *case(1, "2026-03-05")]), datetime(2026, 3, 31, tzinfo=UTC))
    with gateway(store) as client:
        asked = {"region": REGION, "from": "2026-03-01", "to": "2026-03-31"}
        answered = client.get("/v1/sources", params=asked)
        assert answered.status_code == 200, answered.text
        (hall,) = answered.json()["sources"]
    assert (hall["hall"], hall["grade"]) == ("hall-1", "D")
    told = {one["id"]: one for one in hall["aspects"]}
    assert told["timeliness"]["grade"] == "D"
    assert told["timeliness"]["mend"]["zh"]
    assert (told["codes"]["share"], told["codes"]["mend"]) == (1, None)
