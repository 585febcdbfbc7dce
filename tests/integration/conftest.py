"""Stores for tests, of a test alone or of a file. A hall's broker user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.plans import load_plans
from hallpulse.store import Store, open_store
from tests.asked import ASKED
from tests.servers import PostgresServer, Vhost

PLANS = Path(__file__).parents[2] / "plans"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=[ASKED, *load_plans(PLANS)])
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_store(postgres: PostgresServer, template: str) -> Iterator[Store]:
    """A store for all tests of a file that read what they share and change nothing of it."""
    with postgres.fresh_database(template) as url:
        opened = open_store(url, plans=[ASKED, *load_plans(PLANS)])
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
