"""Fixtures for everyone: real servers, started by the first test that asks for one, once a session."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.workdays import Calendar
from hallpulse.store import migrate, open_store
from tests.citus_cluster import CitusCluster, cluster_at, cluster_url
from tests.servers import BrokerServer, PostgresServer, Vhost, broker_server, postgres_server

CALENDARS = Path(__file__).parents[1] / "calendars"
IN_MEMORY, ROOM = Path("/dev/shm"), 8 << 30
FOLDERS = ("e2e", "security", "fuzz", "alerts", "integration", "contract", "image", "unit")
"""The order in which folders are tested: what takes long first, so that no worker is left with it in the end."""

# machines are shared: how long an example takes says nothing
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


def pytest_configure() -> None:
    """Keep the tests' files in memory if there is room: a broker waits for its disk at nearly everything it does."""
    if "TMPDIR" not in os.environ and IN_MEMORY.is_dir() and _serves(IN_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)


def _serves(folder: Path) -> bool:
    """Return whether a folder in memory has room and lets programs in it run, which some tests write."""
    runs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return runs and min(shutil.disk_usage(folder).free, _memory_left()) >= ROOM


def _memory_left() -> int:
    """Return the bytes of memory that are available now."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) << 10


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(FOLDERS)}
    items.sort(key=lambda item: places.get(item.path.parent.name, len(places)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer | CitusCluster]:
    """A private PostgreSQL, or a Citus cluster that the environment names (`make citus-test`)."""
    if (url := cluster_url()) is not None:
        yield cluster_at(url)
        return
    with postgres_server() as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty database of this test alone."""
    with postgres.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def calendars() -> list[Calendar]:
    return [national_calendar(), *load_overrides(CALENDARS)]


@pytest.fixture(scope="session")
def template(postgres: PostgresServer, calendars: list[Calendar]) -> str:
    """The name of the database of which each store begins as a copy: this version's tables, the shipped calendars.

    A file whose tests all begin with the same events overrides it, and stores them once.
    """

    def fill(url: str) -> None:
        migrate(url)
        store = open_store(url)
        store.apply_calendars(calendars)
        store.close()

    return postgres.template("migrated", fill)


@pytest.fixture
def store_url(postgres: PostgresServer, template: str) -> Iterator[str]:
    """The URL of a database of this test alone that is ready for merges."""
    with postgres.fresh_database(template) as url:
        yield url


@pytest.fixture(scope="session")
def broker() -> Iterator[BrokerServer]:
    with broker_server() as server:
        yield server


@pytest.fixture
def vhost(broker: BrokerServer) -> Iterator[Vhost]:
    """A virtual host of this test alone, with a user of the same name that administers it."""
    with broker.fresh_vhost() as fresh:
        yield fresh


@pytest.fixture
def amqp_url(vhost: Vhost) -> str:
    return vhost.amqp_url
