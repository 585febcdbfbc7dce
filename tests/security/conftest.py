"""One county for all attacks: each of them must leave it in order for the next."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from hallpulse.store import Link, Store
from services.gateway.provider import Provider
from tests.gateway_ground import FakeClock, serving
from tests.integration.conftest import store
from tests.peopled import Peopled
from tests.security.county import County, attacked
from tests.security.gates import FalseProvider, Gate, options
from tests.servers import PostgresServer, broker_server

__all__ = ["store"]


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


@pytest.fixture
def gates(store: Store) -> Iterator[Callable[..., Gate]]:
    """Makes the gateway with a provider; all of them end with the test."""
    with contextlib.ExitStack() as stack:

        def make(issuer: str) -> Gate:
            clock = FakeClock(datetime.now(UTC), time.monotonic())
            provider = Provider(options(issuer), lambda: clock.now, lambda: clock.seconds)
            people = Peopled(store, clock, provider=provider)
            store.accounts.link("bureau", Link(issuer, "wang.li"))
            port = stack.enter_context(serving(people.app.state.resources))
            browser = stack.enter_context(httpx.Client(timeout=30))
            return Gate(people, f"http://127.0.0.1:{port}", browser)

        yield make


@pytest.fixture
def false() -> Iterator[FalseProvider]:
    made = FalseProvider()
    yield made
    made.server.shutdown()
    made.server.server_close()
