"""The simulated county: the same every time, true to the plan's bases, and as dirty as life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.contract.decode import BATCH_TYPE, decode_events
from hallpulse.contract.encode import encode_batch
from hallpulse.contract.events import EventType, FigureReported, HallEvent, ItemPublished
from hallpulse.domain.catalogue import ItemRecord, span_on, timeline
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import ITEM_COLUMNS, item_amounts
from hallpulse.domain.workdays import day_of, workdays_of
from hallpulse.plans import load_plan
from services.simulator import County, Sent, simulate
from services.simulator.county import HALLS, moment
from services.simulator.rhythm import cases_by_day

CHECKOUT = Path(__file__).parents[2]
PLAN = load_plan(CHECKOUT / "plans" / "222424-2026.yaml")
CALENDARS = {c.scope: c for c in [national_calendar(), *load_overrides(CHECKOUT / "calendars")]}
WORKDAYS = workdays_of(222424, CALENDARS)
END = moment(day_of(date(2027, 2, 1)))
YEAR = County(PLAN, WORKDAYS, END, cases=3_000)


@pytest.fixture(scope="module")
def year() -> list[Sent]:
    return list(simulate(YEAR))


def shares(events: Sequence[Sent], on: date) -> dict[str, Fraction]:
    """The catalogue's indicators on a day."""
    records: dict[str, list[ItemRecord]] = {}
    for event in (
        sent.event for sent in events if sent.event.type in (EventType.ITEM_PUBLISHED, EventType.ITEM_RETIRED)
    ):
        start = day_of(date.fromisoformat(event.data.effective_from))  # type: ignore[attr-defined]
        version = event.data.version if isinstance(event.data, ItemPublished) else None
        records.setdefault(event.entity, []).append(ItemRecord(event.hall, event.id, event.time, start, version))
    spans = [span for listed in records.values() if (span := span_on(timeline(listed), day_of(on))) is not None]
    sums = [sum(column) for column in zip(*(item_amounts(span.version) for span in spans), strict=True)]
    columns = dict(zip(ITEM_COLUMNS, sums, strict=True))
    values = {i.id: i.figure(columns).value for i in COMPUTED.values() if i.kind == "catalogue"}
    return {name: value for name, value in values.items() if value is not None}


def test_the_same_seed_gives_the_same_year_and_another_one_another(year: list[Sent]) -> None:
    assert list(simulate(YEAR)) == year
    assert list(simulate(replace(YEAR, seed=1)))[:2_000] != year[:2_000]


def test_a_longer_year_begins_like_a_shorter_one(year: list[Sent]) -> None:
    """But for the heartbeats of the last nights: what was published before is published again, word for word."""
    shorter = replace(YEAR, until=moment(day_of(date(2026, 7, 15)), 40_000))
    said = {(sent.event.hall, sent.event.id): sent for sent in year}
    for sent in simulate(shorter):
        if sent.event.type is not EventType.HEARTBEAT:
            assert said[sent.event.hall, sent.event.id].event == sent.event


def test_at_the_beginning_the_shares_are_the_plans_bases(year: list[Sent]) -> None:
    base = shares(year, date(2026, 1, 1))
    assert base["instant_item_share"] == Fraction(382, 1196)  # 31.940 %
    assert abs(base["instant_item_share"] - Fraction(3194, 10_000)) < Fraction(1, 100_000)
    assert base["promised_limit_compression"] == Fraction(6356, 10_000)
    assert base["settled_item_share"] < Fraction(92, 100)
    assert base["full_process_item_share"] < Fraction(70, 100)


def test_at_the_end_the_first_goal_is_reached_and_the_second_nearly(year: list[Sent]) -> None:
    end = shares(year, date(2026, 12, 31))
    assert Fraction(41, 100) <= end["instant_item_share"] <= Fraction(43, 100)
    assert Fraction(72, 100) <= end["promised_limit_compression"] <= Fraction(74, 100)
    assert end["settled_item_share"] >= Fraction(92, 100)
    assert end["full_process_item_share"] >= Fraction(70, 100)


def test_items_are_settled_by_midyear(year: list[Sent]) -> None:
    assert shares(year, date(2026, 6, 30))["settled_item_share"] >= Fraction(92, 100)


def test_events_come_in_the_order_of_their_arrival_and_none_before_it_happened(year: list[Sent]) -> None:
    arrivals = [sent.arrives for sent in year]
    assert arrivals == sorted(arrivals)
    assert all(sent.event.time <= sent.arrives <= END for sent in year)


def test_some_are_late_some_double_and_none_uses_an_id_again(year: list[Sent]) -> None:
    late = sum(sent.arrives - sent.event.time > 3_600_000_000 for sent in year)
    assert late > len(year) * 0.01
    first: dict[tuple[str, str], HallEvent] = {}
    doubles = sum(first.setdefault((s.event.hall, s.event.id), s.event) is not s.event for s in year)
    assert doubles == 0
    counts = Counter((sent.event.hall, sent.event.id) for sent in year)
    assert sum(count > 1 for count in counts.values()) > 50


def test_every_event_is_let_in_by_the_contract(year: list[Sent]) -> None:
    for start in range(0, len(year), 500):
        batch = [sent.event for sent in year[start : start + 500]]
        assert decode_events(encode_batch(batch), content_type=BATCH_TYPE, now=END) == batch


def test_everything_happens_that_can_happen(year: list[Sent]) -> None:
    kinds = {sent.event.type for sent in year}
    missing = set(EventType) - kinds
    assert missing == {
        EventType.ITEM_RETRACTED, EventType.TALLY_RETRACTED, EventType.FIGURE_RETRACTED,
    }  # fmt: skip
    assert {sent.event.hall for sent in year} == {hall.id for hall in HALLS}


def test_the_cases_of_a_year_are_as_many_as_asked_and_few_on_days_off() -> None:
    counts = cases_by_day(YEAR)
    assert sum(counts) == 3_000
    first = YEAR.first_day
    off = sum(count for day, count in enumerate(counts, start=first) if not WORKDAYS.is_working(day))
    assert off < 3_000 * 0.05


def test_every_declared_figure_of_the_plan_is_reported(year: list[Sent]) -> None:
    reported = {sent.event.data.indicator for sent in year if isinstance(sent.event.data, FigureReported)}
    assert reported == {indicator.id for indicator in PLAN.indicators}


def test_a_hall_falls_silent_in_june_and_sends_everything_afterwards(year: list[Sent]) -> None:
    silent = (moment(YEAR.first_day + 158), moment(YEAR.first_day + 167))
    mine = [sent for sent in year if sent.event.hall == "luozigou"]
    assert not any(silent[0] <= sent.arrives < silent[1] for sent in mine)
    assert any(silent[0] <= sent.event.time < silent[1] for sent in mine)


def test_another_plan_and_year_work_too() -> None:
    plan = load_plan(CHECKOUT / "plans" / "222424-2023.yaml")
    past = County(plan, WORKDAYS, moment(day_of(date(2024, 1, 31))), cases=1_000)
    events = list(simulate(past))
    assert sum(sent.event.type is EventType.CASE_RECEIVED for sent in events) >= 1_000
    assert shares(events, date(2023, 1, 1))["promised_limit_compression"] == Fraction(6356, 10_000)
