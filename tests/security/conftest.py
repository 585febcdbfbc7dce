"""One county for all attacks: each of them must leave it in order for the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import calendars, store, store_url
from tests.security.county import County, attacked
from tests.servers import PostgresServer, broker_server

__all__ = ["calendars", "store", "store_url"]


@pytest.fixture(scope="session")
def county(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Has a broker to itself: users are the broker's, not a virtual host's, and other tests name halls alike."""
    folder = tmp_path_factory.mktemp("county")
    with (
        postgres.fresh_database() as url,
        broker_server() as broker,
        broker.fresh_vhost() as vhost,
        attacked(folder, vhost, url) as found,
    ):
        yield found
