"""A broker that resets connections as soon as they are made: pika then finds no other side, and raises a ValueError."""

from __future__ import annotations

import itertools
import socket
from typing import Any

import pytest
from pika.adapters.utils import io_services_utils

from hallpulse.broker import open_channel
from hallpulse.contract.events import EventType
from hallpulse.domain.errors import Unavailable
from hallpulse.publisher import Publisher
from tests.consuming import consuming
from tests.hall_events import changed
from tests.ingesting import publish, publishing, wait_until
from tests.servers import Vhost

EVENT = changed(EventType.CASE_RECEIVED, id="e1", source="/222424/hall-1")


@pytest.fixture
def reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next connection is gone when pika looks who is on the other side; those that follow hold."""
    connector = io_services_utils._AsyncStreamConnector
    looked, calls = connector.__init__, itertools.count()

    def look(self: Any, **given: Any) -> None:
        if next(calls) > 0:
            looked(self, **given)
        else:
            with socket.socket() as unconnected:
                looked(self, **{**given, "sock": unconnected})

    monkeypatch.setattr(connector, "__init__", look)


def test_a_publisher_goes_on(hall_url: str, vhost: Vhost, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("reset")
    with Publisher(hall_url) as publisher:
        publisher.send(EVENT)
        publisher.flush(20)
    with consuming(vhost) as running:
        wait_until(lambda: running.ids == ["e1"])


def test_a_worker_goes_on(vhost: Vhost, request: pytest.FixtureRequest) -> None:
    with publishing(vhost) as channel:
        publish(channel, EVENT, "222424.hall-1.case", user_id=vhost.user)
    request.getfixturevalue("reset")
    with consuming(vhost) as running:
        wait_until(lambda: running.ids == ["e1"])
        assert running.failures == []
        assert running.said == ["broker: the connection was lost as soon as it was made; trying again in 0.2 s"]


@pytest.mark.usefixtures("reset")
def test_a_short_connection_says_that_the_broker_is_away(vhost: Vhost) -> None:
    with pytest.raises(Unavailable, match="lost as soon as it was made"), open_channel(vhost.amqp_url):
        pass
