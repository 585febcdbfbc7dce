"""What a deployment does first, on a real database and a real broker: all of it, and twice as once."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text

from hallpulse.broker.connection import open_channel
from hallpulse.contract.events import EventType, HallEvent, ItemPublished
from hallpulse.domain.errors import Halt
from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.workdays import Calendar
from hallpulse.settings import DATABASE_SERVICES, Settings, SettingsError
from hallpulse.store import (
    AuditEntry,
    CaseFilter,
    CaseReading,
    Draft,
    Fate,
    NewUpload,
    Past,
    RefusedFilter,
    Store,
    database,
    hash_of,
    migrate,
    migration,
    open_store,
)
from hallpulse.store.notices import Notice, NoticeMessage
from hallpulse.store.roles import RIGHTS
from hallpulse.store.tables import metadata
from services.console.prepare import make_gateway_user, prepare
from tests.integration.test_store import case, cloud_event, item
from tests.merging import NOW, decoded
from tests.servers import BrokerServer, Vhost
from tests.uploading import CATALOGUE

CALENDARS = Path(__file__).parents[2] / "calendars"


def test_tables_calendars_and_topology_are_there_afterwards(database_url: str, amqp_url: str) -> None:
    settings = Settings(amqp_url, database_url, calendars=CALENDARS)
    for _ in range(2):
        prepare(settings)
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM calendars")).scalar_one() == 2
    engine.dispose()
    store = open_store(database_url)
    assert store.notices.list() == []
    store.close()
    with open_channel(amqp_url) as channel:
        channel.exchange_declare("hall.events", passive=True)
        channel.queue_declare("hall.refused", passive=True)


def test_the_migrations_make_the_tables_and_indexes_that_the_code_knows(database_url: str) -> None:
    migrate(database_url)
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_gateways_user_may_publish_and_call_and_nothing_else(
    broker: BrokerServer, vhost: Vhost, database_url: str
) -> None:
    address = make_url(vhost.amqp_url).set(username="gateway", password="pass:word/1")
    url = address.render_as_string(hide_password=False)
    settings = Settings(vhost.amqp_url, database_url, broker.management_url, gateway_amqp_url=url, calendars=CALENDARS)
    prepare(settings)
    with open_channel(url) as channel:
        channel.confirm_delivery()
        channel.basic_publish("hall.events", "222424.hall-1.heartbeat", b"{}")
        with pytest.raises(Halt), open_channel(url) as other:
            other.queue_declare("of-my-own")


@pytest.fixture
def logins(database_url: str) -> Iterator[dict[str, str]]:
    """A URL for each service; the roles are gone afterwards, which are all databases' of a server."""
    mark = secrets.token_hex(4)
    address = make_url(database_url)
    urls = {name: address.set(username=f"{name}_{mark}", password="it's/secret:?") for name in DATABASE_SERVICES}
    yield {name: url.render_as_string(hide_password=False) for name, url in urls.items()}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for role in (url.username for url in urls.values()):
            if connection.execute("SELECT true FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"DROP OWNED BY {role}".encode())
                connection.execute(f"DROP ROLE {role}".encode())


def test_each_service_does_its_work_as_its_own_role(
    database_url: str, amqp_url: str, logins: dict[str, str], calendars: list[Calendar]
) -> None:
    settings = Settings(amqp_url, database_url, service_database_urls=logins, calendars=CALENDARS)
    for _ in range(2):
        prepare(settings)
    owner = open_store(database_url)
    owner.halls.add(222424, "hall-1", ["case", "item", "tally", "figure"], hash_of("a"))
    stores = {name: open_store(url, service=name) for name, url in logins.items()}
    _ingest(stores["ingest"], calendars)
    for name in ("gateway", "catalogue", "targets", "reports"):
        _read_everything(stores[name])
    for name in ("gateway", "reports"):
        _read_back(stores[name])
    assert stores["gateway"].tokens.find(hash_of("a")) is not None
    with stores["gateway"].read() as moment:
        assert {moment.trace(222424, "hall-1", id_, date(2026, 6, 1)).stored is None for id_ in ("i1", "t1")} == {False}
        assert moment.refusals(RefusedFilter(region=222424), 10) == []
        assert moment.foresight(decoded(case(1))).fates == [Fate.DUPLICATE] * 2
    for name in ("gateway", "targets", "reports", "notices"):
        stores[name].audit.append(AuditEntry(f"{name}.change"))
        assert {line.actor for line in owner.audit.list(limit=1)} == {make_url(logins[name]).username}
    stores["gateway"].audit.record([], [CaseReading(NOW, "board", "list", 222424, "state=open", 1)])
    assert len(owner.audit.readings()) == 1
    assert stores["targets"].audit.append_if_new(AuditEntry("plan.load"))
    assert not stores["targets"].audit.append_if_new(AuditEntry("plan.load"))
    _tell_and_acknowledge(stores["notices"])
    assert owner.recompute(check=True) == []
    for store in (*stores.values(), owner):
        store.close()


def _ingest(store: Store, calendars: list[Calendar]) -> None:
    """Events of every family, twice, with other versions, revisions and retractions; calendars that change."""
    events = decoded(
        [*case(1), item(5, "2026-01-01", "i1"), *tally_and_figure(1), *tally_and_figure(2), item(9, "2026-02-01", "i2")]
    )
    assert store.merge(events, NOW).new
    assert not store.merge(events, NOW).new
    assert store.merge(decoded([*case(2), *tally_and_figure(3)]), NOW).new
    store.apply_calendars([*calendars, Calendar(222424, {date(2026, 3, 4): (False, "县庆")})])
    store.apply_calendars(calendars)
    assert len(store.halls.list()) == 1


def tally_and_figure(revision: int) -> list[dict[str, Any]]:
    tally = {"date": "2026-03-03", "revision": revision, "accepted": 9, "rejected": 0, "unified_accepted": 1,
             "full_process_accepted": 1, "decided": 3, "instant_decided": 2}  # fmt: skip
    figure = {"indicator": "law_lectures", "period": "2026", "revision": revision, "numerator": 1}
    return [
        cloud_event("tally.reported", "2026-03-03T17:00:00", f"t{revision}", tally),
        cloud_event("figure.reported", "2026-03-03T17:00:00", f"f{revision}", figure),
    ]


def _read_back(store: Store) -> None:
    """Temporary views are made for this, which takes a right of its own."""
    with store.read_back() as moment:
        moment.turn_back(Past(on=date(2026, 3, 1), as_of=0), Scope(222424))
        assert moment.list_cases(CaseFilter(Scope(222424), "open"), date(2026, 3, 1)).total == 0


def _read_everything(store: Store) -> None:
    scope, window, today = Scope(222424), Window(date(2026, 1, 1), date(2026, 12, 31)), date(2026, 6, 1)
    with store.read() as moment:
        moment.overview(scope, window, today)
        moment.integrity(scope, window, today)
        moment.list_cases(CaseFilter(scope, "overdue"), today)
        moment.item_changes(Scope(222424), window.start, today)
        moment.event_counts(222424)
        moment.last_event_times()
        assert moment.halls()
        moment.hall_facts()
        assert moment.catalogue(222424)
        assert moment.case_history(222424, "hall-1", "case-1", today)
        moment.elapsed_histograms(222424, window)
        moment.workdays(222424)


def _tell_and_acknowledge(store: Store) -> None:
    notice = Notice(222424, "f", NOW, "bureau", "a", "info", "s", {}, {})
    for _ in range(2):
        store.notices.record([notice], [NoticeMessage("bureau", "email", 0, "t", "b")], NOW)
    for due in store.notices.due(NOW, timedelta(minutes=1)):
        store.notices.sent(due.id, NOW)
    assert store.notices.acknowledge(222424, "f", "王", NOW) == 1
    assert store.notices.list() != []


def test_every_table_says_which_service_does_what_there(database_url: str, logins: dict[str, str]) -> None:
    assert RIGHTS.keys() == metadata.tables.keys() | {"alembic_version"}
    assert {service for rights in RIGHTS.values() for service in rights} == set(DATABASE_SERVICES)
    migrate(database_url, logins)
    found: dict[tuple[str, str], set[str]] = {}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT table_name, grantee, privilege_type FROM information_schema.table_privileges"
            " WHERE table_schema = 'public' AND grantee <> current_user"
        ).fetchall()
    for table, grantee, privilege in rows:
        found.setdefault((table, grantee.rpartition("_")[0]), set()).add(privilege)
    wanted = {
        (table, service): whole
        for table, services in RIGHTS.items()
        for service, rights in services.items()
        if (whole := {right for right in re.split(r", (?![^(]*\))", rights) if "(" not in right})
    }
    assert found == wanted


@pytest.mark.attack
@pytest.mark.parametrize("service", DATABASE_SERVICES)
def test_a_services_role_reaches_no_file_no_program_no_form_and_no_line_of_the_audit(
    database_url: str, logins: dict[str, str], service: str
) -> None:
    migrate(database_url, logins)
    with psycopg.connect(logins[service], autocommit=True) as connection:
        for statement in (
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT lo_import('/etc/passwd')",
            "ALTER TABLE audit DISABLE TRIGGER audit_append_only",
            "DROP TRIGGER audit_append_only ON audit",
            "UPDATE audit SET actor = ''",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "UPDATE case_reads SET token = ''",
            "DELETE FROM case_reads",
            "SELECT setval('audit_lines', 1)",
            "SELECT nextval('audit_lines')",
            "ALTER TABLE audit DISABLE TRIGGER audit_b_signed_by_the_database",
            "ALTER FUNCTION line_is_signed() RESET ALL",
            "ALTER FUNCTION audit_refuses() RENAME TO audit_permits",
            "SET session_replication_role = replica",
            "DROP TABLE halls",
            "CREATE TABLE mine (a int)",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "UPDATE alembic_version SET version_num = '0001'",
            "INSERT INTO tokens (token_hash, role) VALUES ('a', 'operator')",
            f"SET ROLE {make_url(logins['ingest' if service != 'ingest' else 'notices']).username}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.attack
@pytest.mark.parametrize("service", DATABASE_SERVICES)
def test_a_services_role_writes_no_table_of_another_service(
    database_url: str, logins: dict[str, str], service: str
) -> None:
    migrate(database_url, logins)
    with psycopg.connect(logins[service], autocommit=True) as connection:
        for table, rights in RIGHTS.items():
            mine = rights.get(service, "")
            for right, statement in (
                ("SELECT", f"SELECT * FROM {table}"),
                ("DELETE", f"DELETE FROM {table}"),
                ("UPDATE", f"UPDATE {table} SET {_a_column(table)} = DEFAULT"),
                ("INSERT", f"INSERT INTO {table} DEFAULT VALUES"),
            ):
                if right in mine.split(", "):
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())


def _a_column(table: str) -> str:
    return "version_num" if table == "alembic_version" else list(metadata.tables[table].c)[-1].name


def test_rights_of_an_earlier_version_are_taken_away(database_url: str, logins: dict[str, str]) -> None:
    migrate(database_url, logins)
    role = make_url(logins["gateway"]).username
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}".encode())
    migrate(database_url, logins)
    with (
        psycopg.connect(logins["gateway"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM events")


def test_a_migration_may_take_longer_than_any_other_statement(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database.CONNECT_ARGUMENTS, "options", "-c statement_timeout=300 -c lock_timeout=60000")
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [migration._MIGRATION_LOCK])
        ending = threading.Timer(1.0, other.rollback)
        ending.start()
        migrate(database_url)
        ending.join()


@pytest.mark.parametrize("url", ["postgresql://hallpulse:p@h/x", "postgresql://service@h/x", "postgresql://h/x"])
def test_a_services_address_without_a_user_of_its_own_is_refused(database_url: str, url: str) -> None:
    with pytest.raises(Halt, match=r"database: .*expected"):
        migrate(database_url, {"gateway": url})


def test_two_services_with_one_user_and_an_administrator_as_a_service_are_refused(database_url: str) -> None:
    url = make_url(database_url).set(username="shared", password="p").render_as_string(hide_password=False)
    with pytest.raises(Halt, match="a user of its own for each service"):
        migrate(database_url, {"gateway": url, "ingest": url})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE an_administrator SUPERUSER")
        try:
            with pytest.raises(Halt, match="an_administrator owns the tables or administers the server"):
                migrate(database_url, {"gateway": url.replace("shared", "an_administrator")})
        finally:
            connection.execute("DROP ROLE an_administrator")


@pytest.mark.parametrize("url", ["amqp://somebody:p@h/", "amqp://gateway@h/", "amqp://h/"])
def test_a_gateway_address_without_its_user_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="HALLPULSE_GATEWAY_AMQP_URL"):
        make_gateway_user("http://127.0.0.1:9", url)


def test_uploads_and_drafts_need_no_more_than_their_services_roles(
    database_url: str, logins: dict[str, str], calendars: list[Calendar], tmp_path: Path
) -> None:
    """The gateway keeps, shows and imagines, the catalogue service's process reads."""
    migrate(database_url, logins)
    owner = open_store(database_url)
    owner.apply_calendars(calendars)
    owner.close()
    now = datetime.now(UTC)
    gateway, catalogue = open_store(logins["gateway"]), open_store(logins["catalogue"])
    new = NewUpload(222424, "catalogue", "import", "c.csv", "bureau", "王")
    number = gateway.uploads.add(new, CATALOGUE.encode(), now)
    catalogue.uploads.begin(number, "reading", None, now)
    assert catalogue.uploads.tell(number, now, state="reading")
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HALLPULSE_AMQP_URL": "amqp://h/",
        "HALLPULSE_DATABASE_URL": logins["catalogue"],
    }  # fmt: skip
    work = [sys.executable, "-m", "services.catalogue.upload_work", str(number), str(tmp_path)]
    assert subprocess.run(work, env=environment, timeout=120, check=False).returncode == 0
    found = gateway.uploads.get(number, datetime.now(UTC))
    assert found is not None
    assert (found.state, len(found.told["questions"])) == ("asked", 2), found
    draft = gateway.drafts.add(Draft(222424, None, "压缩", "王", now, {"changes": []}, {}))
    gateway.drafts.hand_on(draft, number)
    assert [one.upload for one in gateway.drafts.list(222424)] == [number]
    data = ItemPublished("a-1", "名", "局", "licensing", "promised", "2026-01-01", statutory_days=20, promised_days=5)
    event = HallEvent(222424, "import", "e", EventType.ITEM_PUBLISHED, 1_770_000_000_000_000, data)
    on = Window(date(2026, 2, 1), date(2026, 2, 1))
    with gateway.read_back() as moment:
        moment.imagine(222424, [event], event.time)
        assert moment.figures(Scope(222424), on)["promised_limit_compression"] == Figure(15, 20)
    assert gateway.uploads.discard(number)
    gateway.close()
    catalogue.close()
