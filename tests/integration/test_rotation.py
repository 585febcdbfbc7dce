"""New passwords for the owner of the tables, the broker's administrator and the suite of one machine."""

from __future__ import annotations

import secrets
import signal
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from click.testing import CliRunner

from hallpulse.broker import open_channel, replace_password
from hallpulse.broker.management import ManagementApi
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.settings import Settings
from hallpulse.store import replace_owner_password
from services.console.commands import keys as keys_command
from services.console.prepare import replace_passwords
from services.local import keys
from services.local.files import CannotRun
from services.local.ports import KeptPorts
from services.local.servers import PORT_NAMES, Ground, database
from services.local.suite_directory import SuiteDirectory
from tests.servers import BrokerServer, PostgresServer, Vhost, running, scratch


@pytest.fixture
def owner_url(postgres: PostgresServer) -> str:
    """The URL of a role with a password that the test may change."""
    name = f"owner_{secrets.token_hex(4)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'first'".encode())
    return postgres.server.url("postgres").replace(f"hallpulse:{postgres.server.password}", f"{name}:first")


def test_the_owner_gets_the_new_password_once_and_the_old_one_opens_no_more(owner_url: str) -> None:
    new = owner_url.replace(":first@", ":second@")
    assert replace_owner_password(owner_url, new)
    assert not replace_owner_password(owner_url, new)
    psycopg.connect(new).close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(owner_url)


def test_a_database_that_neither_password_opens_is_tried_again_later_and_another_user_is_a_mistake(
    owner_url: str,
) -> None:
    with pytest.raises(Unavailable, match="password authentication failed"):
        replace_owner_password(owner_url.replace(":first@", ":third@"), owner_url.replace(":first@", ":second@"))
    with pytest.raises(Halt, match="the same user"):
        replace_owner_password(owner_url, "postgresql://somebody:else@127.0.0.1/postgres")
    psycopg.connect(owner_url).close()


def test_the_brokers_administrator_gets_the_new_password_and_stays_one(broker: BrokerServer, vhost: Vhost) -> None:
    old = vhost.management_url
    new = old.replace(f":{vhost.password}@", ":second@")
    settings = Settings(vhost.amqp_url, "postgresql://none", new, previous_management_url=old)
    for _ in range(2):
        replace_passwords(settings)
    assert ManagementApi(new).read("whoami")["name"] == vhost.user
    assert ManagementApi(new).read("users")
    with pytest.raises(Halt, match="401"):
        ManagementApi(old).read("whoami")
    with open_channel(vhost.amqp_url.replace(f":{vhost.password}@", ":second@")) as channel:
        assert channel.is_open
    with pytest.raises(Halt, match="the same user"):
        replace_password(broker.management_url, new)
    assert urlsplit(new).username == vhost.user


def test_the_suites_database_is_opened_by_the_new_keys_after_a_rotation() -> None:
    with scratch("rotation") as directory:
        layout = SuiteDirectory(directory)
        before = keys.kept(layout.keys)
        _start_database(layout)
        assert CliRunner().invoke(keys_command.command, ["rotate", "--dir", str(directory)]).exit_code == 0
        rotated = keys.kept(layout.keys)
        assert rotated.previous_database == before.database
        with pytest.raises(CannotRun, match="the last rotation is not done"):
            keys.rotate(layout.keys)
        _start_database(layout)
        after = keys.kept(layout.keys)
        assert after == replace(rotated, previous_database="")
        changed = [name for name in keys.Keys.__dataclass_fields__ if getattr(after, name) != getattr(before, name)]
        assert len(changed) == len(keys.Keys.__dataclass_fields__) - 1
        _start_database(layout)


def test_there_are_no_keys_to_turn_over_where_no_suite_has_been(tmp_path: Path) -> None:
    refused = CliRunner().invoke(keys_command.command, ["rotate", "--dir", str(tmp_path)])
    assert isinstance(refused.exception, CannotRun)
    assert list(tmp_path.iterdir()) == []


def _start_database(layout: SuiteDirectory) -> None:
    """Start it with the kept keys, as `up` does, let a service's role log in, and end it."""
    ground = Ground(layout, {}, KeptPorts(layout.ports, PORT_NAMES), keys.kept(layout.keys))
    server = database(ground)
    (part,) = server.parts
    with running(part.command(), part.ready, signal.SIGINT):
        part.on_ready()
        psycopg.connect(server.environment["HALLPULSE_DATABASE_URL"]).close()
        psycopg.connect(server.for_services["ingest"]["HALLPULSE_DATABASE_URL"]).close()
