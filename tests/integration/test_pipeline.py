"""The pipeline of confirmed messages on a real broker."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from urllib.parse import quote

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError

from hallpulse.domain.errors import Unavailable
from hallpulse.publisher.confirmed_channel import ConfirmedChannel
from services.local.process_groups import wait_until
from tests.servers import BrokerServer, Vhost

EXCHANGE = "hall.events"


@pytest.fixture
def channel(vhost: Vhost) -> Iterator[BlockingChannel]:
    """With an exchange and one quorum queue that takes events of cases."""
    connection = pika.BlockingConnection(pika.URLParameters(vhost.amqp_url))
    channel = connection.channel()
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    arguments = {"x-queue-type": "quorum", "x-max-length": 50, "x-overflow": "reject-publish"}
    channel.queue_declare("cases", durable=True, arguments=arguments)
    channel.queue_bind("cases", EXCHANGE, "*.*.case")
    yield channel
    with contextlib.suppress(AMQPConnectionError):  # one test has the broker close all connections
        connection.close()


@pytest.fixture
def pipeline(vhost: Vhost, channel: BlockingChannel) -> Iterator[ConfirmedChannel]:
    assert channel.is_open
    opened = ConfirmedChannel(vhost.amqp_url)
    opened.start(10)
    yield opened
    opened.close()


def test_a_message_is_confirmed_once_the_broker_has_it(
    pipeline: ConfirmedChannel, channel: BlockingChannel, vhost: Vhost
) -> None:
    pipeline.publish("222424.hall-1.case", b"{}", "application/cloudevents+json").result(10)
    method, properties, body = channel.basic_get("cases", auto_ack=True)
    assert method is not None
    assert (method.routing_key, body) == ("222424.hall-1.case", b"{}")
    assert (properties.user_id, properties.delivery_mode) == (vhost.user, 2)
    assert properties.content_type == "application/cloudevents+json"


def test_many_messages_are_in_flight_at_once_and_none_is_lost(
    pipeline: ConfirmedChannel, channel: BlockingChannel
) -> None:
    futures = [pipeline.publish("222424.hall-1.case", str(n).encode(), "x") for n in range(40)]
    for future in futures:
        future.result(10)
    bodies = [body for _, _, body in (channel.basic_get("cases", auto_ack=True) for _ in futures)]
    assert bodies == [str(n).encode() for n in range(40)]


def test_a_full_queue_is_told_from_a_confirmed_message(pipeline: ConfirmedChannel) -> None:
    """A quorum queue takes some hundred messages more before it says that it is full: hence messages until it does."""
    outcomes: list[BaseException | None] = []
    while not any(outcomes) and len(outcomes) < 10_000:
        futures = [pipeline.publish("222424.hall-1.case", b"{}", "x") for _ in range(500)]
        outcomes += [future.exception(20) for future in futures]
    assert None in outcomes
    refused = [str(outcome) for outcome in outcomes if outcome is not None]
    assert set(refused) == {"broker: a queue is full"}


def test_a_message_that_fits_no_queue_is_not_confirmed(pipeline: ConfirmedChannel) -> None:
    with pytest.raises(Unavailable, match="no queue takes the message"):
        pipeline.publish("222424.hall-1.nonsense", b"{}", "x").result(10)
    pipeline.publish("222424.hall-1.case", b"{}", "x").result(10)


def test_it_connects_again_after_a_loss(pipeline: ConfirmedChannel, broker: BrokerServer, vhost: Vhost) -> None:
    pipeline.publish("222424.hall-1.case", b"{}", "x").result(10)
    assert wait_until(lambda: len(_connections(broker, vhost)) == 2, 20)
    for name in _connections(broker, vhost):
        broker.manage("DELETE", f"connections/{quote(name)}")
    assert wait_until(lambda: not pipeline.connected, 10)
    assert wait_until(lambda: pipeline.connected, 10)
    pipeline.publish("222424.hall-1.case", b"{}", "x").result(10)


def _connections(broker: BrokerServer, vhost: Vhost) -> list[str]:
    """As the management API knows them, some seconds after they were made."""
    return [c["name"] for c in json.loads(broker.manage("GET", f"vhosts/{vhost.name}/connections"))]


def test_an_exchange_that_is_not_there_yet_is_waited_for(vhost: Vhost) -> None:
    pipeline = ConfirmedChannel(vhost.amqp_url, "not-yet")
    pipeline.start(10)
    try:
        with pytest.raises(Unavailable, match="NOT_FOUND"):
            pipeline.publish("222424.hall-1.case", b"{}", "x").result(10)
        connection = pika.BlockingConnection(pika.URLParameters(vhost.amqp_url))
        connection.channel().exchange_declare("not-yet", "fanout", durable=True)
        connection.channel().queue_declare("all", durable=True, arguments={"x-queue-type": "quorum"})
        connection.channel().queue_bind("all", "not-yet", "")
        connection.close()
        assert wait_until(lambda: pipeline.connected, 10)
        pipeline.publish("222424.hall-1.case", b"{}", "x").result(10)
    finally:
        pipeline.close()


def test_a_broker_out_of_reach_is_said_in_one_line() -> None:
    pipeline = ConfirmedChannel("amqp://nobody:x@127.0.0.1:1/")
    with pytest.raises(Unavailable, match=r"broker at 127\.0\.0\.1:1: ") as error:
        pipeline.start(10)
    assert "\n" not in str(error.value)


def test_a_wrong_password_is_said_in_one_line(broker: BrokerServer) -> None:
    pipeline = ConfirmedChannel(f"amqp://nobody:x@127.0.0.1:{broker.server.ports.amqp}/")
    with pytest.raises(Unavailable, match="ACCESS_REFUSED"):
        pipeline.start(10)
