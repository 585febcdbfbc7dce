"""Who changed what: lines that the database lets nobody change, written by whatever changes something."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from click.testing import CliRunner, Result
from sqlalchemy import make_url, text

from hallpulse.broker import declare, open_channel
from hallpulse.contract.events import EventType
from hallpulse.domain.workdays import Calendar
from hallpulse.store import AuditEntry, Store, hash_of, process_actor
from hallpulse.store.database import open_engine
from hallpulse.store.migration import alembic_config
from services.console.main import cli
from tests.hall_events import changed
from tests.ingesting import ingest, publish, publishing, wait_until
from tests.moments import ask
from tests.servers import Vhost

ME = f"{getpass.getuser()}@{socket.gethostname()}"
TOKEN = hash_of("a token")
Run = Callable[..., Result]


@pytest.fixture
def connection(store_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(store_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def run(vhost: Vhost, store_url: str, tmp_path: Path) -> Run:
    environment = {
        "HALLPULSE_AMQP_URL": vhost.amqp_url,
        "HALLPULSE_DATABASE_URL": store_url,
        "HALLPULSE_MANAGEMENT_URL": vhost.management_url,
        "HALLPULSE_CALENDARS": str(tmp_path / "calendars"),
    }
    (tmp_path / "calendars").mkdir()
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)

    def invoke(*arguments: str | Path) -> Result:
        done = CliRunner().invoke(cli, [*map(str, arguments), "--dir", str(tmp_path)], env=environment)
        assert done.exit_code == 0, done.output
        return done

    return invoke


def noted(store: Store, kind: str = "") -> list[tuple[str, str, int | None]]:
    """The oldest first, without what the fixtures did."""
    lines = [line.entry for line in reversed(store.audit.list(action=kind))]
    return [(one.action, one.subject, one.region) for one in lines if kind or one.action != "calendar.apply"]


@pytest.mark.attack
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'somebody else'",
        "UPDATE audit SET detail = '{}' WHERE false",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "SET session_replication_role = replica; DELETE FROM audit",
        "INSERT INTO audit (id, actor, action, subject, detail) OVERRIDING SYSTEM VALUE VALUES (1, '', '', '', '{}')"
        " ON CONFLICT (id) DO UPDATE SET actor = 'somebody else'",
    ],
)
def test_a_line_is_neither_changed_nor_removed(
    store: Store, connection: psycopg.Connection[Any], statement: str
) -> None:
    store.audit.append(AuditEntry("hall.add", "222424.hall-1", 222424))
    before = store.audit.list()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the audit is append-only"):
        connection.execute(statement.encode())
    assert store.audit.list() == before


@pytest.mark.attack
def test_a_line_is_dated_and_signed_by_the_database_whatever_it_says_itself(
    store: Store, connection: psycopg.Connection[Any]
) -> None:
    for columns, values in (("actor", "'root'"), ("claimed", "'root'"), ("id, actor", "9000000000, 'root'")):
        connection.execute(
            f"INSERT INTO audit (at, {columns}, action, subject, detail) OVERRIDING SYSTEM VALUE"
            f" VALUES ('2001-01-01', {values}, 'x', '', '{{}}')".encode()
        )
    lines = store.audit.list(action="x")
    assert {(line.actor, line.claimed) for line in lines} == {(connection.info.user, "root")}
    assert all(abs(datetime.now(UTC) - line.at) < timedelta(minutes=1) for line in lines)
    assert lines[0].id - lines[-1].id == 2


def test_a_change_that_is_rolled_back_leaves_no_line(store: Store, connection: psycopg.Connection[Any]) -> None:
    connection.execute("ALTER TABLE halls ADD CONSTRAINT none CHECK (false) NOT VALID")
    with pytest.raises(Exception, match="none"):
        store.halls.add(222424, "hall-1", ["case"], TOKEN)
    assert noted(store) == []


def test_halls_tokens_and_calendars_are_noted_in_the_transaction_that_changes_them(
    store: Store, calendars: list[Calendar]
) -> None:
    store.halls.add(222424, "hall-1", ["case"], TOKEN)
    store.halls.add(222424, "hall-1", ["case", "item"], TOKEN)
    store.halls.rotate(222424, "hall-1", hash_of("another"), timedelta(hours=12))
    store.halls.remove(222424, "hall-1", date(2026, 9, 1))
    store.halls.remove(222424, "hall-1", date(2026, 9, 1))
    assert noted(store) == [(f"hall.{what}", "222424.hall-1", 222424) for what in ("add", "change", "rotate", "remove")]
    store.apply_calendars([*calendars, Calendar(222424, {date(2026, 3, 4): (False, "县庆")})])
    newest = store.audit.list()[0]
    assert (newest.entry.action, newest.entry.detail) == ("calendar.apply", {"scopes": [222424], "cases": 0})
    assert newest.claimed == process_actor()


def test_what_is_found_at_every_start_is_noted_where_it_is_new(store: Store) -> None:
    loaded = AuditEntry("plan.load", detail={"222424-2026": "aa"})
    assert [store.audit.append_if_new(loaded) for _ in range(2)] == [True, False]
    assert store.audit.append_if_new(AuditEntry("plan.load", detail={"222424-2026": "bb"}))
    assert store.audit.append_if_new(loaded)


def test_commands_say_who_called_them(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run("hall", "add", "222424", "hall-1")
    monkeypatch.setenv("SUDO_USER", "wang")
    run("token", "add", "bureau-board", "--role", "bureau", "--region", "222400")
    run("recompute")
    actors = [(line.claimed, line.entry.action) for line in store.audit.list(limit=3)]
    other = f"wang as {ME}" if getpass.getuser() == "root" else ME
    assert actors == [(other, "recompute.repair"), (other, "token.add"), (ME, "hall.add")]
    run("recompute", "--check")
    assert store.audit.list(limit=1)[0].entry.action == "recompute.repair"


def test_imports_are_noted_with_what_went_in_and_only_where_something_did(
    run: Run, store: Store, store_url: str, vhost: Vhost, tmp_path: Path
) -> None:
    file = tmp_path / "目录[1].csv"
    file.write_text(
        "实施编码,事项名称,部门,办件类型,法定办结时限,承诺办结时限\na-1,甲,公安局,承诺件,20个工作日,5个工作日\n"
    )
    with publishing(vhost), ingest(vhost, store_url):
        for _ in range(2):
            run("import", "catalogue", file, "--region", "222424", "--hall", "hall-1", "--effective-from", "2026-01-01")
            wait_until(lambda: bool(ask(store).catalogue(222424)))
    (line,) = store.audit.list(action="import")
    assert (line.entry.subject, line.entry.region) == ("目录[1].csv", 222424)
    assert line.entry.detail == {"hall": "hall-1", "rows": 1, "rejected": 0, "events": 1}
    assert "目录[1].csv" in run("audit").output


def test_refused_events_that_are_sent_again_or_dropped_are_noted(
    run: Run, store: Store, store_url: str, vhost: Vhost
) -> None:
    bad = changed(EventType.CASE_RATED, {"score": 9}, source="/222424/hall-1", id="r")
    with publishing(vhost) as channel, ingest(vhost, store_url):
        publish(channel, bad, "222424.hall-1.case", user_id=vhost.user)
        wait_until(lambda: channel.queue_declare("hall.refused", passive=True).method.message_count == 1)
    run("refused", "replay")
    run("refused", "drop", "--dry-run")
    assert noted(store, "refused") == []
    run("refused", "drop", "--yes", "--source", "/222424/hall-1")
    (line,) = store.audit.list(action="refused")
    assert (line.entry.action, line.entry.region, line.entry.detail) == (
        "refused.drop", 222424, {"events": {"bad-field": 1}, "chosen": {"source": "/222424/hall-1", "limit": "100"}},
    )  # fmt: skip


def test_lines_are_listed_by_time_action_and_region(run: Run, store: Store, store_url: str) -> None:
    for region, hall in ((222424, "hall-1"), (222401, "main")):
        store.halls.add(region, hall, ["case"], hash_of(hall))
    store.audit.append(AuditEntry("hallway.paint"))

    def listed(*options: str) -> list[str]:
        return [json.loads(line)["subject"] for line in run("audit", "--json", *options).output.splitlines()]

    assert listed("--action", "hall") == ["222401.main", "222424.hall-1"]
    assert listed("--action", "hall.add", "--region", "222424") == ["222424.hall-1"]
    assert listed("--limit", "1") == [""]
    assert listed("--since", "2999-01-01") == []
    assert len(listed("--since", "2026-01-01 08:00")) == len(store.audit.list())
    shown = json.loads(run("audit", "--json", "--action", "hall").output.splitlines()[0])
    assert shown["detail"] == {"families": ["case"]}
    assert (shown["region"], shown["actor"], shown["claimed"]) == ("222401", make_url(store_url).username, ME)


def test_lines_of_the_version_before_keep_what_they_said_and_their_numbers(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.begin() as opened:
        config = alembic_config()
        config.attributes["connection"] = opened
        for there_and_back in ("0010", "0008", "0010"):
            command.upgrade(config, "0008")
            insert = text("INSERT INTO audit (actor, action, subject, detail) VALUES ('root@before', 'x', '', '{}')")
            opened.execute(insert)
            (command.upgrade if there_and_back == "0010" else command.downgrade)(config, there_and_back)
            opened.execute(insert)
        rows = opened.execute(text("SELECT id, claimed, actor FROM audit ORDER BY id")).all()
    assert [row.id for row in rows] == list(range(1, 7))
    assert {row.claimed for row in rows} == {"root@before"}
    assert rows[-1].actor == engine.url.username
    engine.dispose()
