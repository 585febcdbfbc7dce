"""Declared figures in the database: which of them count, by the plans; the others are found and change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from alembic import command
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hallpulse.contract.events import EventType, FigureReported, FigureRetracted, HallEvent
from hallpulse.domain.case import pack_id
from hallpulse.domain.declarations import Declaration, fault_of
from hallpulse.domain.figures import Declared, Figure, Scope, Window, declared_sums, period_window
from hallpulse.domain.integrity import Findings
from hallpulse.domain.plan import DeclaredIndicator, Department, Plan
from hallpulse.store import FigureFilter, FigureReport, Store, open_store
from hallpulse.store.database import open_engine, pack_data
from hallpulse.store.migration import alembic_config
from hallpulse.store.reading.declared import Rules, declared_figures, declared_table
from hallpulse.store.reading.declared_reports import read_reports
from tests.asked import named
from tests.merging import NOW, merge_all
from tests.moments import ask

REGION, YEAR = 222424, Window(date(2026, 1, 1), date(2026, 12, 31))
COUNTY = Plan(
    "county", REGION, named("county"), "-", YEAR, (),
    departments=(Department("a", named("a")), Department("b", named("b"))),
    indicators=(
        DeclaredIndicator("lectures", named("lectures"), "count", ("month",)),
        DeclaredIndicator("lost", named("lost"), "share", ("month", "year")),
        DeclaredIndicator("wait", named("wait"), "days"),
    ),
)  # fmt: skip
PROVINCE = Plan(
    "province", 220000, named("province"), "-", Window(date(2025, 7, 1), date(2026, 6, 30)), (),
    departments=(Department("b", named("b")), Department("c", named("c"))),
    indicators=(
        DeclaredIndicator("lectures", named("lectures"), "share", ("day", "month")),
        DeclaredIndicator("petitions", named("petitions"), "share"),
    ),
)  # fmt: skip
PLANS = [COUNTY, PROVINCE]
PERIODS = ("2026", "2026-01", "2026-02", "2026-12", "2026-01-05", "2026-07-01", "2025-12", "2027", "2025")
KEYS = st.tuples(
    st.sampled_from((222424, 222401, 330100)),
    st.sampled_from(("lectures", "lost", "wait", "petitions", "nobody_asked")),
    st.sampled_from(PERIODS),
    st.sampled_from(("", "a", "b", "c", "d")),
)
SMALL = st.integers(-2, 6)
SAID = st.tuples(SMALL, st.none() | SMALL, st.dates(date(2025, 12, 30), date(2026, 12, 31)))
REPORTED = st.dictionaries(KEYS, st.lists(SAID, min_size=1, max_size=3), max_size=14)
WINDOWS = (Window(date(2025, 1, 1), date(2027, 12, 31)), YEAR, Window(date(2026, 1, 1), date(2026, 2, 28)))
FIXTURES = [HealthCheck.function_scoped_fixture]
Reported = dict[tuple[int, str, str, str], list[tuple[int, int | None, date]]]


@pytest.fixture
def rows(store_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(store_url, autocommit=True) as connection:
        yield connection


def put(rows: psycopg.Connection[Any], reported: Reported) -> None:
    rows.execute("DELETE FROM figures")
    for key, reports in reported.items():
        window = period_window(key[2])
        for place, (numerator, denominator, arrived) in enumerate(reports):
            midnight = (arrived - date(1970, 1, 1)).days * 1440 - 480
            row = (*key, "hall-1", f"{key}{place}".encode(), place, window.start, window.end, numerator, denominator,
                   len(reports) - place, 0, midnight)  # fmt: skip
            rows.execute(f"INSERT INTO figures VALUES ({', '.join(['%s'] * len(row))})", row)


def counting(reported: Reported, scope: Scope, window: Window) -> list[Declared]:
    """By the rules as they read: of each figure the first report that is right."""
    low, high = scope.bounds
    found = []
    for (region, indicator, period, department), reports in reported.items():
        days = period_window(period)
        if not (low <= region <= high and window.start <= days.start and days.end <= window.end):
            continue
        for numerator, denominator, arrived in reports:
            said = Declaration(region, indicator, department, days, numerator, denominator, arrived)
            if fault_of(PLANS, said) is None:
                found.append(Declared(region, indicator, department, days, numerator, denominator))
                break
    return found


@settings(max_examples=200, deadline=None, suppress_health_check=FIXTURES)
@given(REPORTED, st.sampled_from((None, "a", "b")), st.sampled_from(WINDOWS))
@example({(222424, "lost", "2026-01", "a"): [(9, 5, YEAR.end), (2, 5, YEAR.end)]}, None, YEAR)
def test_the_database_judges_as_the_domain_does(
    store: Store, rows: psycopg.Connection[Any], reported: Reported, department: str | None, window: Window
) -> None:
    put(rows, reported)
    rules = Rules(tuple(PLANS))
    for scope in (Scope(220000, department), Scope(REGION, department)):
        wanted = counting(reported, scope, window)
        with store._reading.connect() as connection:
            assert declared_figures(connection, rules, scope, window) == declared_sums(wanted, department)
            whole = counting(reported, Scope(scope.region), window)
            assert declared_table(connection, rules, scope.region, window) == (
                declared_sums(whole, None),
                {one: declared_sums(whole, one) for one in {figure.department for figure in whole} - {""}},
            )


def test_without_plans_nothing_counts(store: Store, rows: psycopg.Connection[Any]) -> None:
    put(rows, {(222424, "lost", "2026-01", "a"): [(1, 5, YEAR.end)]})
    with store._reading.connect() as connection:
        assert declared_table(connection, Rules(), REGION, YEAR) == ({}, {})


def test_a_query_is_given_the_plans_alone_that_can_hold_a_figure_of_its_scope_and_window() -> None:
    many = [replace(COUNTY, id=f"county-{code}", region=code) for code in range(222401, 222461)]
    rules = Rules((*many, PROVINCE))
    year = rules.within(Scope(REGION), YEAR)
    assert set(zip(year["b_low"], year["b_high"], strict=True)) == {(222424, 222424), (220000, 229999)}
    late = rules.within(Scope(REGION), Window(date(2026, 12, 1), date(2026, 12, 31)))
    assert set(late["b_low"]) == {222424}
    assert {*rules.within(Scope(222400), YEAR)["b_low"]} == {220000, *range(222401, 222461)}
    assert rules.within(Scope(330100), YEAR)["a_low"] == []


def test_a_provinces_figures_are_planned_by_their_values_and_a_countys_need_not_be(store: Store) -> None:
    rules, modes = Rules(tuple(PLANS)), []
    for region in (220000, 222400, REGION):
        with store._reading.begin() as connection:
            declared_figures(connection, rules, Scope(region), YEAR)
            modes.append(connection.exec_driver_sql("SHOW plan_cache_mode").scalar())
    assert modes == ["force_custom_plan", "force_custom_plan", "auto"]


@pytest.fixture
def judged(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=PLANS)
    yield opened
    opened.close()


def report(numerator: int, denominator: int | None = 5, *, revision: int = 1, **more: Any) -> HallEvent:
    said = {"indicator": "lost", "period": "2026-05", "department": "a", **more}
    data = FigureReported(revision=revision, numerator=numerator, denominator=denominator, **said)
    id_ = f"{numerator}/{denominator}/{revision}/{'/'.join(map(str, said.values()))}"[:60]
    return HallEvent(REGION, "hall-1", id_, EventType.FIGURE_REPORTED, int(NOW.timestamp() * 1_000_000), data)


def lost(store: Store) -> Figure:
    return ask(store).figures(Scope(REGION), YEAR).get("lost", Figure(0, 0))


def findings(store: Store, check: str, window: Window = YEAR) -> Findings:
    return next(one for one in ask(store).integrity(Scope(REGION), window, YEAR.end) if one.check.id == check)


IMPOSSIBLE: Sequence[HallEvent] = (
    report(9, revision=2),
    report(-7, revision=2),
    report(3, -5, revision=2),
    report(3, None, revision=2),
    report(3, period="2026-05-04"),
    report(1, 2, indicator="lectures", period="2026-07"),
)
UNKNOWN: Sequence[HallEvent] = (
    report(3, indicator="made_up"),
    report(3, department="d"),
    report(3, period="2019-05"),
)


def test_what_cannot_be_right_changes_no_figure_and_is_a_finding(judged: Store) -> None:
    merge_all(judged, [report(2)], 1)
    assert lost(judged) == Figure(2, 5)
    merge_all(judged, [*IMPOSSIBLE, *UNKNOWN], 3)
    assert lost(judged) == Figure(2, 5)
    assert ask(judged).figure_table(REGION, YEAR).figure("lost", "a") == Figure(2, 5)
    assert ask(judged).overview(Scope(220000), YEAR, YEAR.end).figures["lost"] == Figure(2, 5)
    found = {check: findings(judged, check) for check in ("impossible_figure", "unknown_figure")}
    assert {check: one.count for check, one in found.items()} == {"impossible_figure": 6, "unknown_figure": 3}
    told = next(row for row in found["impossible_figure"].rows if row["numerator"] == 9)
    assert (told["hall"], told["department"], told["period"], told["revision"]) == ("hall-1", "a", "2026-05", 2)
    assert told["time"].startswith("2026-11-24T20:00:00")
    assert told["arrived"].startswith("2026-11-24T20:00:00")
    assert judged.recompute(check=True) == []


def test_a_period_that_had_not_begun_when_it_was_reported_stays_impossible(judged: Store) -> None:
    early = report(1, period="2026-12")
    judged.merge([early], NOW)
    assert lost(judged) == Figure(0, 0)
    assert findings(judged, "impossible_figure").count == 1
    december = report(2, period="2026-12", revision=2)
    judged.merge([december], datetime(2026, 12, 1, 0, 0, tzinfo=UTC) - timedelta(hours=8))
    assert lost(judged) == Figure(2, 5)


def test_a_retraction_takes_a_finding_away_and_brings_back_what_it_hid(judged: Store) -> None:
    good, wrong = report(2), report(9, revision=3)
    better = report(4, revision=2)
    merge_all(judged, [wrong, better, good], 1)
    assert lost(judged) == Figure(4, 5)
    for event in (wrong, better):
        data = FigureRetracted(indicator="lost", period="2026-05", event_id=event.id, department="a")
        judged.merge(
            [HallEvent(REGION, "hall-1", f"r{event.id}"[:64], EventType.FIGURE_RETRACTED, event.time, data)], NOW
        )
    assert lost(judged) == Figure(2, 5)
    assert findings(judged, "impossible_figure").count == 0


def test_a_correction_takes_a_finding_away_and_keeps_the_day_on_which_the_figure_came(judged: Store) -> None:
    """Of what cannot be right nothing came: only a report that could be right arrived on its day."""
    first, later = datetime(2026, 6, 3, tzinfo=UTC), datetime(2026, 6, 20, tzinfo=UTC)
    right, wrong = report(2), report(9, department="b")
    judged.merge([right, wrong], first)
    assert findings(judged, "impossible_figure").count == 1
    judged.merge([report(3, corrects=right.id), report(4, department="b", corrects=wrong.id)], later)
    assert findings(judged, "impossible_figure").count == 0
    assert lost(judged) == Figure(7, 10)
    arrived = ask(judged).first_reports(REGION, YEAR)
    assert {department: day.day for (_, department, _), day in arrived.items()} == {"a": 3, "b": 20}
    told = ask(judged).figure_reports(FigureFilter(Scope(REGION), YEAR))
    assert sorted((one.department, one.numerator, one.status) for one in told) == [
        ("a", 2, "superseded"), ("a", 3, "counted"), ("b", 4, "counted"), ("b", 9, "superseded"),
    ]  # fmt: skip
    assert judged.recompute(check=True) == []


def test_the_judgement_follows_the_plans_in_force(judged: Store) -> None:
    merge_all(judged, [report(2), report(3, indicator="made_up")], 1)
    judged.judge_by([])
    assert lost(judged) == Figure(0, 0)
    assert findings(judged, "unknown_figure").count == 2
    judged.judge_by(PLANS)
    assert lost(judged) == Figure(2, 5)
    assert findings(judged, "unknown_figure").count == 1


def test_an_old_finding_is_listed_when_its_period_or_its_arrival_is_asked_for(judged: Store) -> None:
    merge_all(judged, [report(3, period="2019-05")], 1)
    assert findings(judged, "unknown_figure").count == 1
    assert findings(judged, "unknown_figure", Window(date(2019, 5, 31), date(2019, 6, 2))).count == 1
    assert findings(judged, "unknown_figure", Window(date(2020, 1, 1), date(2026, 11, 23))).count == 0


def test_every_report_is_told_with_what_became_of_it(judged: Store) -> None:
    own = report(4, 9, department=None, period="2026-06")
    nested = report(1, 2, period="2026-06")
    merge_all(judged, [report(2), report(3, revision=2), report(9, revision=3), own, nested, *UNKNOWN[:2]], 2)
    told = ask(judged).figure_reports(FigureFilter(Scope(REGION), YEAR))
    assert sorted((one.period, one.department, one.numerator, one.status) for one in told) == [
        ("2026-05", "a", 2, "superseded"),
        ("2026-05", "a", 3, "counted"),
        ("2026-05", "a", 3, "unknown_figure"),
        ("2026-05", "a", 9, "impossible_figure"),
        ("2026-05", "d", 3, "unknown_figure"),
        ("2026-06", "", 4, "counted"),
        ("2026-06", "a", 1, "nested"),
    ]
    assert counted_sum(told) == (7, 14) == (lost(judged).numerator, lost(judged).denominator)
    mine = ask(judged).figure_reports(FigureFilter(Scope(REGION, "a"), YEAR, "lost"))
    assert counted_sum(mine) == (4, 7)


def counted_sum(told: Sequence[FigureReport]) -> tuple[int, int]:
    counted = [one for one in told if one.status == "counted" and one.indicator == "lost"]
    return sum(one.numerator for one in counted), sum(one.denominator or 0 for one in counted)


@settings(max_examples=60, deadline=None, suppress_health_check=FIXTURES)
@given(REPORTED, st.sampled_from((None, "a")), st.sampled_from(WINDOWS))
def test_the_reports_that_count_add_up_to_the_figure(
    store: Store, rows: psycopg.Connection[Any], reported: Reported, department: str | None, window: Window
) -> None:
    put(rows, reported)
    rows.execute("DELETE FROM events")
    rows.execute(
        "INSERT INTO events (region, hall, id, time, arrived, type, case_id, data)"
        " SELECT region, hall, id, time, arrived, 41, '', '' FROM figures"
    )
    rules, scope = Rules(tuple(PLANS)), Scope(220000, department)
    with store._reading.connect() as connection:
        told = read_reports(connection, rules, FigureFilter(scope, window))
        figures = declared_figures(connection, rules, scope, window)
    low, high = scope.bounds
    inside = [
        reports
        for (region, _, period, name), reports in reported.items()
        if low <= region <= high
        and department in (None, name)
        and window.start <= period_window(period).start
        and period_window(period).end <= window.end
    ]
    assert len(told) == sum(map(len, inside))
    for indicator, figure in figures.items():
        counted = [one for one in told if one.status == "counted" and one.indicator == indicator]
        assert sum(one.numerator for one in counted) == figure.numerator
        below = [one.denominator for one in counted if one.denominator is not None]
        assert (sum(below) if below else 1) == figure.denominator
    assert {one.indicator for one in told if one.status == "counted"} == set(figures)
    for day in (date(2025, 12, 31), date(2026, 6, 1), YEAR.end):
        midnight = (day - date(1970, 1, 1)).days * 1440 - 480
        with store._reading.connect() as connection:
            late = read_reports(connection, rules, FigureFilter(scope, window, arrived_from=day))
        assert late == [one for one in told if one.arrived >= midnight]


def test_an_older_databases_reports_are_put_in_their_order_by_the_migration(database_url: str) -> None:
    events = [report(2), report(9, revision=2), report(4, revision=3), report(1, period="2026-06")]
    taken = FigureRetracted(indicator="lost", period="2026-05", event_id=events[2].id, department="a")
    events.append(HallEvent(REGION, "hall-1", "r", EventType.FIGURE_RETRACTED, events[0].time, taken))
    rows = [
        {"region": REGION, "entity": one.entity, "hall": one.hall, "id": pack_id(one.id), "time": one.time,
         "type": int(one.type), "data": pack_data(one.data)[1]}
        for one in events
    ]  # fmt: skip
    engine, config = open_engine(database_url), alembic_config()
    with engine.begin() as opened:
        config.attributes["connection"] = opened
        command.upgrade(config, "0012")
        opened.execute(
            text("INSERT INTO ledger VALUES (:region, 'figure', :entity, :hall, :id, :time, :type, :data)"), rows
        )
        opened.execute(
            text(
                "INSERT INTO events (region, hall, id, time, arrived, type, case_id, data)"
                " VALUES (:region, :hall, :id, :time, 29000000, :type, '', :data)"
            ),
            rows,
        )
        command.upgrade(config, "head")
        places = opened.execute(text("SELECT period, numerator, place FROM figures ORDER BY 1, 3")).all()
    assert [tuple(row) for row in places] == [("2026-05", 9, 0), ("2026-05", 2, 1), ("2026-06", 1, 0)]
    store = open_store(database_url, plans=PLANS)
    assert [one for one in store.recompute(check=True) if one.table in ("figures", "ledger")] == []
    store.close()
    with engine.begin() as opened:
        config.attributes["connection"] = opened
        command.downgrade(config, "0012")
        kept = opened.execute(text("SELECT period, numerator FROM figures ORDER BY 1")).all()
    assert [tuple(row) for row in kept] == [("2026-05", 9), ("2026-06", 1)]
    engine.dispose()
