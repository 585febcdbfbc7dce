"""The publisher of hall systems on a real broker, as the broker user of a hall."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.topology import EVENTS, queue_names
from hallpulse.contract.events import EventType
from hallpulse.publisher import Halt, Message, Publisher, Refused, Unavailable
from tests.consuming import consuming
from tests.hall_events import changed
from tests.ingesting import strain, wait_until
from tests.servers import BrokerServer, Vhost

SOURCE = "/222424/hall-1"


def event(number: int, kind: EventType = EventType.CASE_RECEIVED) -> dict[str, object]:
    return changed(kind, id=f"e{number}", source=SOURCE)


def queued(vhost: Vhost) -> int:
    with open_channel(vhost.amqp_url) as channel:
        return sum(int(channel.queue_declare(name, passive=True).method.message_count) for name in queue_names(2))


def taken(vhost: Vhost, count: int) -> set[str]:
    """The ids of what a worker decodes from the hall's messages, until there are as many."""
    with consuming(vhost) as running:
        wait_until(lambda: len(set(running.ids)) >= count)
        return set(running.ids)


def test_what_a_hall_sends_is_confirmed_and_taken(vhost: Vhost, hall_url: str) -> None:
    with Publisher(hall_url) as publisher:
        for number in range(500):
            publisher.send(event(number))
        publisher.send_batch(event(number) for number in range(500, 900))
        publisher.send(json.dumps(event(900)).encode())
        publisher.flush(30)
        assert (publisher.confirmed, publisher.waiting) == (901, 0)
    assert taken(vhost, 901) == {f"e{number}" for number in range(901)}


def test_what_is_sent_while_the_broker_confirms_shares_an_envelope(vhost: Vhost, hall_url: str) -> None:
    """One by one, each waiting for its confirmation, takes a second for some hundreds."""
    with Publisher(hall_url) as publisher:
        began = time.monotonic()
        for number in range(6000):
            publisher.send(event(number))
        publisher.flush(60)
        assert time.monotonic() - began < 20 * strain()
    assert 60 <= queued(vhost) < 1000
    assert taken(vhost, 6000) == {f"e{number}" for number in range(6000)}


def test_several_threads_may_send_at_once(vhost: Vhost, hall_url: str) -> None:
    with Publisher(hall_url) as publisher:
        threads = [
            threading.Thread(target=lambda first=first: [publisher.send(event(first + n)) for n in range(100)])
            for first in range(0, 400, 100)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert taken(vhost, 400) == {f"e{number}" for number in range(400)}


def test_a_lost_connection_loses_no_event(vhost: Vhost, broker: BrokerServer, hall_url: str) -> None:
    with Publisher(hall_url) as publisher:
        for number in range(3000):
            publisher.send(event(number))
            if number in (700, 1500, 2200):
                broker.disconnect("222424.hall-1")
        publisher.flush(60)
    assert taken(vhost, 3000) == {f"e{number}" for number in range(3000)}


def send_until_full(publisher: Publisher, size: int, made: Callable[[int], dict[str, object]]) -> int:
    """Send `size` events at a time until the broker says that a queue is full; return how many were sent.

    A quorum queue takes some hundred messages more before it says so: how many depends on the broker's version and on
    how fast they come.
    """
    sent, fault = 0, ""
    while not fault and sent < 10 * size:
        publisher.send_batch(made(sent + number) for number in range(size))
        sent += size
        try:
            publisher.flush(5)
        except Unavailable as error:
            fault = str(error)
    assert re.fullmatch(r"\d+ events are not confirmed: broker: a queue is full", fault), fault
    return sent


def test_a_full_queue_is_waited_for(vhost: Vhost, broker: BrokerServer, hall_url: str) -> None:
    policy = {"pattern": "^hall\\.ingest", "definition": {"max-length": 5}, "apply-to": "queues"}
    broker.manage("PUT", f"policies/{vhost.name}/small", policy)
    with Publisher(hall_url) as publisher:
        sent = send_until_full(publisher, 4000, event)
        assert publisher.waiting > 0
        broker.manage("DELETE", f"policies/{vhost.name}/small")
        publisher.flush(60)
    assert taken(vhost, sent) == {f"e{number}" for number in range(sent)}


def test_events_are_kept_while_the_broker_knows_no_exchange_yet(
    vhost: Vhost, channel: BlockingChannel, hall_url: str
) -> None:
    channel.exchange_delete(EVENTS)
    with Publisher(hall_url) as publisher:
        publisher.send(event(1))
        time.sleep(1)
        declare(channel, 2)
        publisher.flush(20)
    assert taken(vhost, 1) == {"e1"}


def test_a_family_that_was_not_granted_is_a_reason_to_stop(hall_url: str) -> None:
    publisher = Publisher(hall_url)
    publisher.start()
    publisher.send(event(1, EventType.ITEM_PUBLISHED))
    with pytest.raises(Halt, match=r"ACCESS_REFUSED - (write )?access to topic '222424\.hall-1\.item'"):
        publisher.flush(20)
    with pytest.raises(Halt, match="refused for user"):
        publisher.send(event(2))
    publisher.close()


def test_with_somebody_told_of_what_is_turned_away_all_else_goes_on(vhost: Vhost, hall_url: str) -> None:
    turned_away: list[Message] = []
    with Publisher(hall_url, lambda message, _: turned_away.append(message)) as publisher:
        for number in range(50):
            publisher.send(event(number))
            if number % 20 == 0:
                publisher.send(event(1000 + number, EventType.ITEM_PUBLISHED))
        publisher.flush(60)
    assert {message.routing_key for message in turned_away} == {"222424.hall-1.item"}
    assert len(turned_away) == 3
    assert taken(vhost, 50) == {f"e{number}" for number in range(50)}


def test_a_fault_of_whoever_is_told_is_raised_where_events_are_sent(hall_url: str) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    publisher = Publisher(hall_url, broken)
    publisher.start()
    publisher.send(event(1, EventType.ITEM_PUBLISHED))
    with pytest.raises(Halt, match="ZeroDivisionError"):
        publisher.flush(20)
    publisher.close()


def test_of_a_batch_that_breaks_the_contract_nothing_is_sent(vhost: Vhost, hall_url: str) -> None:
    with Publisher(hall_url) as publisher, pytest.raises(Refused):
        publisher.send_batch([event(1), changed(data={"channel": "fax"}, source=SOURCE)])
    assert queued(vhost) == 0


def test_a_broker_out_of_reach_is_said_in_one_line() -> None:
    publisher = Publisher("amqp://222424.hall-1:x@127.0.0.1:1/")
    publisher.start()
    publisher.send(event(1))
    with pytest.raises(Unavailable, match=r"^1 events are not confirmed: broker: ") as error:
        publisher.flush(0.5)
    assert "\n" not in str(error.value)
    began = time.monotonic()
    publisher.close()
    assert time.monotonic() - began < 3 * strain()


@pytest.mark.parametrize("url", ["", "nonsense", "http://a:b@host/", "amqp://host:port/"])
def test_what_is_no_url_is_said_in_one_line(url: str) -> None:
    with pytest.raises(Halt, match="broker: expected a URL amqp://USER"):
        Publisher(url)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("routing_key", "user_id", "code"),
    [
        ("222424.hall-1.case", "222424.hall-1", 0),
        ("222424.hall-1.tally", "222424.hall-1", 0),
        ("222424.hall-1.case", None, 0),  # the ingest refuses it: publisher-unidentified
        ("222424.hall-1.case", "222424.hall-2", 406),
        ("222424.hall-1.case", "gateway", 406),
        ("222424.hall-2.case", "222424.hall-1", 403),
        ("222424.hall-1.item", "222424.hall-1", 403),
        ("222424.hall-1.figure", "222424.hall-1", 403),
        ("222424.hall-1.case.x", "222424.hall-1", 403),
        ("222424.hall-1.case\n", "222424.hall-1", 403),
        ("222424xhall-1.case", "222424.hall-1", 403),
        ("1222424.hall-1.case", "222424.hall-1", 403),
    ],
)
def test_the_broker_holds_a_hall_to_its_own_routing_keys_and_name(
    hall_url: str, routing_key: str, user_id: str | None, code: int
) -> None:
    assert _publish(hall_url, EVENTS, routing_key, user_id) == code


@pytest.mark.attack
@pytest.mark.parametrize(
    ("exchange", "routing_key"),
    [("", "hall.refused"), ("", "hall.ingest.0"), ("hall.partitions", "x"), ("amq.topic", "x")],
)
def test_a_hall_writes_to_no_other_exchange(hall_url: str, exchange: str, routing_key: str) -> None:
    assert _publish(hall_url, exchange, routing_key, "222424.hall-1") == 403


FORBIDDEN: dict[str, Callable[[BlockingChannel], object]] = {
    "read": lambda channel: channel.basic_get("hall.ingest.0"),
    "declare": lambda channel: channel.queue_declare("mine"),
    "bind": lambda channel: channel.queue_bind("hall.ingest.0", EVENTS, "#"),
    "delete": lambda channel: channel.queue_delete("hall.ingest.0"),
    "purge": lambda channel: channel.queue_purge("hall.ingest.0"),
}


@pytest.mark.attack
@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_hall_reads_and_declares_nothing(hall_url: str, what: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(hall_url))
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as error:
        FORBIDDEN[what](connection.channel())
    assert error.value.reply_code == 403
    connection.close()


def _publish(url: str, exchange: str, routing_key: str, user_id: str | None) -> int:
    """The code with which the broker closes the channel, 0 where it confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    try:
        channel.basic_publish(exchange, routing_key, b"{}", pika.BasicProperties(user_id=user_id), mandatory=True)
    except pika.exceptions.ChannelClosedByBroker as error:
        return int(error.reply_code)
    finally:
        connection.close()
    return 0


def test_a_new_password_ends_the_old_one_and_a_removed_user_is_cut_off(vhost: Vhost, hall_url: str) -> None:
    users = BrokerUsers(vhost.management_url, vhost.name)
    open_one = pika.BlockingConnection(pika.URLParameters(hall_url))
    users.put(222424, "hall-1", ["case"])
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(hall_url))
    users.cut(222424, "hall-1")
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        _until_cut(open_one)
    assert users.remove(222424, "hall-1")
    assert not users.remove(222424, "hall-1")
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(hall_url))


@pytest.mark.attack
def test_a_user_that_is_removed_loses_its_connections_at_once(vhost: Vhost, hall_url: str) -> None:
    open_one = pika.BlockingConnection(pika.URLParameters(hall_url))
    BrokerUsers(vhost.management_url, vhost.name).remove(222424, "hall-1")
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        _until_cut(open_one)


def _until_cut(connection: pika.BlockingConnection) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        connection.process_data_events(0.1)


def test_management_that_is_not_there_or_says_no_is_told_in_one_line(vhost: Vhost) -> None:
    with pytest.raises(Unavailable, match=r"^broker management: "):
        BrokerUsers("http://a:b@127.0.0.1:1").put(222424, "hall-1", ["case"])
    with pytest.raises(Halt, match=r"^broker management: it answers 401"):
        BrokerUsers(vhost.management_url.replace(quote(vhost.user), "nobody", 1)).put(222424, "hall-1", ["case"])
