"""Frozen months: a report is kept byte for byte, a changed row is found, and what changes later is split exactly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner

from hallpulse.domain.figures import Figure, Scope, period_window
from hallpulse.domain.restatement import ChangeKind
from hallpulse.domain.workdays import Calendar
from hallpulse.store import Store, open_store, restated
from services.console.main import cli
from services.reports.issuing import MonthlyReports, Order
from services.reports.monthly import monthly_report, period_of
from services.reports.reading import read_material
from services.reports.renderers import FORMATS
from tests.gateway_ground import READ_TOKEN, FakeClock, make_resources, serving
from tests.integration.test_reports import PLAN, PLANS, REGION, ROOT, reported, run
from tests.integration.test_store import cloud_event, item
from tests.merging import decoded
from tests.oracle.streams import stream

SERVERS = {"HALLPULSE_AMQP_URL": "amqp://nobody@127.0.0.1:9/", "HALLPULSE_PLANS": str(ROOT / "plans")}
MAY = period_window("2026-05")
PUBLISHED = datetime(2026, 6, 3, 2, tzinfo=UTC)
LATER = PUBLISHED + timedelta(days=30)


def micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def case_of(number: int, decided: str | None, **more: Any) -> list[dict[str, Any]]:
    """Received and accepted on 6 May, with its item's limits unless it carries its own."""
    name = f"case-{number}"
    data = {"case_id": name, "item_code": "22242400001", "department": "water", "channel": "window", **more}
    told = [cloud_event("case.received", "2026-05-06T09:00:00", f"{name}-r", data)]
    if decided:
        decision = {"case_id": name, "outcome": "granted"}
        told.append(cloud_event("case.decided", f"{decided}T10:00:00", f"{name}-d", decision))
    return told


def figure(numerator: int, revision: int) -> dict[str, Any]:
    data = {"indicator": "law_lectures", "period": "2026-05", "revision": revision, "numerator": numerator}
    return cloud_event("figure.reported", "2026-06-01T09:00:00", f"f{revision}", data)


@pytest.fixture
def county(store: Store) -> Store:
    """Ten cases decided within the limit of five days, one late; a lecture."""
    told = [item(5, "2026-01-01", "v1", department="water"), figure(1, 0)]
    told += [event for number in range(10) for event in case_of(number, "2026-05-11")]
    told += case_of(10, "2026-05-25")
    store.merge(decoded(told), PUBLISHED - timedelta(hours=1))
    return store


def publish(store: Store, at: datetime = PUBLISHED) -> int:
    return MonthlyReports(store, PLANS, at.timestamp).keep(Order(REGION, "2026-05"))


def changes(store: Store, until: datetime = LATER) -> dict[str, tuple[Figure, Figure, dict[ChangeKind, Figure]]]:
    (report,) = store.reports.list()
    found = restated(store.read_back, report, PLAN, micros(until))
    for one in found:
        moved = sum(one.parts.values(), one.before)
        assert (moved.numerator, moved.denominator) == (one.after.numerator, one.after.denominator), one
    return {one.name: (one.before, one.after, dict(one.parts)) for one in found}


def test_a_published_report_is_had_again_byte_for_byte_and_nothing_has_changed(county: Store) -> None:
    number = publish(county)
    (report,) = county.reports.list(REGION)
    assert (report.id, report.month, report.plan, report.intact) == (number, "2026-05", PLAN.id, True)
    assert {*report.files} == {*FORMATS}
    for form, sha256 in report.files.items():
        file = county.reports.file(number, form)
        assert file is not None
        assert hashlib.sha256(file.content).hexdigest() == sha256
    assert report.figures["region/promise_kept_rate"] == Figure(10, 11)
    assert report.figures["department:water/flow.decided_late"] == Figure(1, 1)
    assert changes(county) == {}
    (line,) = county.audit.list(action="report.publish")
    assert line.entry.detail["sha256"] == dict(report.files)


def test_a_published_report_can_be_neither_changed_nor_removed(county: Store, store_url: str) -> None:
    publish(county)
    for statement in ("UPDATE reports SET month = '2026-04'", "DELETE FROM report_files", "TRUNCATE reports"):
        with psycopg.connect(store_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE reports SET figures = figures || '{\"region/promise_kept_rate\": [11, 11]}' WHERE month = '2026-05'",
        "UPDATE report_files SET content = content || '\\x00' WHERE format = 'pdf'",
        "UPDATE reports SET claimed = 'somebody@else' WHERE month = '2026-05'",
        "DELETE FROM reports WHERE month = '2026-05'",
        "UPDATE reports SET about = '{\"draft\": true}' WHERE month = '2026-05'",
        "UPDATE reports SET region = 222401 WHERE month = '2026-05'",
    ],
)
def test_what_an_administrator_changes_all_the_same_is_found(county: Store, store_url: str, forgery: str) -> None:
    publish(county)
    MonthlyReports(county, PLANS, LATER.timestamp).keep(Order(REGION, "2026-06"))
    assert [one.intact for one in county.reports.list()] == [True, True]
    with psycopg.connect(store_url) as connection:
        for table in ("reports", "report_files"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
        connection.execute(forgery.encode())
    assert not all(one.intact for one in county.reports.list(drafts=True))


def test_late_events_are_told_as_such(county: Store) -> None:
    publish(county)
    county.merge(decoded(case_of(20, "2026-05-12")), LATER - timedelta(days=3))
    found = changes(county)
    assert found["region/promise_kept_rate"] == (Figure(10, 11), Figure(11, 12), {ChangeKind.LATE_EVENTS: Figure(1, 1)})
    assert found["department:water/flow.received"][2] == {ChangeKind.LATE_EVENTS: Figure(1, 0)}
    assert {kind for *_, parts in found.values() for kind in parts} == {ChangeKind.LATE_EVENTS}


def test_every_kind_of_change_has_its_part_and_they_add_up(county: Store, calendars: list[Calendar]) -> None:
    publish(county)
    right = {"case_id": "case-10", "outcome": "granted", "corrects": "case-10-d"}
    retract = {"case_id": "case-9", "event_id": "case-9-d"}
    county.merge(
        decoded([
            *case_of(20, "2026-05-25"),
            cloud_event("case.decided", "2026-05-12T10:00:00", "right", right),
            cloud_event("case.retracted", "2026-06-10T10:00:00", "back", retract),
            item(1, "2026-05-01", "v2", department="water", statutory_days=10),
            figure(3, 1),
        ]),
        LATER - timedelta(days=3),
    )  # fmt: skip
    national = next(one for one in calendars if one.scope == 0)
    holiday = {**national.days, date(2026, 5, 7): (False, "假")}
    county.apply_calendars([Calendar(0, holiday, national.provisional_years), *(c for c in calendars if c.scope)])
    found = changes(county)
    assert found["region/law_lectures"] == (Figure(1, 1), Figure(3, 1), {ChangeKind.DECLARATIONS: Figure(2, 0)})
    assert found["region/promised_limit_compression"][2] == {ChangeKind.ITEM_VERSIONS: Figure(-6, -10)}
    kept = found["region/promise_kept_rate"]
    assert (kept[0], kept[1]) == (Figure(10, 11), Figure(0, 11))
    assert kept[2] == {
        ChangeKind.LATE_EVENTS: Figure(0, 1), ChangeKind.CORRECTIONS: Figure(1, 0),
        ChangeKind.RETRACTIONS: Figure(-1, -1), ChangeKind.ITEM_VERSIONS: Figure(-10, 0),
    }  # fmt: skip
    differ_by_the_listed_parts_alone(county, found)
    elapsed = found["region/mean_elapsed_days"][2]
    assert elapsed[ChangeKind.CALENDARS] == Figure(-11, 0)
    assert {*elapsed} >= {ChangeKind.CALENDARS, ChangeKind.LATE_EVENTS, ChangeKind.CORRECTIONS, ChangeKind.RETRACTIONS}


def differ_by_the_listed_parts_alone(store: Store, found: dict[str, Any]) -> None:
    """Every figure of now is the published one, or the listed one: nothing changes that is not told."""
    (report,), nothing = store.reports.list(), Figure(0, 0)
    with store.read() as moment:
        now = moment.month_figures(PLAN, MAY)
    for name in {*report.figures, *now}:
        before, after, parts = found.get(name, (report.figures.get(name), report.figures.get(name), {}))
        assert (before or nothing) == report.figures.get(name, nothing), name
        assert (after or nothing) == now.get(name, nothing), name
        assert set(parts) <= set(ChangeKind), name


@pytest.mark.parametrize(
    ("scope", "who"), [({"department": "water"}, "department:water/"), ({"hall": "hall-1"}, "hall:hall-1/")]
)
def test_a_report_of_a_department_or_a_hall_is_restated_by_what_concerns_it(
    county: Store, scope: dict[str, str], who: str
) -> None:
    MonthlyReports(county, PLANS, PUBLISHED.timestamp).keep(Order(REGION, "2026-05", **scope))
    other = {"item_code": "22242400001", "department": "health"}
    county.merge(decoded([*case_of(20, "2026-05-12"), *case_of(30, "2026-05-13", **other)]), LATER - timedelta(days=3))
    (report,) = county.reports.list()
    assert all(name.startswith(who) for name in report.figures)
    found = changes(county)
    assert {name.partition("/")[0] + "/" for name in found} == {who}
    cases = 1 if "department" in scope else 2
    assert found[f"{who}flow.received"][2] == {ChangeKind.LATE_EVENTS: Figure(cases, 0)}
    june = monthly_report(read_material(county, PLAN, period_of("2026-06"), micros(LATER), Scope(REGION, **scope)))
    assert (june.restated_month, len(june.restated)) == ("2026-05", len(found))
    assert reported(county, period_of("2026-06"), LATER).restated_month == ""


def test_a_quarter_and_a_year_are_published_as_their_months_are(county: Store) -> None:
    reports = MonthlyReports(county, PLANS, datetime(2026, 8, 3, 2, tzinfo=UTC).timestamp)
    number = reports.keep(Order(REGION, "2026-Q2"))
    (report,) = county.reports.list()
    assert (report.id, report.month) == (number, "2026-Q2")
    assert report.figures["region/promise_kept_rate"] == Figure(10, 11)
    assert changes(county) == {}
    with pytest.raises(ValueError, match="is not over"):
        reports.keep(Order(REGION, "2026"))


@pytest.mark.parametrize("seed", [51, 52])
def test_of_any_stream_the_parts_lead_from_the_published_figures_to_those_of_now(store: Store, seed: int) -> None:
    events = decoded(stream(seed, 1500))
    store.merge(events[:1000], PUBLISHED - timedelta(hours=1))
    publish(store)
    store.merge(events[1000:], LATER - timedelta(days=1))
    found = changes(store)
    with store.read() as moment:
        now = moment.month_figures(PLAN, MAY)
    (report,) = store.reports.list()
    assert {**report.figures, **{name: after for name, (_, after, _) in found.items() if after != Figure(0, 0)}} == {
        **{name: figure for name, figure in report.figures.items() if name not in now}, **now
    }  # fmt: skip
    assert found


def test_the_next_report_lists_what_changed_since(county: Store) -> None:
    publish(county)
    county.merge(decoded(case_of(20, "2026-05-12")), LATER - timedelta(days=3))
    june = reported(county, period_of("2026-06"), LATER)
    assert june.restated_month == "2026-05"
    assert "region/promise_kept_rate" in {one.name for one in june.restated}
    assert reported(county, period_of("2026-05"), LATER).restated == ()


def test_a_month_that_is_not_over_is_not_published(county: Store) -> None:
    with pytest.raises(ValueError, match="is not over"):
        MonthlyReports(county, PLANS, datetime(2026, 5, 31, 2, tzinfo=UTC).timestamp).keep(Order(REGION, "2026-05"))


@contextmanager
def asked(store: Store) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {READ_TOKEN}"}
    resources = make_resources(store, clock=FakeClock(LATER), plans=PLANS, archive=store.reports)
    with (
        serving(resources) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as c,
    ):
        yield c


def test_the_gateway_lists_hands_out_and_restates(county: Store) -> None:
    number = publish(county)
    county.merge(decoded(case_of(20, "2026-05-12")), LATER - timedelta(days=3))
    with asked(county) as client:
        (listed,) = client.get("/v1/reports", params={"region": REGION}).json()["reports"]
        assert (listed["id"], listed["month"], listed["intact"]) == (number, "2026-05", True)
        for form, sha256 in listed["sha256"].items():
            answer = client.get(f"/v1/reports/{number}", params={"format": form})
            assert hashlib.sha256(answer.content).hexdigest() == sha256
            assert f"222424-2026-05.{form}" in answer.headers["content-disposition"]
        full = client.get(f"/v1/reports/{number}").json()
        (kept,) = [one for one in full["restated"] if one["figure"] == "region/promise_kept_rate"]
        assert (kept["before"]["numerator"], kept["after"]["numerator"]) == (10, 11)
        assert kept["parts"] == [{"kind": "late_events", "numerator": 1, "denominator": 1}]
        assert full["figures"]["region/promise_kept_rate"]["numerator"] == 10
        assert client.get(f"/v1/reports/{number + 1}").status_code == 404
        assert client.get("/v1/reports", params={"region": "222400"}).json()["reports"] == []


def test_another_regions_token_does_not_read_a_report(county: Store, store_url: str) -> None:
    publish(county)
    store = open_store(store_url)
    assert store.reports.list(222401) == []
    store.close()


def test_the_command_publishes_once_more_each_time_and_lists_what_it_published(
    county: Store, store_url: str, tmp_path: Path
) -> None:
    asked = ("2026-05", "--region", str(REGION), "--out", str(tmp_path), "--publish", "--force")
    numbers = []
    for _ in range(2):
        done = run(store_url, *asked)
        assert done.exit_code == 0, done.output
        number, path = done.output.split()
        kept = county.reports.file(int(number), "docx")
        assert kept is not None
        assert Path(path).read_bytes() == kept.content
        numbers.append(int(number))
    listed = CliRunner().invoke(
        cli, ["reports", "list", "--json"], env={"HALLPULSE_DATABASE_URL": store_url, **SERVERS}
    )
    assert listed.exit_code == 0, listed.output
    assert [json.loads(line)["id"] for line in listed.output.splitlines()] == numbers[::-1]
    with psycopg.connect(store_url) as connection:
        connection.execute("ALTER TABLE reports DISABLE TRIGGER ALL")
        connection.execute("UPDATE reports SET month = '2026-04' WHERE id = %s", [numbers[0]])
    shown = CliRunner().invoke(cli, ["reports", "list"], env={"HALLPULSE_DATABASE_URL": store_url, **SERVERS})
    assert shown.exit_code == 1
    assert "not as published" in " ".join(shown.output.split())
