"""Calls of services where the broker itself does not answer: a limit is kept, and calls do not pile up."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from hallpulse.domain.errors import Unavailable
from services.gateway.service_calls import RpcServices


@pytest.fixture
def silent_broker() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"amqp://a:b@127.0.0.1:{listener.getsockname()[1]}/%2F"


def test_a_broker_that_says_nothing_holds_a_call_no_longer_than_its_limit(silent_broker: str) -> None:
    services = RpcServices(silent_broker)
    with pytest.raises(Unavailable, match=r"reports\.monthly has not answered for 0\.2 s|^broker: "):
        services.ask(dict, "reports", "monthly", seconds=0.2)
    services.close()


def test_more_calls_than_the_limit_are_declined_at_once_and_free_their_place_when_they_end(silent_broker: str) -> None:
    services = RpcServices(silent_broker, most=1)
    first = services._begin("reports", "monthly", 0.5, (), {})
    with pytest.raises(Unavailable, match="too many calls of services are under way"):
        services.ask(dict, "reports", "monthly", seconds=60)
    assert isinstance(first.exception(30), Unavailable)
    with pytest.raises(Unavailable, match=r"has not answered for|^broker: "):
        services.ask(dict, "reports", "monthly", seconds=0.2)
    services.close()
