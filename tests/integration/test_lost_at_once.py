"""A broker that resets connections as soon as they are made: pika then finds no other side, and raises a ValueError."""

from __future__ import annotations

import contextlib
import gc
import itertools
import socket
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pika import frame, spec
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


@pytest.fixture
def closing_at_once() -> Iterator[str]:
    """The URL of a broker that opens a connection and closes it in one breath."""
    steps = (
        [spec.Connection.Start(server_properties={}, mechanisms="PLAIN", locales="en_US")],
        [spec.Connection.Tune(0, 131_072, 0)],
        [spec.Connection.OpenOk(), spec.Connection.Close(320, "CONNECTION_FORCED", 0, 0)],
    )

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            for methods in steps:
                connection.recv(4096)
                connection.sendall(b"".join(frame.Method(0, method).marshal() for method in methods))
            while connection.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"amqp://hall:x@127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(20)


def test_a_connection_that_is_closed_as_it_opens_leaves_no_socket(closing_at_once: str) -> None:
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(Unavailable), open_channel(closing_at_once):
            pass
        gc.collect()
    assert [str(one.message) for one in left] == []
