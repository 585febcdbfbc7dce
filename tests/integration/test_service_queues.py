"""The queues of services' calls and events on a broker that has them from an earlier version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker.rpc import call
from hallpulse.store import Store
from tests.ingesting import wait_until
from tests.integration.test_service_calls import BREACH, running
from tests.servers import BrokerServer, Vhost

CALLS, EVENTS = "rpc-notices", "evt-targets-target_breached--notices.target_breached"
BOUND = {CALLS: ("nameko-rpc", "notices.*"), EVENTS: ("targets.events", "target_breached")}
EARLIER: dict[str, Any] = {}
BY_HAND = {"x-queue-type": "quorum", "x-delivery-limit": 5}


@pytest.fixture
def channel(vhost: Vhost) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(vhost.amqp_url)) as connection:
        yield connection.channel()


def declare(channel: BlockingChannel, arguments: dict[str, Any]) -> None:
    """As an earlier version did."""
    for queue, (exchange, key) in BOUND.items():
        channel.exchange_declare(exchange, "topic", durable=True)
        channel.queue_declare(queue, durable=True, arguments=arguments)
        channel.queue_bind(queue, exchange, key)


def announce(channel: BlockingChannel, minute: int) -> None:
    body = json.dumps({**BREACH, "at": f"2026-11-24T04:{minute:02}:00+00:00"}).encode()
    properties = pika.BasicProperties(content_type="application/json", content_encoding="utf-8", delivery_mode=2)
    channel.basic_publish("targets.events", "target_breached", body, properties)


def kinds(broker: BrokerServer, vhost: Vhost) -> set[tuple[str, str]]:
    queues = json.loads(broker.manage("GET", f"queues/{vhost.name}?columns=name,type"))
    return {(one["name"], one["type"]) for one in queues if one["name"] in BOUND}


@contextmanager
def notices(folder: Path, vhost: Vhost, store: Store) -> Iterator[None]:
    url = store._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with running(["notices"], folder, HALLPULSE_AMQP_URL=vhost.amqp_url, HALLPULSE_DATABASE_URL=url):
        yield


def answers(vhost: Vhost) -> bool:
    return isinstance(call(vhost.amqp_url, "notices", "list", seconds=60)["notices"], list)


def test_queues_of_an_earlier_version_are_used_while_something_waits_in_them_and_then_replaced(
    tmp_path: Path, broker: BrokerServer, vhost: Vhost, channel: BlockingChannel, store: Store
) -> None:
    declare(channel, EARLIER)
    announce(channel, 0)
    with notices(tmp_path, vhost, store):
        wait_until(lambda: len(store.notices.list()) == 1, 60)
        assert answers(vhost)
        assert kinds(broker, vhost) == {(CALLS, "quorum"), (EVENTS, "classic")}
        announce(channel, 1)
        wait_until(lambda: len(store.notices.list()) == 2, 60)
    with notices(tmp_path, vhost, store):
        assert answers(vhost)
        assert kinds(broker, vhost) == {(CALLS, "quorum"), (EVENTS, "quorum")}
        announce(channel, 2)
        wait_until(lambda: len(store.notices.list()) == 3, 60)


def test_queues_of_other_arguments_are_used_also_when_they_change_while_a_service_runs(
    tmp_path: Path, broker: BrokerServer, vhost: Vhost, channel: BlockingChannel, store: Store
) -> None:
    declare(channel, BY_HAND)
    with notices(tmp_path, vhost, store):
        assert answers(vhost)
        for queue in BOUND:
            channel.queue_delete(queue)
        declare(channel, EARLIER)
        announce(channel, 0)
        channel.connection.close()
        broker.disconnect(vhost.user)
        wait_until(lambda: len(store.notices.list()) == 1, 60)
        assert answers(vhost)
