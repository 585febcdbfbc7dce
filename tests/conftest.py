"""Fixtures for everyone: real servers, started by the first test that asks for one, once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.servers import BrokerServer, PostgresServer, Vhost, broker_server, postgres_server

# machines are shared: how long an example takes says nothing
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty database of this test alone."""
    with postgres.fresh_database() as url:
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
