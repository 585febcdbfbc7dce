"""Stores for tests: an empty database with this version's tables and the shipped calendars. A hall's broker user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.workdays import Calendar
from hallpulse.plans import load_plans
from hallpulse.store import Store, migrate, open_store
from tests.asked import ASKED
from tests.servers import Vhost

CALENDARS = Path(__file__).parents[2] / "calendars"
PLANS = Path(__file__).parents[2] / "plans"


@pytest.fixture(scope="session")
def calendars() -> list[Calendar]:
    return [national_calendar(), *load_overrides(CALENDARS)]


@pytest.fixture
def store_url(database_url: str, calendars: list[Calendar]) -> str:
    """The URL of a database that is ready for merges."""
    migrate(database_url)
    store = open_store(database_url)
    store.apply_calendars(calendars)
    store.close()
    return database_url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=[ASKED, *load_plans(PLANS)])
    yield opened
    opened.close()


@pytest.fixture
def channel(vhost: Vhost) -> Iterator[BlockingChannel]:
    """To a broker where everything is declared, with two partitions."""
    with open_channel(vhost.amqp_url) as opened:
        declare(opened, 2)
        yield opened


@pytest.fixture
def hall_url(vhost: Vhost, channel: BlockingChannel) -> Iterator[str]:
    """The URL of hall-1's broker user, which was granted cases and tallies."""
    assert channel.is_open
    users = BrokerUsers(vhost.management_url, vhost.name)
    password = users.put(222424, "hall-1", ["case", "tally"])
    address = urlsplit(vhost.amqp_url)
    yield f"amqp://222424.hall-1:{password}@{address.hostname}:{address.port}/{vhost.name}"
    users.remove(222424, "hall-1")
