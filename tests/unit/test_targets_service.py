"""The targets service without its framework: what it reads, shows, and tells others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hallpulse.domain.compression import ItemChange, ItemLimits
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import ELAPSED_BUCKETS, ElapsedHistogram, Figure, Window
from hallpulse.domain.integrity import CHECKS, Findings
from hallpulse.domain.targets import State, figure_of
from hallpulse.metrics import STATE_NUMBERS
from services.targets.announcements import BREACHED, RECOVERED
from services.targets.readings import TargetReadings
from tests.moments import StatedStore
from tests.unit.targets_ground import CATALOGUE, PLANS, Clock, Samples, readings_of, samples_of, scraped, value


def labels_of(samples: Samples, label: str) -> set[str]:
    return {v for _, labels in samples for k, v in labels if k == label}


def test_an_indicator_is_shown_with_its_numerator_and_denominator() -> None:
    samples = scraped(StatedStore(own=CATALOGUE))
    assert value(samples, "indicator_ratio", indicator="instant_item_share") == 0.42
    assert value(samples, "indicator_numerator", indicator="instant_item_share") == 21
    assert value(samples, "indicator_denominator", indicator="instant_item_share") == 50


def test_what_has_no_value_is_absent_and_not_nought() -> None:
    samples = scraped(StatedStore(own={**CATALOGUE, "satisfaction": Figure(0, 0), "tolerance_items": Figure(0, 1)}))
    assert value(samples, "indicator_ratio", indicator="satisfaction") is None
    assert value(samples, "indicator_denominator", indicator="satisfaction") is None
    assert value(samples, "indicator_ratio", indicator="tolerance_items") == 0
    assert value(samples, "target_met", target="disclosure_loss", indicator="disclosure_loss") is None
    assert value(samples, "target_goal", target="disclosure_loss", indicator="disclosure_loss") == 0.05


def test_a_target_shows_all_that_can_be_said_of_it() -> None:
    samples = scraped(StatedStore(own=CATALOGUE))
    labels = {"target": "settled_items", "indicator": "settled_item_share"}
    shown = {a: value(samples, f"target_{a}", **labels) for a in ("goal", "required", "gap", "met", "on_pace")}
    assert shown == {"goal": 0.92, "required": 0.92, "gap": pytest.approx(-0.02), "met": 0, "on_pace": 0}
    assert value(samples, "target_forecast", **labels) == 0.9


def test_a_target_of_each_department_is_shown_for_each() -> None:
    """On 24 November the reports of ten months are due; the tax bureau left out that of September."""
    arrivals = in_time("justice", range(1, 11)) | in_time("tax", [*range(1, 9), 10])
    samples = scraped(StatedStore(arrivals=arrivals))
    labels = {"target": "monthly_report", "indicator": "monthly_report"}
    assert value(samples, "department_target_met", department="justice", **labels) == 1
    assert value(samples, "department_target_gap", department="tax", **labels) == pytest.approx(-0.1)
    assert value(samples, "department_target_met", department="health", **labels) == 0
    assert value(samples, "department_target_goal", department="health", **labels) == 1
    assert value(samples, "target_met", **labels) == 0
    assert value(samples, "department_indicator_ratio", department="tax", indicator="monthly_report") == 0.9
    assert value(samples, "indicator_numerator", indicator="monthly_report") == 19
    assert value(samples, "indicator_denominator", indicator="monthly_report") == 400


def in_time(department: str, months: Iterable[int]) -> dict[tuple[str, str, date], date]:
    """All that the plan of 2026 asks of a department, on the second of the next month."""
    plan = next(plan for plan in PLANS if plan.id == "222424-2026")
    assert plan.reporting is not None
    firsts = [date(2026, month, 1) for month in months]
    return {
        (name, department, first): first + timedelta(days=32) - timedelta(days=(first + timedelta(days=32)).day - 2)
        for first in firsts
        for name in plan.reporting.asked(department, first)
    }


@pytest.mark.attack
def test_only_the_plan_and_the_catalogue_name_departments() -> None:
    stray = {"stray": {"settled_item_share": Figure(1, 1)}, "dept-1": {"settled_item_share": Figure(1, 2)}}
    samples = scraped(
        StatedStore(
            by_department=stray,
            catalogue=["dept-1"],
            open={"stray": {"overdue": 2}, "other-stray": {"overdue": 3}, "dept-1": {"overdue": 1}},
        )
    )
    assert "stray" not in labels_of(samples, "department")
    assert value(samples, "department_indicator_ratio", department="dept-1", indicator="settled_item_share") == 0.5
    assert value(samples, "cases_open", department="other", state="overdue") == 5
    assert value(samples, "cases_open", department="dept-1", state="overdue") == 1


def test_only_computed_and_planned_indicators_are_shown() -> None:
    samples = scraped(StatedStore(own={"made_up_by_an_event": Figure(1, 2), "law_lectures": Figure(1, 1)}))
    assert labels_of(samples, "indicator") & {"made_up_by_an_event"} == set()
    assert value(samples, "indicator_ratio", indicator="law_lectures") == 1


def test_elapsed_days_are_a_histogram_whose_buckets_add_up() -> None:
    counts = tuple(range(1, len(ELAPSED_BUCKETS) + 2))
    samples = scraped(
        StatedStore(elapsed={"justice": ElapsedHistogram(counts, 77), "stray": ElapsedHistogram(counts, 3)})
    )
    assert value(samples, "case_elapsed_days_bucket", department="justice", le="0") == 1
    assert value(samples, "case_elapsed_days_bucket", department="justice", le="2") == 1 + 2 + 3
    assert value(samples, "case_elapsed_days_bucket", department="justice", le="+Inf") == sum(counts)
    assert value(samples, "case_elapsed_days_count", department="justice") == sum(counts)
    assert value(samples, "case_elapsed_days_sum", department="justice") == 77
    assert value(samples, "case_elapsed_days_sum", department="other") == 3


def test_every_hall_shows_when_its_newest_event_happened() -> None:
    figures = StatedStore()
    figures.halls = {(222424, "hall-1"): 1_790_000_000_500_000}
    assert value(scraped(figures), "hall_last_event_timestamp_seconds", hall="hall-1") == 1_790_000_000.5


def test_a_figure_comes_with_its_coverage() -> None:
    samples = scraped(StatedStore())
    assert value(samples, "coverage_halls") == 2
    assert value(samples, "coverage_reporting") == 1


def test_a_county_without_a_plan_shows_the_calendar_year_so_far() -> None:
    figures = StatedStore(own=CATALOGUE, counties=(222401,))
    samples = scraped(figures, [])
    shown = samples["hallpulse_indicator_ratio", frozenset({("region", "222401"), ("indicator", "settled_item_share")})]
    assert shown == 0.9
    assert Window(date(2026, 1, 1), date(2026, 11, 24)) in windows_of(figures)
    assert not [name for name, _ in samples if "target" in name]


def test_a_plan_without_data_shows_its_goals_all_the_same() -> None:
    samples = scraped(StatedStore(counties=()))
    assert value(samples, "target_goal", target="instant_items", indicator="instant_item_share") == 0.4194
    assert value(samples, "indicator_ratio", indicator="instant_item_share") is None


def test_the_day_changes_at_midnight_in_shanghai() -> None:
    clock, figures = Clock(), StatedStore(counties=(222401,))
    clock.now = datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC).timestamp()
    readings = readings_of(figures, [], clock)
    readings.refresh()
    clock.now += 1
    readings.refresh()
    days = [window.end for window in windows_of(figures)]
    assert max(days) == date(2026, 11, 25)
    assert max(days[: days.index(date(2026, 11, 25))]) == date(2026, 11, 24)


def test_no_created_series_are_added_to_the_contract() -> None:
    assert not [name for name, _ in scraped(StatedStore(own=CATALOGUE)) if name.endswith("_created")]


# ---- breaches and recoveries


def loss(lost: int) -> dict[str, Figure]:
    return {"disclosure_loss": Figure(lost, 100)}


def windows_of(figures: StatedStore) -> list[Window]:
    """Whose tables were asked for, in order."""
    return [call[2] for call in figures.asked if call[0] == "figure_table"]


def told(readings: TargetReadings, figures: StatedStore, own: dict[str, Figure]) -> list[tuple[str, str]]:
    """Refresh with new figures, announce all that is due, and say what that was."""
    figures.own = own
    readings.refresh()
    due = readings.due()
    for change in due:
        readings.announcements.announced([change.announced])
    return [(change.kind, change.key.target) for change in due]


def test_a_start_announces_nothing() -> None:
    figures = StatedStore()
    assert told(readings_of(figures), figures, loss(50)) == []


def test_a_target_that_turns_is_announced_once() -> None:
    figures = StatedStore()
    readings = readings_of(figures)
    told(readings, figures, loss(5))
    assert told(readings, figures, loss(6)) == [(BREACHED, "disclosure_loss")]
    assert told(readings, figures, loss(7)) == []
    assert told(readings, figures, loss(5)) == [(RECOVERED, "disclosure_loss")]


def test_a_target_that_is_measured_for_the_first_time_and_short_is_a_breach() -> None:
    figures = StatedStore()
    readings = readings_of(figures)
    told(readings, figures, {})
    assert told(readings, figures, loss(6)) == [(BREACHED, "disclosure_loss")]


def test_a_figure_that_goes_missing_is_neither_breach_nor_recovery() -> None:
    figures = StatedStore()
    readings = readings_of(figures)
    told(readings, figures, loss(6))
    assert told(readings, figures, {}) == []
    assert told(readings, figures, loss(6)) == []
    assert told(readings, figures, {}) == []
    assert told(readings, figures, loss(5)) == [(RECOVERED, "disclosure_loss")]


def test_what_could_not_be_told_is_told_later() -> None:
    figures = StatedStore(own=loss(5))
    readings = readings_of(figures)
    readings.refresh()
    assert readings.due() == []
    figures.own = loss(6)
    readings.refresh()
    first, again = readings.due(), readings.due()
    assert [c.kind for c in first] == [c.kind for c in again] == [BREACHED]
    readings.announcements.announced([again[0].announced])
    assert readings.due() == []


def test_a_target_that_recovers_while_its_breach_is_being_sent_is_announced_as_recovered() -> None:
    figures = StatedStore(own=loss(5))
    readings = readings_of(figures)
    told(readings, figures, loss(5))
    figures.own = loss(6)
    readings.refresh()
    (breach,) = readings.due()
    figures.own = loss(5)
    readings.refresh()
    assert readings.due() == []
    readings.announcements.announced([breach.announced])
    assert [change.kind for change in readings.due()] == [RECOVERED]


def test_an_announcement_says_what_was_and_what_is() -> None:
    figures = StatedStore(own=loss(5))
    readings = readings_of(figures)
    readings.refresh()
    readings.due()
    figures.own = loss(6)
    readings.refresh()
    payload = readings.due()[0].payload()
    expected = {"region": 222424, "plan": "222424-2026", "id": "disclosure_loss", "department": None, "value": 0.06}
    assert {key: payload[key] for key in expected} == expected
    assert (payload["was_met"], payload["met"], payload["on_pace"]) == (True, False, False)


# ---- answers


def answer_of(own: dict[str, Figure], on: date | None = None) -> dict[str, Any]:
    return readings_of(StatedStore(own=own)).evaluate(222424, on)


def test_an_answer_has_the_fields_of_the_contract() -> None:
    answer = answer_of(CATALOGUE)
    assert (answer["plan"], answer["on"]) == ("222424-2026", "2026-11-24")
    instant = answer["targets"][0]
    assert (instant["id"], instant["indicator"], instant["numerator"]) == ("instant_items", "instant_item_share", 21)
    assert (instant["value"], instant["goal"], instant["met"]) == (0.42, 0.4194, True)
    assert instant["readings"] == {"points": 0.4194, "relative": 0.35134, "remaining": pytest.approx(0.38746)}


def test_another_day_is_answered_from_the_plan_in_force_then() -> None:
    assert answer_of(CATALOGUE, date(2023, 11, 1))["plan"] == "222424-2023"


def test_a_day_without_a_plan_is_answered_without_targets() -> None:
    assert answer_of(CATALOGUE, date(2025, 6, 1)) == {
        "region": 222424, "on": "2025-06-01", "plan": None, "targets": [],
    }  # fmt: skip


def test_a_target_shows_its_state_also_where_nothing_can_be_said() -> None:
    samples = scraped(StatedStore(own=CATALOGUE))
    shown = {
        target: value(samples, "target_state", target=target, indicator=indicator)
        for target, indicator in (("settled_items", "settled_item_share"), ("disclosure_loss", "disclosure_loss"))
    }
    assert shown == {
        "settled_items": STATE_NUMBERS.index(State.BEHIND),
        "disclosure_loss": STATE_NUMBERS.index(State.NOT_MEASURED),
    }


def test_names_leads_and_readings_are_shown_beside_the_figures() -> None:
    samples = scraped(StatedStore(own=CATALOGUE, catalogue=["dept-1"]))
    assert "县司法局" in labels_of(samples, "zh")
    assert "government-office,justice" in labels_of(samples, "lead")
    labels = {"target": "promised_limit", "indicator": "promised_limit_compression"}
    readings = {r: value(samples, "target_reading_goal", reading=r, **labels) for r in ("points", "relative")}
    assert readings == {"points": pytest.approx(0.7356), "relative": pytest.approx(0.69916)}
    assert value(samples, "department_info", department="dept-1", zh="dept-1", en="dept-1") == 1
    assert value(samples, "plan_end_timestamp_seconds", plan="222424-2026") == 1798732800
    assert value(samples, "provisional") == 0
    assert value(samples, "working_day") == 1


def test_what_lowered_the_compression_is_named_with_its_part() -> None:
    compression = "promised_limit_compression"
    figures = StatedStore(
        own={compression: Figure(50, 100)},
        earlier={date(2026, 11, 17): {compression: Figure(60, 100)}},
        changes=[
            ItemChange(
                222424, "0101", "取水许可", ItemLimits("water", False, 20, 0), ItemLimits("water", False, 20, 10)
            )
        ],
    )
    samples = scraped(figures)
    assert value(samples, "indicator_ratio_ago", indicator=compression, days="7") == 0.6
    named = {"department": "water", "item": "0101", "zh": "取水许可"}
    assert value(samples, "item_compression_change", **named) == pytest.approx(-0.1)


def test_every_integrity_check_shows_its_findings() -> None:
    assert value(scraped(StatedStore()), "integrity_findings", check="slow_instant") == 2


def test_while_nothing_changes_a_refresh_reads_nothing_and_is_as_fresh() -> None:
    """Every integrity check and balance is brought up to date first, then only the version is asked for."""
    figures, clock = StatedStore(own=CATALOGUE, counties=(222401, 222424), version="1:1:"), Clock()
    readings = readings_of(figures, clock=clock)
    for _ in range(6):
        readings.refresh()
        clock.now += 2
    assert figures.asked
    figures.asked.clear()
    still = readings.refresh()
    assert figures.asked == [("version",)]
    assert not readings.changed
    assert still.taken == clock.now
    assert readings.attempts.taken == clock.now


def test_what_changes_is_read_by_the_next_refresh() -> None:
    figures, clock = StatedStore(own=CATALOGUE, version="1:1:"), Clock()
    readings = readings_of(figures, clock=clock)
    for _ in range(3):
        readings.refresh()
        clock.now += 2
    assert not readings.changed
    figures.own, figures.version = {**CATALOGUE, "settled_item_share": Figure(1, 2)}, "1:2:"
    readings.refresh()
    assert readings.changed
    assert value(samples_of(readings), "indicator_ratio", indicator="settled_item_share") == 0.5


def test_the_next_day_is_read_though_nothing_changed() -> None:
    figures, clock = StatedStore(own=CATALOGUE, version="1:1:"), Clock()
    readings = readings_of(figures, clock=clock)
    for _ in range(3):
        readings.refresh()
        clock.now += 2
    figures.asked.clear()
    clock.now += 86_400
    readings.refresh()
    days = {asked[2].end for asked in figures.asked if asked[0] in ("integrity", "flow")}
    assert days == {date(2026, 11, 25)}


def test_what_was_kept_from_before_the_last_change_is_read_again_once_nothing_changes() -> None:
    figures, clock = StatedStore(own=CATALOGUE, version="1:1:"), Clock()
    readings = readings_of(figures, clock=clock)
    for _ in range(3):
        readings.refresh()
        clock.now += 2
    figures.version = "1:2:"
    figures.findings = tuple(Findings(check, 9, ()) for check in CHECKS)
    for _ in range(3):
        readings.refresh()
        clock.now += 2
    assert not readings.changed
    assert value(samples_of(readings), "integrity_findings", check="slow_instant") == 9


def test_where_a_change_cannot_be_seen_by_the_version_everything_is_read_each_time() -> None:
    figures, clock = StatedStore(own=CATALOGUE), Clock()
    readings = readings_of(figures, clock=clock)
    for number in range(5):
        figures.own = {**CATALOGUE, "settled_item_share": Figure(number, 10)}
        assert figure_of(readings.refresh().regions[0].table, "settled_item_share") == Figure(number, 10)
        clock.now += 2


def test_a_change_whose_reading_fails_is_read_by_the_next() -> None:
    figures, clock = StatedStore(own=CATALOGUE, version="1:1:"), Clock()
    readings = readings_of(figures, clock=clock)
    readings.refresh()
    figures.own, figures.version = {**CATALOGUE, "settled_item_share": Figure(1, 2)}, "1:2:"
    figures.fault = Unavailable("database: no answer")
    with pytest.raises(Unavailable):
        readings.refresh()
    figures.fault = None
    readings.refresh()
    assert value(samples_of(readings), "indicator_ratio", indicator="settled_item_share") == 0.5
