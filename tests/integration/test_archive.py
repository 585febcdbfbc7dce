"""Archived events: every figure, past, list, history and duplicate as without an archive; files that others read."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
import msgspec
import psycopg
import pytest
from click.testing import CliRunner

from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.figures import Scope
from hallpulse.store import (
    EventArchive,
    Expected,
    Store,
    ensure_ingest_knows,
    open_archive,
    read_manifest,
)
from hallpulse.store.database import open_engine
from hallpulse.store.recompute import recompute
from services.console.main import cli
from tests.archive_ground import AUTUMN, Ground, ground_in, make_blocks_small, rows, stored, take
from tests.integration.test_exactness import scopes
from tests.integration.test_past import COUNTY, FIRST, STEP, WINDOWS, coverage, happened_by, merge_apart, micros, turned
from tests.integration.test_store import TODAY, case, cloud_event
from tests.merging import NOW, decoded
from tests.oracle import brute
from tests.oracle.eventset import Event, distinct, family, region_of
from tests.oracle.flow import flow
from tests.oracle.streams import stream


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks_small(monkeypatch)


@pytest.fixture
def archive(store_url: str, tmp_path: Path) -> EventArchive:
    return open_archive(store_url, tmp_path / "archive")


def judge(store: Store, events: Sequence[Event]) -> None:
    reading = brute.read(events)
    with store.read() as moment:
        for where, department, hall in scopes(events):
            scope = Scope(int(where), department, hall)
            for window in WINDOWS:
                wanted = brute.indicators(reading, where, window.start, window.end, department=department, hall=hall)
                assert brute.compare(wanted, moment.figures(scope, window)) == [], (scope, window)


def test_figures_pasts_and_duplicates_are_those_of_all_events_however_many_are_archived(
    store: Store, store_url: str, archive: EventArchive, tmp_path: Path
) -> None:
    """Corrections, retractions and late events reach archived cases; then everything comes once more."""
    events = stream(301, 560)[:560]
    known = []
    for number in range(4):
        at = FIRST + number * STEP
        part = events[number * 140 : (number + 1) * 140]
        store.merge(decoded(part), at, [*Expected][number % 3])
        known.append((at, list(events[: (number + 1) * 140])))
        assert take(archive, [AUTUMN, date(2026, 12, 1)][number % 2])
        judge(store, known[-1][1])
    left = rows(store_url, "SELECT count(*) FROM events WHERE type < 20 OR type = 51")[0][0]
    archived = sum(file.events for file in read_manifest(tmp_path / "archive"))
    assert left < 30 < archived
    for expected in Expected:
        outcome = store.merge(decoded(events), NOW, expected)
        assert (len(outcome.new), len(outcome.reused)) == (0, 0)
        assert len(outcome.duplicates) == len(events)
    judge(store, events)
    engine = open_engine(store_url)
    assert recompute(engine, "me", check=True, workers=1) == []
    assert recompute(engine, "me", check=True, workers=2, archive=str(tmp_path / "archive")) == []
    engine.dispose()
    assert store.recompute(check=False) == []
    assert archive.check() == []
    for at, arrived in known[::2]:
        judge_past(store, at, arrived)


def judge_past(store: Store, at: datetime, arrived: Sequence[Event]) -> None:
    reading = brute.read(arrived)
    own = [event for event in distinct(arrived) if region_of(event) == "222424"]
    with turned(store, as_of=micros(at)) as moment:
        for where, department, hall in (one for one in scopes(arrived) if one[0] == "222424"):
            scope = Scope(int(where), department, hall)
            for window in WINDOWS:
                wanted = brute.indicators(reading, where, window.start, window.end, department=department, hall=hall)
                assert brute.compare(wanted, moment.figures(scope, window)) == [], (scope, window)
                if department is None and hall is None:
                    assert moment.coverage(scope, window) == coverage(own, window)
            states = brute.open_states(reading, where, TODAY, department=department, hall=hall)
            assert moment.open_cases(scope, TODAY) == states
    for day in (date(2026, 3, 31), date(2026, 6, 30)):
        read = brute.read(happened_by(arrived, day))
        with turned(store, as_of=micros(at), on=day) as moment:
            assert moment.open_cases(COUNTY, day) == brute.open_states(read, "222424", day)
            among = brute.scoped([c for c in read.cases if not c["pending"]], "222424", None, None)
            found = moment.flow(COUNTY, WINDOWS[1])
            assert {p: getattr(found, p) for p in flow([], day, day)} == flow(among, WINDOWS[1].start, WINDOWS[1].end)


def test_the_newest_event_of_a_day_is_found_among_archived_ones_too(store: Store, archive: EventArchive) -> None:
    """A later one of the same day came after the moment, and is archived or not."""
    events = [*case(1), *case(2), at_time("18:00", "case-3")]
    known = merge_apart(store, events, 5)
    take(archive, date(2026, 4, 1))
    for at, arrived in known:
        with turned(store, as_of=micros(at)) as moment:
            assert moment.coverage(COUNTY, WINDOWS[0]) == coverage(arrived, WINDOWS[0])
    store.merge(decoded([at_time("19:00", "case-4")]), NOW)
    for at, arrived in known:
        with turned(store, as_of=micros(at)) as moment:
            assert moment.coverage(COUNTY, WINDOWS[0]) == coverage(arrived, WINDOWS[0])


def at_time(time: str, case_id: str) -> Event:
    return cloud_event("case.withdrawn", f"2026-03-02T{time}:00", f"{case_id}-w", {"case_id": case_id})


def test_a_case_shows_its_archived_events_and_their_ids_stay_taken(store: Store, archive: EventArchive) -> None:
    events = decoded([*case(1), *case(2)])
    events[0] = with_extra(events[0])
    store.merge(events, NOW)
    with store.read() as moment:
        before = moment.case_history(222424, "hall-1", "case-1", TODAY)
        traced = moment.trace(222424, "hall-1", events[0].id, TODAY)
    take(archive, date(2026, 12, 1))
    ids = [event.id for event in events]
    with store.read() as moment:
        assert moment.case_history(222424, "hall-1", "case-1", TODAY) == before
        assert moment.trace(222424, "hall-1", events[0].id, TODAY) == traced
        assert moment.stored_ids(222424, "hall-1", [*ids, "unknown"]) == {*ids}
        assert {fate for fate in moment.foresight(events).fates} == {"duplicate"}
    other = decoded([cloud_event("case.withdrawn", "2026-11-02T10:00:00", ids[0], {"case_id": "case-9"})])
    for expected in Expected:
        outcome = store.merge(other, NOW, expected)
        assert ([*outcome.new], [*outcome.reused]) == ([], other)
    of_another_hall = decoded([{**case(1)[0], "source": "/222424/hall-2"}])
    assert len(store.merge(of_another_hall, NOW).new) == 1


def with_extra(event: HallEvent) -> HallEvent:
    return msgspec.structs.replace(event, extra=b'{"subject":"a window"}')


@pytest.fixture
def ground(store: Store, store_url: str, tmp_path: Path) -> Ground:
    return ground_in(store, store_url, tmp_path / "archive")


def test_any_program_reads_the_files(ground: Ground, store: Store) -> None:
    take(open_archive(ground.url, ground.folder), date(2026, 12, 1))
    assert store.recompute(check=True) == []
    found = duckdb.sql(
        "SELECT region, hall, id, type, epoch_us(time) AS time, case_id, data->>'case_id' AS named, attributes"
        f" FROM '{ground.folder}/**/*.parquet' ORDER BY ALL"
    ).fetchall()
    wanted = {
        (event["source"], event["id"]): event
        for event in distinct(ground.events)
        if family(event) in ("case", "heartbeat")
    }
    assert len(found) == len(wanted) > 100
    for region, hall, id_, kind, time, case_id, named, attributes in found:
        event = wanted[f"/{region}/{hall}", id_]
        assert kind == event["type"]
        assert time == micros(datetime.fromisoformat(event["time"]))
        assert (case_id or None) == named == event.get("data", {}).get("case_id")
        assert attributes is None or json.loads(attributes).keys() <= event.keys()
    months = duckdb.sql(
        "SELECT region, strftime(timezone('Asia/Shanghai', time), '%Y-%m') AS month, count(*)"
        f" FROM '{ground.folder}/**/*.parquet' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    listed = [(file.region, file.month, file.events) for file in read_manifest(ground.folder)]
    assert months == sorted(listed)


def test_a_file_that_was_changed_or_is_missing_is_found_and_never_used(ground: Ground, store: Store) -> None:
    archive = open_archive(ground.url, ground.folder)
    first, second, *_ = take(archive)
    path = ground.folder / first.file
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    (ground.folder / second.file).rename(ground.folder / "elsewhere")
    wrong = archive.check()
    assert [file.file in line for file, line in zip((first, second), wrong, strict=True)] == [True, True]
    for file in (first, second):
        with pytest.raises(Halt, match=file.file):
            archive.restore([file])
    with pytest.raises(Halt, match=first.file):
        store.recompute(check=True, archive=str(ground.folder))
    assert store.recompute(check=True) == []
    with pytest.raises(Halt, match="does not have the archived file"):
        store.recompute(check=True, archive=str(ground.folder.parent))


def test_what_another_database_archived_is_not_deleted_here(ground: Ground) -> None:
    archive = open_archive(ground.url, ground.folder)
    take(archive)
    with psycopg.connect(ground.url) as connection:
        connection.execute("TRUNCATE archived_events, archive_files")
    with pytest.raises(Halt, match="not in the database as in the file"):
        take(archive, date(2026, 12, 1))
    assert archive.restore(read_manifest(ground.folder)) > 0
    assert stored(ground.url) == ground.rows


def test_merges_go_on_while_events_are_archived_and_brought_back(store: Store, ground: Ground) -> None:
    """The same events come again all the time, beside new ones."""
    again, more = decoded(ground.events), stream(303, 300)
    fresh = [event for event in more if event["id"] not in {one["id"] for one in ground.events}]
    archive, over = open_archive(ground.url, ground.folder), threading.Event()
    counted: list[int] = []

    def send() -> None:
        while not over.is_set():
            counted.append(len(store.merge(again, NOW, [*Expected][len(counted) % 3]).new))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for start in range(0, len(fresh), 60):
            store.merge(decoded(fresh[start : start + 60]), NOW)
            take(archive, date(2026, 12, 1))
            if start % 120:
                archive.restore(read_manifest(ground.folder)[:3])
    finally:
        over.set()
        sender.join()
    assert set(counted) == {0}
    judge(store, [*ground.events, *fresh])
    assert store.recompute(check=True, archive=str(ground.folder)) == []


def test_only_one_command_changes_the_archive_at_a_time(ground: Ground) -> None:
    archive = open_archive(ground.url, ground.folder)
    with archive._alone(), pytest.raises(Unavailable, match="another command"):
        take(archive)


def test_an_ingest_that_does_not_know_archived_events_no_longer_starts(ground: Ground) -> None:
    take(open_archive(ground.url, ground.folder))
    ensure_ingest_knows(ground.url)
    ((noted,),) = rows(ground.url, "SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
    assert noted >= "ingest must know 0042", "the migration of archived events, or a later one"


def test_the_command_previews_archives_checks_and_brings_back(
    ground: Ground, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HALLPULSE_AMQP_URL", "amqp://nobody@127.0.0.1:1")
    monkeypatch.setenv("HALLPULSE_DATABASE_URL", ground.url)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, [*arguments, "--dir", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return done.output

    folder = str(ground.folder)
    shown = run("archive", "events", folder, "--before", "2026-09")
    assert "nothing was changed" in shown
    assert "2026-03" in shown
    assert not ground.folder.exists()
    assert "events archived in" in run(
        "archive", "events", folder, "--before", "2026-09", "--region", "222400", "--yes"
    )
    files = read_manifest(ground.folder)
    assert {file.region // 100 for file in files} == {2224}
    assert {line.entry.action for line in store.audit.list(action="archive")} == {"archive.events"}
    assert len(store.audit.list(action="archive")) == len(files)
    assert files[0].sha256 in CliRunner().invoke(cli, ["archive", "list", folder]).output
    assert "as in the database" in run("archive", "check", folder)
    assert "no differences" in run("recompute", "--check", "--from", folder)
    assert "nothing was changed" in run("archive", "restore", folder)
    run("archive", "restore", folder, "--month", "2026-03", "--yes")
    assert "2026-03" not in {file.month for file in read_manifest(ground.folder)}
    run("archive", "restore", folder, "--yes")
    assert stored(ground.url) == ground.rows
    future = CliRunner().invoke(cli, ["archive", "events", folder, "--before", "2999-01", "--dir", str(tmp_path)])
    assert future.exit_code == 2
