"""What a deployment does first, on a real database and a real broker: all of it, and twice as once."""

from __future__ import annotations

import secrets
import threading
from datetime import date
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text

from hallpulse.broker.connection import open_channel
from hallpulse.domain.calendar import Calendar
from hallpulse.domain.errors import Halt
from hallpulse.settings import Settings, SettingsError
from hallpulse.store import Grant, Reading, database, hash_of, migrate, migration, open_store
from hallpulse.store.tables import metadata
from services.console.prepare import make_gateway_user, prepare
from tests.integration.test_store import case, item
from tests.merging import NOW, decoded
from tests.servers import BrokerServer, Vhost

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


def test_the_gateways_user_may_publish_and_nothing_else(broker: BrokerServer, vhost: Vhost, database_url: str) -> None:
    address = make_url(vhost.amqp_url).set(username="gateway", password="pass:word/1")
    url = address.render_as_string(hide_password=False)
    settings = Settings(vhost.amqp_url, database_url, broker.management_url, gateway_amqp_url=url, calendars=CALENDARS)
    prepare(settings)
    with open_channel(url) as channel:
        channel.confirm_delivery()
        channel.basic_publish("hall.events", "222424.hall-1.heartbeat", b"{}")
        with pytest.raises(Halt), open_channel(url) as other:
            other.queue_declare("of-my-own")


def test_the_services_role_works_on_the_tables_and_leaves_the_audit_alone(
    database_url: str, amqp_url: str, calendars: list[Calendar]
) -> None:
    role = f"service_{secrets.token_hex(4)}"
    url = make_url(database_url).set(username=role, password="it's/secret:?")
    service_url = url.render_as_string(hide_password=False)
    settings = Settings(amqp_url, database_url, service_database_url=service_url, calendars=CALENDARS)
    try:
        for _ in range(2):
            prepare(settings)
        _work(service_url, calendars)
        with psycopg.connect(service_url, autocommit=True) as connection:
            for statement in (
                "ALTER TABLE audit DISABLE TRIGGER audit_append_only",
                "DROP TRIGGER audit_append_only ON audit",
                "UPDATE audit SET actor = ''",
                "DELETE FROM audit",
                "TRUNCATE audit",
                "SELECT setval('audit_lines', 1)",
                "SELECT nextval('audit_lines')",
                "ALTER TABLE audit DISABLE TRIGGER audit_b_signed_by_the_database",
                "ALTER FUNCTION line_is_signed() RESET ALL",
                "UPDATE case_reads SET token = ''",
                "DELETE FROM case_reads",
                "ALTER FUNCTION audit_refuses() RENAME TO audit_permits",
                "SET session_replication_role = replica",
                "DROP TABLE halls",
                "UPDATE alembic_version SET version_num = '0001'",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def _work(service_url: str, calendars: list[Calendar]) -> None:
    """Everything that changes a table, as the services' role."""
    store = open_store(service_url)
    store.halls.add(222424, "hall-1", ["case"], hash_of("a"))
    store.tokens.add("board", hash_of("b"), Grant("bureau"))
    assert store.merge(decoded([*case(1), item(5, "2026-01-01", "i1")]), NOW).new
    store.apply_calendars([*calendars, Calendar(222424, {date(2026, 3, 4): (False, "县庆")})])
    assert store.recompute(check=True) == []
    store.recompute(check=False)
    store.notices.list()
    store.audit.record([], [Reading(NOW, "board", "list", 222424, "state=open", 1)])
    assert len(store.audit.readings()) == 1
    assert {line.actor for line in store.audit.list(limit=4)} == {make_url(service_url).username}
    assert [line.deed.action for line in store.audit.list(limit=4)] == [
        "recompute.repair", "calendar.apply", "token.add", "hall.add",
    ]  # fmt: skip
    store.close()


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
        migrate(database_url, url)


@pytest.mark.parametrize("url", ["amqp://somebody:p@h/", "amqp://gateway@h/", "amqp://h/"])
def test_a_gateway_address_without_its_user_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="HALLPULSE_GATEWAY_AMQP_URL"):
        make_gateway_user("http://127.0.0.1:9", url)
